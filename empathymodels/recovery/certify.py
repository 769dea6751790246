"""Certificates: what a model recovers at a design, and whether it is told from its rivals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.recovery.calibrate import calibrate
from empathymodels.recovery.certificate import CENTRING
from empathymodels.recovery.confuse import confuse, refuse_incomparable
from empathymodels.recovery.recover import recover
from empathymodels.recovery.replicate_files import refuse_foreign
from empathymodels.study.study import Study
from empathymodels.terminal import available_cores, tell
from empathymodels.version import versions

MOST = 200  # replicates of one kind
CONTEST: dict[str, Any] = {"draws": 250, "tune": 300}  # scores need fewer than intervals
PARTS = ("recovery", "confusion")  # of a folder
BUILT_ON = ("pymc", "nutpie", "numba")


@checked_arguments
def certify(
    model: Model,
    study: Study,
    *,
    minutes: float = 20.0,
    calibration: int = 0,
    seed: int = 0,
    folder: str | Path | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Recover a model's parameters at a design, and tell it from its rivals, within some time.

    Half of the time goes to `recover`, half to `confuse` (of 250 draws after 300 of tuning, which
    scores can do with) with all rivals that can be simulated on the design and compared; without
    rivals all goes to recovery. As many replicates are made as the time allows.

    Parameters
    ----------
    model : Model
        The model; both verbs draw populations and people from its prior.
    study : Study
        The design.
    minutes : float
        About how long it may take. At least one replicate per worker, and one of the confusion
        from every model, are made in any case.
    calibration : int
        Replicates of `calibrate`, whatever time they take; `recover` then reports them too.
    seed : int
        Of everything.
    folder : str or Path, optional
        Where replicates are kept, to go on if stopped.
    workers : int, optional
        As in `recover`.

    Returns
    -------
    dict
        Ready for JSON: ``model``, ``fingerprint``, ``study``, ``people``, ``trials``, ``seed``,
        ``asked`` (minutes and calibration), ``centring`` ("every data set": where it was
        measured), ``versions``, ``recovery`` and ``confusion`` (and ``calibration``), each with
        ``n``, ``failed``, ``reading`` and ``table``, a list of rows; ``recovery`` and
        ``calibration`` also ``pooled``, the coverage of all means, all spreads and so on;
        ``confusion`` also ``left_out``, rivals that cannot be simulated on the design or
        compared with the model, and why.

    Raises
    ------
    ValueError
        The folder holds something else.

    Examples
    --------
    >>> import empathymodels as em
    >>> model, study = em.get_model("outgroup_help_learning"), em.load_study("outgroup_help")
    >>> em.certify(model, study, minutes=20)["recovery"]["n"]  # doctest: +SKIP
    """
    if folder is None:
        with TemporaryDirectory() as made:
            return certify(
                model,
                study,
                minutes=minutes,
                calibration=calibration,
                seed=seed,
                folder=made,
                workers=workers,
            )
    place = Path(folder)
    if place.is_dir():
        refuse_foreign(place, PARTS.__contains__, "a certificate's replicates")
    how: dict[str, Any] = {"seed": seed, "workers": workers}
    step = workers or available_cores()
    models, left_out = _competitors(model, study)
    share = minutes / 2 if len(models) > 1 else minutes

    def recovered(n: int) -> pd.DataFrame:
        return recover(model, study, n=n, folder=place / "recovery", **how)

    def confused(n: int) -> pd.DataFrame:
        return confuse(models, study, n=n, folder=place / "confusion", **CONTEST, **how)

    certificate: dict[str, Any] = {
        "model": model.name,
        "fingerprint": fingerprint(model),
        "study": study.name,
        "people": len(study.tables["participants"]),
        "trials": len(study.tables["trials"]) if "trials" in study.tables else 0,
        "seed": seed,
        "asked": {"minutes": minutes, "calibration": calibration},
        "centring": CENTRING,
        "versions": versions(*BUILT_ON),
    }
    table, n = _as_many_as_fit(recovered, share, step, step)
    if calibration > n:  # calibrate makes these anyway
        table, n = recovered(calibration), calibration
    certificate["recovery"] = _entry(table, n) | _pooled(table)
    if len(models) > 1:
        table, n = _as_many_as_fit(confused, share, step, 1)
        certificate["confusion"] = _entry(table.reset_index(), n) | {"left_out": left_out}
    if calibration:
        table = calibrate(model, study, n=calibration, folder=place / "recovery", **how)
        certificate["calibration"] = _entry(table, calibration) | _pooled(table)
    return certificate


def _competitors(model: Model, study: Study) -> tuple[dict[str, Model], dict[str, str]]:
    """The model and its rivals that can be confused on this design; of the others why not."""
    models, left_out = {model.name: model}, dict[str, str]()
    refuse_incomparable(models, study)  # faults of the model itself raise
    for name in model.rivals_by_name:
        pair = {model.name: model, name: model.rival(name)}
        try:
            refuse_incomparable(pair, study)
        except (KeyError, ValueError) as error:
            left_out[name] = str(error)
            tell(f"Rival '{name}' is left out of the confusion: {error}")
        else:
            models[name] = pair[name]
    return models, left_out


def _as_many_as_fit(
    run: Callable[[int], pd.DataFrame], minutes: float, workers: int, step: int
) -> tuple[pd.DataFrame, int]:
    """Run some replicates, some more to see how long they take, then as many as the time allows.

    The time is what the replicates say of themselves, so that a run that goes on after a stop
    makes as many. The first of each worker compiles, those after it tell the pace.
    """
    left = 60 * minutes * workers
    table, number = run(step), step
    if sum(table.attrs["seconds"]) < left:
        first, number = len(table.attrs["seconds"]), 2 * step
        table = run(number)
        seconds = table.attrs["seconds"]
        each = sum(seconds[first:]) / step
        more = min(int((left - sum(seconds)) / each), MOST - number) // step
        if more > 0:
            number += step * more
            table = run(number)
    return table, number


def _entry(table: pd.DataFrame, n: int) -> dict[str, Any]:
    failed = len(table.attrs["failed"])
    return {"n": n, "failed": failed, "reading": table.attrs["reading"], "table": _rows(table)}


def _pooled(table: pd.DataFrame) -> dict[str, Any]:
    return {"pooled": _rows(table.attrs["pooled"])}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table as JSON has it."""
    return json.loads(table.round(3).to_json(orient="records"))
