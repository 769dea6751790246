"""Write a fit to one file from which everything downstream works."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.inference.fit_files import FIT, write
from empathymodels.inference.fits import checked_fit


@checked_arguments
def save(fit: xr.DataTree, path: str | Path) -> Path:
    """Write a fit to one file from which everything downstream works.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    path : str or Path
        ``.nc`` for netCDF, ``.zarr`` for a Zarr folder. An older fit there is replaced, once
        the new one is complete.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileExistsError
        What lies there is no finished fit, or more than one: a folder or file of another kind, a
        fit under way, a link, a read-only file. It is left alone.
    OSError
        It cannot be written, on a full disk for example. What was there before is as it was.
    TypeError
        Something that is no fit was given.
    ValueError
        The suffix is neither ``.nc`` nor ``.zarr``, or the model was not defined in a file.
    """
    return write(checked_fit(fit), Path(path), FIT)
