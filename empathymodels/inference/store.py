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
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.engine.build import shares_of_centring
from empathymodels.engine.density import Density
from empathymodels.engine.linear_map import LinearMap
from empathymodels.files import Rule, lying, refuse_loss
from empathymodels.inference.convergence import Length
from empathymodels.inference.fit_files import (
    BEGUN,
    COMPLETE,
    check_suffix,
    check_text,
    foreign,
    is_begun,
    read,
    write,
)
from empathymodels.inference.fits import PARTIAL, covariates_of, find_model, recorded, version_of
from empathymodels.inference.sample import (
    DIVERGED,
    Judge,
    begins_anew,
    chain_numbers,
    sample_into,
    starts_by_number,
    strict,
)
from empathymodels.inference.save import save
from empathymodels.inference.store_draws import StoredDraws, finished_draws, kept_draws, run_folders
from empathymodels.inference.study_tree import study_from_tree
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.labels import labelled
from empathymodels.population.parametrisation import Parametrisation
from empathymodels.study.study import Study
from empathymodels.terminal import tell


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
        _refuse_other_version(path, earlier)
    return Store(path, asked, earlier, begun)


def _is_empty(path: Path) -> bool:
    """Whether nothing is in a store: it is not there, or was left before a fit was begun in it."""
    return not path.exists() or (path.is_dir() and all(e.name[0] == "." for e in path.iterdir()))


def _refuse_news(store: Store) -> None:
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


def _refuse_other_version(path: Path, begun: xr.DataTree) -> None:
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


# ----------------------------------------------------------------------------- sampling


def sample_to(
    store: Store,
    begun: xr.DataTree,
    density: Any,
    *,
    length: Length,
    targets: Sequence[float],
    judge: Judge,
    **settings: Any,
) -> StoredDraws:
    """Sample what a store lacks, and return all of its draws.

    Parameters
    ----------
    store : Store
        Where draws are and go.
    begun : DataTree
        The fit without its draws.
    length : Length
        How many draws per chain are wanted.
    targets : sequence of float
        As for `sample.sample_anew`; what the store has of the last one is gone on with.
    density, judge, settings
        As for `sample.sample`; chains that have draws in the store start from their last.

    Raises
    ------
    KeyboardInterrupt
        The sampling was interrupted; draws until then are in the store.
    OSError
        Draws cannot be written; those before are in the store.
    ValueError
        Another process is at work in the store, or has been since it was opened.
    """
    path = store.path
    with _alone(path):
        _refuse_news(store)
        left = targets[targets.index(_target(path, targets)) :]
        for target, following in zip_longest(left, left[1:]):
            if kept_draws(path) is None or _target(path, targets) != target:
                _begin(path, begun, target)  # with the coordinates of the draws to come
            judged = strict(judge) if following else judge
            kept = _judged(path, length, judged)
            if kept is None:
                how = {**settings, "length": length, "judge": judged, "target_accept": target}
                _one_run(path, kept_draws(path), density, **how)
                kept = _judged(path, length, judged)
            if kept is None or kept.trace.ended != DIVERGED:
                break
            tell(begins_anew(kept.trace, following))
    if kept is None:
        raise RuntimeError(f"Chains must end with all draws; {_there(path, length)} Run it again.")
    return replace(kept, trace=replace(kept.trace, target_accept=target))


def _target(path: Path, targets: Sequence[float]) -> float:
    """Acceptance rate of the draws in a store, or the first one."""
    if not is_begun(path):
        return targets[0]
    return float(recorded(read(path / BEGUN), "settings")["target_accept"])


def _begin(path: Path, begun: xr.DataTree, target: float) -> None:
    """Write the fit without its draws, of which there are none at this acceptance rate.

    Runs go one after another, the last first, each at once by its name: whenever this is cut short,
    what is left are the first draws of the rate that is written.
    """
    for run in reversed(run_folders(path)):
        run.rename(gone := path / f".{run.name}")
        shutil.rmtree(gone, ignore_errors=True)
    settings = recorded(begun, "settings") | {"target_accept": target}
    begun = begun.copy()
    begun.attrs["settings"] = json.dumps(settings)
    save(begun, path / BEGUN)


def _judged(path: Path, length: Length, judge: Judge) -> StoredDraws | None:
    """The draws of a store up to the first look at which they may end; None where none may.

    A run that was killed after chains had converged, and before this was written, ends there too.
    """
    kept = kept_draws(path)
    for look in length.looks:
        if kept is None or kept.draws < look:
            return None
        ended = judge(kept.trace.cut(look))
        if ended or look == length.most:
            return kept.cut(look, ended)
    return None


def _one_run(
    path: Path,
    kept: StoredDraws | None,
    density: Any,
    *,
    length: Length,
    judge: Judge,
    starts: np.ndarray,
    seed: int,
    chains: int,
    **settings: Any,
) -> None:
    done = kept.draws if kept else 0
    number, left, start_of = 0, length.most - done, starts_by_number(starts)
    if kept:
        tell(f"{path.name}: going on after {length.share(done)}.")
        number = len(kept.runs)
        seed = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
        drawn = chain_numbers(density, kept.last[0], chains=chains, seed=seed)
        start_of = dict(zip(drawn, kept.last, strict=True)).__getitem__
    run = path / f"run-{number}"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()

    def is_enough(look: int) -> bool | None:
        now = kept_draws(path)
        if now is None or now.draws < done + look:  # not written yet
            return None
        return bool(judge(now.trace.cut(done + look)))

    looks = [look - done for look in length.looks if look > done]
    how = {"draws": left, "looks": looks, "seed": seed, "chains": chains, **settings}
    try:
        sample_into(run, density, start_of=start_of, is_enough=is_enough, **how)
    except RuntimeError as error:
        if "LocalFileSystem error" not in str(error):
            raise
        raise OSError(
            f"Draws must be written as they come; {_reason(error)}. {_there(path, length)} Make "
            "room on that disk, or see that it may be written to, and run the same again: it "
            "goes on from there."
        ) from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{_there(path, length)} To go on, run the same again.") from None
    if finished_draws(run, is_complete=True).draws == left:
        (run / COMPLETE).touch()


def _reason(error: Exception) -> str:
    """What the operating system said, of all that the sampler says of a failed write."""
    lines = [line.strip() for line in str(error).split("Stack backtrace")[0].splitlines()]
    return [line for line in lines if line][-1].rpartition(": ")[2]


def _there(path: Path, length: Length) -> str:
    kept = kept_draws(path)
    return f"{length.share(kept.draws if kept else 0)} are in {path}."


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a store for this process; the system lets go of it however the process ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / ".lock").open("w")
    except OSError as error:
        raise OSError(
            f"A store must be a folder that may be written to; {path} cannot be: {error.strerror}. "
            "No draw is taken yet. Give another store, or see that the folder may be written to."
        ) from error
    with lock as file:
        try:
            import fcntl
        except ImportError:  # not on Windows
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"One process at a time may sample into a store; another one is at work in {path}. "
                "Wait for it, or give another store."
            ) from error
        yield


def partial_fit(path: Path, begun: xr.DataTree) -> xr.DataTree:
    """Return the fit of the draws that a store has, marked partial.

    Raises
    ------
    ValueError
        No draws are there yet, or another version of the package wrote them.
    """
    _refuse_other_version(path, begun)
    settings = recorded(begun, "settings")
    kept, length = kept_draws(path), Length.of(settings)
    if kept is None:
        raise ValueError(
            f"A fit under way can be read once all chains have draws; {path} has "
            f"{length.share(0)}. {_to_go_on(path, begun)}"
        )
    arrangement = arrange(find_model(begun), study_from_tree(begun["study"]))
    covariates = covariates_of(begun, arrangement)
    coordinates = _parametrisation(begun, arrangement)
    fit = begun.copy()
    posterior = labelled(arrangement, covariates, coordinates, kept.trace.draws)
    fit["posterior"] = xr.DataTree(posterior)
    fit["sample_stats"] = xr.DataTree(kept.trace.stats)
    fit.attrs["runs"] = json.dumps(kept.runs)
    fit.attrs["settings"] = json.dumps(settings | {"draws": kept.draws})
    mark_partial(fit, length.share(kept.draws))
    tell(f"{path} is partial: {fit.attrs[PARTIAL]}. {_to_go_on(path, begun)}")
    return fit


def _parametrisation(begun: xr.DataTree, arrangement: Arrangement) -> Parametrisation:
    shares = shares_of_centring(arrangement, recorded(begun, "shares"))
    powers = recorded(begun, "anchoring")
    return Parametrisation(shares, {unit: np.array(each) for unit, each in powers.items()})


def in_coordinates_of(begun: xr.DataTree, density: Density) -> Density:
    """A density in the coordinates of the draws that a store has of a fit that was begun."""
    combined = LinearMap.from_json(begun.attrs["combinations"])
    return density.reparametrised(_parametrisation(begun, density.arrangement)).mapped(combined)


def mark_partial(fit: xr.DataTree, share: str) -> None:
    """Say of a fit that it was not sampled to its end, wherever it is told of."""
    fit.attrs[PARTIAL] = share
    fit.attrs["label"] += f" ({PARTIAL})"


def _to_go_on(path: Path, begun: xr.DataTree) -> str:
    """Say what command goes on with a store."""
    asked = recorded(begun, "asked") | {"seed": int(begun.attrs["seed"])}
    own = {name: asked[name] for name in asked if name not in ("model", "equations", "study")}
    words = ", ".join(f"{name}={value!r}" for name, value in own.items() if value not in (None, {}))
    return f"To go on: em.fit(model, study, {words}, store={str(path)!r}), or the same command."
