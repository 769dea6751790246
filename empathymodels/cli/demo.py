"""A first look: two models of a bundled study, from fit to recovery, explained in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from textwrap import fill
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

import empathymodels as em
from empathymodels.cli.output import (
    FIGURE,
    TABLE,
    Writer,
    check_target,
    figure_writer,
    table_writer,
    write_files,
)
from empathymodels.declaration.record import claim
from empathymodels.inference.fits import arrangement_of
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted
from empathymodels.results.against_truth import against_truth
from empathymodels.study.bundled import study_folder
from empathymodels.terminal import tell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY, MODEL, RIVAL = "outgroup_help", "outgroup_help_learning", "no_learning"
PROB = 0.9  # of the intervals whose coverage is counted
TABLES = {
    "checks.csv": "sampling and predictive checks, with advice",
    "comparison.csv": "how well each model predicts",
    "estimates.csv": "the population and every participant",
    "recovery.csv": "estimated against true parameters",
}
FIGURES = {
    "parameters.png": "what is known of the population",
    "people.png": "everybody's learning rate",
    "predictions.png": "predicted feelings",
    "latent.png": "expected help from trial to trial",
    "statistics.png": "features of data and of predictions",
    "comparison.png": "how well each model predicts",
    "recovery.png": "estimated against true parameters",
}
WIDTH = 88  # of the account


def demo(folder: Path, seed: int = 1, *, overwrite: bool = False) -> None:
    """Fit, check and compare two models of a simulated study, and say what came out.

    Parameters
    ----------
    folder : Path
        Where fits, tables and figures go; it is made if needed.
    seed : int
        Seed of the sampler.
    overwrite : bool
        Replace files of the same names that are there. Without it they are refused.

    Examples
    --------
    >>> from empathymodels.cli.demo import demo
    >>> demo(Path("empathymodels-demo"))  # doctest: +SKIP
    """
    began = perf_counter()

    def step(text: str) -> None:
        tell(f"[{perf_counter() - began:3.0f} s] {text} ...")

    folder = Path(folder)
    for name in (*TABLES, *FIGURES):
        check_target(folder / name, (*TABLE, *FIGURE), overwrite=overwrite)
    study, model = em.load_study(STUDY), em.get_model(MODEL)
    truth = pd.read_csv(study_folder(STUDY) / "true_parameters.csv", dtype={"participant": str})
    step(f"compiling '{MODEL}' and fitting it to {study!r}")
    fits = {"learning": em.fit(model, study, seed=seed)}
    step(f"fitting its rival '{RIVAL}', which shares the compiled program")
    fits[RIVAL] = em.fit(model.rival(RIVAL), study, seed=seed)
    step("checking the sampling and the predictions")
    tables = {"checks": em.check(fits["learning"])}
    step("comparing how well the two predict")
    tables["comparison"] = em.compare(fits)
    step("looking for the true parameters")
    tables["estimates"] = em.estimates(fits["learning"], prob=PROB)
    tables["recovery"] = recovery(tables["estimates"], truth, arrangement_of(fits["learning"]))
    step("drawing figures and writing everything")
    written = _write_fits(fits, folder) | TABLES | FIGURES
    writers = _tables(tables) | _figures(fits["learning"], tables["comparison"], truth)
    write_files({folder / name: w for name, w in writers.items()}, overwrite=overwrite)
    print("\n\n".join(_account(fits, tables, written, folder, perf_counter() - began)))


def recovery(
    estimates: pd.DataFrame, truth: pd.DataFrame, arrangement: Arrangement
) -> pd.DataFrame:
    """Return how well every parameter was recovered.

    Parameters
    ----------
    estimates, truth, arrangement
        As of `against_truth`.

    Returns
    -------
    DataFrame
        One row per parameter (and level): ``parameter``, ``values`` (how many), ``covered``
        (how many intervals hold the true value), and the ``correlation`` of estimated with
        true values where there are several.
    """
    both = against_truth(estimates, truth, arrangement)
    both["covered"] = both["true"].between(both["hdi_low"], both["hdi_high"])
    rows = [
        {
            "parameter": column,
            "values": len(found),
            "covered": int(found["covered"].sum()),
            "correlation": found["median"].corr(found["true"]) if len(found) > 2 else np.nan,
        }
        for column, found in both.groupby("column", sort=False)
    ]
    return pd.DataFrame(rows)


# ------------------------------------------------------------------------------- files


def _write_fits(fits: dict[str, xr.DataTree], folder: Path) -> dict[str, str]:
    """Write fits; return what each file is."""
    for name, fit in fits.items():
        em.save(fit, folder / f"{name}.nc")
    return {f"{name}.nc": f"the fit of '{name}': em.load() reads it" for name in fits}


def _tables(tables: dict[str, pd.DataFrame]) -> dict[str, Writer]:
    """Return what writes each of `TABLES`."""
    comparison = tables["comparison"].reset_index(names="name")
    named = tables | {"comparison": comparison}
    return {file: table_writer(named[Path(file).stem]) for file in TABLES}


def _figures(fit: xr.DataTree, comparison: pd.DataFrame, truth: pd.DataFrame) -> dict[str, Writer]:
    """Return what draws and writes each of `FIGURES`."""
    import matplotlib.pyplot as plt

    drawn: dict[str, Callable[[], Figure]] = {
        "parameters.png": lambda: em.plot_parameters(fit),
        "people.png": lambda: em.plot_people(fit, "learning_rate"),
        "predictions.png": lambda: em.plot_predictions(fit, "feeling"),
        "latent.png": lambda: em.plot_latent(fit, "value"),
        "statistics.png": lambda: em.plot_statistics(fit),
        "comparison.png": lambda: em.plot_compare(comparison),
        "recovery.png": lambda: em.plot_recovery(fit, truth),
    }

    def write(draw: Callable[[], Figure], path: Path) -> None:
        figure = draw()
        figure_writer(figure)(path)
        plt.close(figure)

    return {file: partial(write, drawn[file]) for file in FIGURES}


# ----------------------------------------------------------------------------- account


def _account(
    fits: dict[str, xr.DataTree],
    tables: dict[str, pd.DataFrame],
    written: dict[str, str],
    folder: Path,
    seconds: float,
) -> Iterator[str]:
    """Yield the paragraphs of what was done and found, with numbers from the results."""
    yield _paragraph("What was fitted", _fitted_words(fits["learning"], seconds))
    yield _paragraph("Is the sampling fine?", *_sampling_words(tables["checks"]))
    yield _paragraph("Which model predicts better?", _comparison_words(tables["comparison"]))
    yield _paragraph("Were the true parameters found again?", *_recovery_words(tables["recovery"]))
    yield _paragraph(
        "What next?",
        "The model's card says which columns your own tables need. Then fit it to them:",
        f"empathymodels card {MODEL}",
        f"empathymodels fit {MODEL} --trials trials.csv --participants participants.csv --seed 1",
    )
    width = max(map(len, written))
    files = [f"{name:{width}}  {meaning}" for name, meaning in written.items()]
    yield _paragraph("Everything is in", str(folder.resolve()), *files)


def _paragraph(title: str, text: str, *entries: str) -> str:
    return "\n".join([title.upper(), fill(text, WIDTH), *(f"  {entry}" for entry in entries)])


def _fitted_words(fit: xr.DataTree, seconds: float) -> str:
    model, study = em.get_model(MODEL), em.load_study(STUDY)
    sizes = [counted(len(study.participants), "participant")]
    sizes += [counted(len(study.trials), "trial")] if study.trials is not None else []
    posterior = fit["posterior"]
    return (
        f"Two models of the simulated study '{study.name}' ({', '.join(sizes)}). 'learning': "
        f"{model.title}. Its rival '{RIVAL}': {claim(model.rivals_by_name[RIVAL])} "
        f"{counted(posterior.sizes['chain'], 'chain')} of "
        f"{counted(posterior.sizes['draw'], 'draw')} each; {seconds:.0f} seconds in all."
    )


def _sampling_words(checks: pd.DataFrame) -> Iterator[str]:
    failed = checks[~checks["passed"].astype(bool)]
    text = f"{len(checks) - len(failed)} of {counted(len(checks), 'check')} passed."
    yield text if failed.empty else f"{text} In work of your own, act on the others first:"
    for row in failed.itertuples():
        value = row.value if isinstance(row.value, str) else f"{row.value:.4g}"
        told = fill(f"{row.check} is {value} ({row.limit}). {row.advice}", WIDTH - 4)
        yield told.replace("\n", "\n    ")


def _comparison_words(comparison: pd.DataFrame) -> str:
    second = comparison.index[1]
    difference, error = (abs(float(comparison.loc[second, name])) for name in ("elpd_diff", "dse"))
    return (
        f"By the log density of observations left out one at a time (elpd): "
        f"{comparison.attrs['reading']}. The difference is {difference / error:.1f} times its "
        "standard error."
    )


def _recovery_words(found: pd.DataFrame) -> Iterator[str]:
    covered, values = int(found["covered"].sum()), int(found["values"].sum())
    yield (
        f"{covered / values:.0%} of {values:,} true values ({covered:,}) lie inside their "
        f"{PROB:.0%} interval. Participants' estimates against their true values:"
    )
    people = found[found["correlation"].notna()]
    width = max(map(len, people["parameter"]))
    for row in people.itertuples():
        yield (
            f"{row.parameter:{width}}  correlation {row.correlation:.2f}, "
            f"{row.covered} of {row.values} covered"
        )
