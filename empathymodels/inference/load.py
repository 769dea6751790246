"""Read a fit back from its file, or from the store of a fit under way."""

from __future__ import annotations

import tempfile
from pathlib import Path

import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.catalog import FOLDER, list_models
from empathymodels.declaration.model import Model
from empathymodels.inference.fit_files import BEGUN, is_begun, read
from empathymodels.inference.fits import find_model
from empathymodels.inference.integrity import no_draws
from empathymodels.terminal import tell


@checked_arguments
def load(
    path: str | Path, *, model: str | Path | None = None, trust_source: bool = False
) -> xr.DataTree:
    """Read a fit that `save` wrote, or what a store has of a fit under way.

    Parameters
    ----------
    path : str or Path
        File or Zarr folder. A store in which `fit` was stopped gives the fit of the draws that
        all chains have finished: ``attrs["partial"]`` says how many, every output that it is
        partial, and a message what goes on with it.
    model : str or Path, optional
        The file of the model, for a fit of a model of one's own. Its equations and
        declarations must equal those of the fit.
    trust_source : bool
        Use the model text stored in the file. This runs that text as Python: only for files
        whose author you trust.

    Returns
    -------
    DataTree
        As `fit` returned it.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is no fit, comes from a later format, or its model has changed since; a store
        has no draws yet.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"A fit must exist where you say; found none at {path}. Check the path."
        )
    fit = read(path / BEGUN if is_begun(path) else path)
    fit.attrs.pop("source", None)  # which file to run is for the caller to say
    if model is not None:
        fit.attrs["source"] = str(Path(model).resolve())
    elif trust_source and fit.attrs["model"] not in list_models():
        fit.attrs["source"] = str(_write_source(fit))
    if model is not None or fit.attrs["model"] in list_models() or trust_source:
        used = find_model(fit)
        tell(f"{path.name}: model '{used.label}' from {_origin(used, trust_source)}")
    if is_begun(path):
        from empathymodels.inference.partial_fit import partial_fit

        return partial_fit(path, fit)
    if fault := no_draws(fit, path):
        raise ValueError(fault)
    return fit


def _origin(model: Model, trusted: bool) -> str:
    if Path(model.source).parent == FOLDER:
        return "the installed package"
    return "the text stored in the file" if trusted else model.source


def _write_source(fit: xr.DataTree) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="empathymodels-"))
    source = folder / f"{fit.attrs['model']}.py"
    source.write_text(fit.attrs["model_text"], encoding="utf-8")
    return source
