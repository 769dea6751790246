"""Long fits that outlive their process: draws kept on disk as they come, and carried on.

A store is a folder. While a fit is under way it holds the fit without its draws and one Zarr folder
per run of the sampler, ``run-0``, ``run-1``, ..., in which draws appear in blocks. When the fit is
done it replaces all that, as `save` writes it.

A sampler that was killed cannot be continued where it stood, for its adaptation is lost. So the
next run adapts anew, every chain starting from its own last draw on disk. All draws then come from
samplers that were adapted before them, as in a fit in one piece, though not the very same draws.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.files import Rule, lying, refuse_loss
from empathymodels.inference.fit_files import (
    BEGUN,
    check_suffix,
    check_text,
    foreign,
    is_begun,
    read,
    write,
)
from empathymodels.inference.fits import recorded, version_of
from empathymodels.study.study import Study


@dataclass(frozen=True)
class Store:
    """Where a fit keeps its draws, and what is there already.

    Attributes
    ----------
    path : Path
        The folder.
    asked : str
        What the fit depends on, as JSON.
    earlier : DataTree or None
        The fit that it holds: finished, or begun and without its draws.
    is_begun : bool
        Whether that one is not finished.
    """

    path: Path
    asked: str
    earlier: xr.DataTree | None
    is_begun: bool = True

    @property
    def finished(self) -> xr.DataTree | None:
        """The fit that it holds, where nothing is left to do."""
        return None if self.is_begun else self.earlier

    def seed(self, given: int | None) -> int | None:
        """Seed of the fit that was begun, or the given one."""
        return given if self.earlier is None else int(self.earlier.attrs["seed"])


# ------------------------------------------------------------------ what a store is for


def open_store(
    path: Path,
    model: Model,
    study: Study,
    settings: Mapping[str, Any],
    *,
    method: str,
    seed: int | None,
) -> Store:
    """Return the store of a fit.

    Raises
    ------
    FileExistsError
        Something that a store does not hold lies there.
    ImportError
        The extra ``zarr`` is not installed.
    ValueError
        A fit cannot be stored so, or the folder holds something else: a fit of another model,
        study, seed or other settings.
    """
    if method != "nuts":
        raise ValueError(
            f"A store keeps draws as they are sampled; method='{method}' samples none. Leave "
            "store= out and save() the fit, or take method='nuts'."
        )
    if path.suffix != ".zarr":
        raise ValueError(f"A store is a .zarr folder; found '{path.name}'. Change its suffix.")
    check_suffix(path)
    check_text(model.source)
    refuse_loss(path, STORE)
    what = {"model": model.label, "equations": fingerprint(model), "study": study.digest}
    asked = json.dumps(what | dict(settings), default=lambda value: np.asarray(value).tolist())
    if _is_empty(path):
        return Store(path, asked, None)
    begun = is_begun(path)
    earlier = read(path / BEGUN if begun else path)
    _refuse_another(path, earlier, json.loads(asked), seed)
    if begun:
        refuse_other_version(path, earlier)
    return Store(path, asked, earlier, begun)


def _is_empty(path: Path) -> bool:
    """Whether nothing is in a store: it is not there, or was left before a fit was begun in it."""
    return not path.exists() or (path.is_dir() and all(e.name[0] == "." for e in path.iterdir()))


def refuse_news(store: Store) -> None:
    """Raise ValueError where another process began or ended a fit in a store since it was opened.

    Its draws may be of another model, or of other coordinates.
    """
    if store.earlier is None:
        is_as_it_was = _is_empty(store.path)
    else:
        begun = is_begun(store.path)
        is_as_it_was = begun and read(store.path / BEGUN).attrs == store.earlier.attrs
    if not is_as_it_was:
        raise ValueError(
            f"A store is of one fit; {store.path} has been changed by another process since this "
            "fit was asked for, and no draw of this one is taken. Run the same again: it goes on "
            "from there, or says how the two differ."
        )


def _refuse_another(
    path: Path, earlier: xr.DataTree, wanted: dict[str, Any], seed: int | None
) -> None:
    there = recorded(earlier, "asked") | {"seed": int(earlier.attrs["seed"])}
    if seed is not None:
        wanted = wanted | {"seed": seed}
    other = [name for name, value in wanted.items() if there.get(name) != value]
    faults = [f"{name} ({_brief(there.get(name))}; now {_brief(wanted[name])})" for name in other]
    if other:
        raise ValueError(
            "A store goes on with the fit that it was begun with, of the same model, study and "
            f"settings. Found in {path}: another {', '.join(faults)}; {len(other)} of "
            f"{len(wanted)} differ. Ask for the same, or give another store."
        )


def _brief(value: Any) -> str:
    """A setting in a message; of hashes the beginning will do."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:9]}...{text[-1]}"


def refuse_other_version(path: Path, begun: xr.DataTree) -> None:
    """Raise ValueError where another version of the package began a fit."""
    from empathymodels.version import __version__

    written = version_of(begun)
    if written != __version__:
        raise ValueError(
            f"Draws of a fit under way are read by the version that wrote them; {path} is of "
            f"empathymodels {written}, this is {__version__}. Install that version, or begin "
            "anew with another store."
        )


def _unless_store(path: Path) -> str:
    """Say what lies at a path that would be lost when a store there becomes a fit."""
    return foreign(path) if path.is_dir() else lying(path)


STORE = Rule(_unless_store, "Move it away and run the same again, or give another store.")


def finish(store: Store, fit: xr.DataTree) -> None:
    """Put the whole fit in place of the draws that a store holds.

    Raises
    ------
    OSError
        It cannot be written, or something came to lie in the folder; the draws are still there.
    """
    write(fit, store.path, STORE)
