"""What to cite."""

from __future__ import annotations

import json
from pathlib import Path

import xarray as xr

from empathymodels.catalog import get_model, list_models
from empathymodels.model import Model
from empathymodels.nouns import Reference

PACKAGE = "empathymodels, version {version}: hierarchical Bayesian models of motivated empathy."
BUILT_ON = (
    Reference(
        "Abril-Pla, O., et al. (2023). PyMC: a modern, and comprehensive probabilistic "
        "programming framework in Python. PeerJ Computer Science, 9, e1516.",
        "10.7717/peerj-cs.1516",
    ),
    Reference(
        "Kumar, R., Carroll, C., Hartikainen, A., & Martin, O. (2019). ArviZ a unified library "
        "for exploratory analysis of Bayesian models in Python. Journal of Open Source Software, "
        "4(33), 1143.",
        "10.21105/joss.01143",
    ),
)


def cite(*models_or_fits: Model | str | Path | xr.DataTree) -> str:
    """Return what to cite: the references of models, and of the package, with their DOIs.

    Parameters
    ----------
    *models_or_fits : Model or str or Path or DataTree
        Models, their names or files, or fits. None: the package alone.

    Returns
    -------
    str
        One reference per line, each once.

    Raises
    ------
    KeyError, FileNotFoundError
        There is no such model, or no such file.
    TypeError
        Something else was given.

    Examples
    --------
    >>> import empathymodels as em
    >>> "10.1073/pnas.1514539112" in em.cite("outgroup_help_learning")
    True
    """
    from empathymodels import __version__

    references = [entry for source in models_or_fits for entry in _references(source)]
    texts = [
        *map(reference_text, references),
        PACKAGE.format(version=__version__),
        *map(reference_text, BUILT_ON),
    ]
    return "\n".join(dict.fromkeys(texts))


def reference_text(reference: Reference) -> str:
    """Return a reference as one line that ends in its address."""
    return f"{reference.citation} https://doi.org/{reference.doi}"


def _references(source: Model | str | Path | xr.DataTree) -> list[Reference]:
    if isinstance(source, str | Path):
        return list(get_model(source).references)
    if isinstance(source, Model):
        return list(source.references)
    if not isinstance(source, xr.DataTree) or "model" not in source.attrs:
        raise TypeError(
            "cite() takes models, names or files of models, and fits; found "
            f"{type(source).__name__}. Give what fit() or get_model() returned."
        )
    if "declarations" in source.attrs:
        stored = json.loads(source.attrs["declarations"])["references"]
        return [Reference(**entry) for entry in stored]
    name = source.attrs["model"]
    return list(get_model(name if name in list_models() else source.attrs["source"]).references)
