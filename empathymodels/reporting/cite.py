"""What to cite."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from empathymodels.declaration.catalog import get_model, list_models
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Reference
from empathymodels.inference.fits import recorded
from empathymodels.study.study import Study

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


def cite(*sources: Model | str | Path | xr.DataTree | Study) -> str:
    """Return what to cite: studies, models, the package and what it is built on, with DOIs.

    Parameters
    ----------
    *sources : Model or str or Path or DataTree or Study
        Models, their names or files, studies, or fits, which carry both a study and a model.
        None: the package alone.

    Returns
    -------
    str
        One reference per line, each once: studies, then models, then software.

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
    return "\n".join(citations(*sources))


def citations(*sources: Model | str | Path | xr.DataTree | Study) -> list[str]:
    """Return the lines of `cite`."""
    from empathymodels.version import __version__

    references = [reference_text(entry) for source in sources for entry in references_of(source)]
    studies = [text for source in sources for text in _study_texts(source)]
    software = [PACKAGE.format(version=__version__), *map(reference_text, BUILT_ON)]
    return list(dict.fromkeys([*studies, *references, *software]))


def reference_text(reference: Reference) -> str:
    """Return a reference as one line that ends in its address."""
    return f"{reference.citation} https://doi.org/{reference.doi}"


def references_of(source: Model | str | Path | xr.DataTree | Study) -> list[Reference]:
    """Return the papers that a model, or the model of a fit, declares."""
    if isinstance(source, Study):
        return []
    if isinstance(source, str | Path):
        return list(get_model(source).references)
    if isinstance(source, Model):
        return list(source.references)
    if not isinstance(source, xr.DataTree) or "model" not in source.attrs:
        raise TypeError(
            "cite() takes models, names or files of models, studies, and fits; found "
            f"{type(source).__name__}. Give what fit(), get_model() or load_study() returned."
        )
    if "declarations" in source.attrs:
        stored = recorded(source, "declarations")["references"]
        return [Reference(**entry) for entry in stored]
    name = source.attrs["model"]
    return list(get_model(name if name in list_models() else source.attrs["source"]).references)


def _study_texts(source: object) -> list[str]:
    """Return the citation of a study, or of a fit's study, where it has one."""
    if isinstance(source, Study):
        text = source.citation
    elif isinstance(source, xr.DataTree) and "study" in source.children:
        text = source["study"].attrs["citation"]
    else:
        text = ""
    return [" ".join(text.split())] if text.strip() else []
