"""Latents of a fit as parametric modulators: event files for GLMs of brain images."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.files import refuse_loss, whole
from empathymodels.inference.fits import model_of, study_of
from empathymodels.messages import counted, listed
from empathymodels.population.design_matrix import labels_of
from empathymodels.results.latents import check_latent, latents
from empathymodels.study.recoding import as_numbers
from empathymodels.terminal import tell

ENTITIES = {"session": "ses", "block": "run"}  # of BIDS, by our keys
DRAWS = 400  # of the posterior, about, for means and standard deviations
SAME = 1e-12  # share of its mean by which a modulator moves that is constant but for rounding


@checked_arguments
def to_events(
    fit: xr.DataTree,
    folder: str | Path,
    *,
    latent: str | Sequence[str],
    task: str,
    event: str = "trial",
    duration: float | None = None,
    draws: int | None = None,
) -> list[Path]:
    """Write latents as parametric modulators: ``events.tsv`` files that nilearn takes as they are.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`, to a study whose trials have a column ``onset`` in seconds.
    folder : str or Path
        A new folder. Files lie in it as in a BIDS dataset:
        ``sub-01/ses-1/func/sub-01_ses-1_task-help_run-1_events.tsv``; sessions and blocks, the
        runs of BIDS, are named where the study has them.
    latent : str or sequence of str
        Latents of the model (see `latents`).
    task : str
        Name of the task in BIDS: letters and digits.
    event : str
        What trials are called in ``trial_type``: letters, digits and ``_``.
    duration : float, optional
        Of every event, in seconds (0: impulses). Otherwise the trials' column ``duration``.
    draws : int, optional
        Write that many versions (20, say), each with one posterior draw of the latents in place of
        their posterior means, into ``draw-01``, ``draw-02``, ...: fit a GLM to each and put them
        together by `combine_glms`.

    Returns
    -------
    list of Path
        The event files.

    Raises
    ------
    FileExistsError
        Something lies at `folder`.
    KeyError
        Unknown latent.
    ValueError
        Onsets or durations are absent or no times, two trials of a file begin at once, or ids
        cannot be labels in BIDS. All faults are told at once, and nothing is written.

    Notes
    -----
    Every trial has one row per column of the design: ``trial`` with the modulation 1, and
    ``trial_value`` with the value centred at its mean over the trials of the file; nilearn neither
    centres modulators nor makes them orthogonal. A coefficient is per unit of the latent. Trials on
    which a latent is not known are ``trial_missed``. The file ``..._events.json`` beside each says
    what was subtracted, each trial's posterior standard deviation, and how modulators correlate.

    The posterior means are given all responses of the study, so a response that follows them partly
    made them. Latents are less certain than a GLM takes its regressors to be.

    See Also
    --------
    combine_glms : Results of the GLMs of many versions as one.
    latents : The same latents as an array.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.to_events(fit, "events", latent="prediction_error", task="help")  # doctest: +SKIP
    """
    target, model = Path(folder), model_of(fit)
    refuse_loss(target)
    names = [latent] if isinstance(latent, str) else list(latent)
    for name in names:
        check_latent(model, name)
    trials = study_of(fit).trials
    assert trials is not None
    timed = _timed(trials, duration, _faulty_names(names, event, task))
    found = latents(fit, draws=max(DRAWS, draws or 0))[names]
    values = {name: found[name].stack(sample=("chain", "draw")).to_numpy() for name in names}
    versions = {"": slice(None)} if draws is None else _versions(found, draws)
    with whole(target, what="Events") as [place]:
        written, still = [], dict[str, list[str]]()
        for version, chosen in versions.items():
            for run in _runs(timed, task):
                columns = {n: v[run.rows][:, chosen].mean(axis=1) for n, v in values.items()}
                file = place / version / run.path
                file.parent.mkdir(parents=True, exist_ok=True)
                events, about = _events(run, columns, event)
                if unmoved := [n for n in names if not _moves(events, f"{event}_{n}")]:
                    still[run.path.name] = unmoved
                events.to_csv(file, sep="\t", index=False, na_rep="n/a")
                spread = {name: own[run.rows].std(axis=1) for name, own in values.items()}
                about |= _about(fit, model, names, event, spread, version)
                text = json.dumps(about, indent=1, ensure_ascii=False)
                file.with_suffix(".json").write_text(text, encoding="utf-8")
                written.append(target / version / run.path)
    if still:
        name, unmoved = next(iter(still.items()))
        tell(
            f"Latents should move from trial to trial, or a GLM cannot tell their effect; in "
            f"{counted(len(still), 'file')} they do not, first {listed(unmoved)} in {name}. Leave "
            "these modulators, or these runs, out."
        )
    return written


@dataclass(frozen=True)
class Run:
    """Trials of one event file: where it lies, its rows in the study, onsets and durations."""

    path: Path
    rows: np.ndarray
    onset: np.ndarray
    duration: np.ndarray


def _faulty_names(names: Sequence[str], event: str, task: str) -> list[str]:
    faults = []
    if not names or len(set(names)) < len(names):
        faults.append(f"latent must name one latent or several different ones; found {names!r}")
    if not (task.isascii() and task.isalnum()):
        faults.append(f"task must consist of letters and digits, as BIDS wants it; found {task!r}")
    if not (event.isascii() and event.isidentifier()):
        faults.append(f"event must consist of letters, digits and '_'; found {event!r}")
    return faults


def _timed(trials: pd.DataFrame, duration: float | None, faults: list[str]) -> pd.DataFrame:
    """Keys, onset and duration of every trial; raises ValueError naming all that is wrong."""
    keys = ["participant", *(key for key in ENTITIES if key in trials)]
    timed = trials[keys].apply(labels_of)
    timed["participant"] = timed["participant"].str.removeprefix("sub-")
    for key in keys:
        odd = sorted({x for x in timed[key] if not (x.isascii() and x.isalnum())})
        if odd:
            faults.append(
                f"labels of '{key}' must be letters and digits, as BIDS wants them; found "
                f"{listed(odd, 3)} ({counted(len(odd), 'label')}): give the study "
                f"codes={{'{key}': ...}}"
            )
    remedies = {
        "onset": "columns={'onset': ...} of the study names the column, in seconds of the run",
        "duration": "columns={'duration': ...} of the study, or duration= in seconds",
    }
    for name, remedy in remedies.items():
        if name == "duration" and duration is not None:
            timed[name] = float(duration)
        elif name not in trials:
            faults.append(f"trials must have a column '{name}': {remedy}")
            continue
        else:
            timed[name] = as_numbers(trials[name])
        low = 0.0 if name == "duration" else -np.inf
        wrong = ~np.isfinite(timed[name]) | (timed[name] < low)
        if wrong.any():
            rows = [str(k) for k in np.flatnonzero(wrong)[:3]]
            faults.append(
                f"'{name}' must be a time in seconds in every trial; found "
                f"{counted(int(wrong.sum()), 'trial')} without (rows {', '.join(rows)}): correct "
                "them, or leave these trials out with study.exclude(...)"
            )
    if "onset" in timed:
        same = timed.duplicated([*keys, "onset"], keep=False)
        if same.any():
            first = timed[same].iloc[0]
            faults.append(
                "trials of one run must begin one after another, since rows of one onset are added "
                f"up; found {counted(int(same.sum()), 'trial')} that share theirs, first of "
                f"participant {first['participant']} at {first['onset']:g} s: name the column that "
                "tells runs apart 'block' (or 'session')"
            )
    if faults:
        raise ValueError("Events cannot be written: " + "; ".join(faults) + ".")
    return timed


def _versions(found: xr.Dataset, draws: int) -> dict[str, slice]:
    """One draw for every version, by its name: evenly spaced over all chains."""
    if draws < 2:
        raise ValueError(f"draws must be 2 or more versions; found {draws}. Leave it out for one.")
    there = found.sizes["chain"] * found.sizes["draw"]
    if there < draws:
        raise ValueError(f"draws must be at most what the fit has; found {draws} of {there}.")
    width = len(str(draws))
    places = np.linspace(0, there - 1, draws).round().astype(int).tolist()
    numbered = enumerate(places, start=1)
    return {f"draw-{number:0{width}}": slice(place, place + 1) for number, place in numbered}


def _runs(timed: pd.DataFrame, task: str) -> Iterator[Run]:
    """The files, in the order of the study."""
    keys = [key for key in ("participant", *ENTITIES) if key in timed]
    positions = pd.Series(np.arange(len(timed)), index=timed.index)
    for labels, own in positions.groupby([timed[key] for key in keys], sort=False):
        named = dict(zip(keys, labels, strict=True))
        person = f"sub-{named['participant']}"
        session = [f"ses-{named['session']}"] if "session" in named else []
        run = [f"run-{named['block']}"] if "block" in named else []
        name = "_".join([person, *session, f"task-{task}", *run, "events.tsv"])
        onset = timed["onset"].to_numpy()[own.to_numpy()]
        rows = own.to_numpy()[np.argsort(onset, kind="stable")]
        times = (timed[name].to_numpy()[rows] for name in ("onset", "duration"))
        yield Run(Path(person, *session, "func", name), rows, *times)


def _events(
    run: Run, columns: Mapping[str, np.ndarray], event: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows of a file, and what its sidecar says of them."""
    table = np.stack(list(columns.values()), axis=1)
    known = np.isfinite(table).all(axis=1)
    middle = table[known].mean(axis=0) if known.any() else np.full(len(columns), np.nan)
    centred = table - middle
    centred[np.abs(centred) <= SAME * np.abs(middle)] = 0.0  # a constant but for rounding
    kinds = [(event, np.ones(len(run.rows)), known)]
    kinds += [(f"{event}_{n}", centred[:, k], known) for k, n in enumerate(columns)]
    kinds += [(f"{event}_missed", np.ones(len(run.rows)), ~known)]
    rows = [
        pd.DataFrame(
            {
                "onset": run.onset[here],
                "duration": run.duration[here],
                "trial_type": kind,
                "modulation": modulation[here],
            }
        )
        for kind, modulation, here in kinds
    ]
    order = pd.concat(rows).sort_values("onset", kind="stable")
    subtracted = [x if known.any() else None for x in middle.tolist()]
    about: dict[str, Any] = {"Subtracted": dict(zip(columns, subtracted, strict=True))}
    if len(columns) > 1 and centred[known].any(axis=0).all():
        together = np.corrcoef(centred[known].T)
        about["Correlations"] = {
            f"{one}, {other}": float(together[j, k])
            for j, one in enumerate(columns)
            for k, other in enumerate(columns)
            if j < k
        }
    return order, about


def _moves(events: pd.DataFrame, kind: str) -> bool:
    return bool(events.loc[events["trial_type"] == kind, "modulation"].any())


def _about(
    fit: xr.DataTree,
    model: Model,
    names: Sequence[str],
    event: str,
    spread: Mapping[str, np.ndarray],
    version: str,
) -> dict[str, Any]:
    """What a sidecar says of every file: columns, and where the numbers come from."""
    seconds = {"Units": "s"}
    levels = {event: "every trial whose latents are known"}
    levels |= {f"{event}_{name}": model.latents[name] for name in names}
    levels[f"{event}_missed"] = "trials on which a latent is not known"
    source = "one posterior draw" if version else "posterior means"
    return {
        "onset": seconds,
        "duration": seconds,
        "trial_type": {"Levels": levels},
        "modulation": {
            "Description": f"1, or the latent ({source}) minus its mean over the trials of the run"
        },
        "Model": fit.attrs["label"],
        "Seed": int(fit.attrs["seed"]),
        "Version": version or source,
        "PosteriorStandardDeviation": {
            name: [None if np.isnan(x) else round(float(x), 6) for x in own]
            for name, own in spread.items()
        },
    }
