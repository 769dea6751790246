"""A first look: two models of a bundled study, from fit to recovery, explained in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import fill
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

import empathymodels as em
from empathymodels.arrangement import Arrangement
from empathymodels.declaring import claim
from empathymodels.evaluating import evaluator
from empathymodels.recovering import against_truth
from empathymodels.study import study_folder
from empathymodels.terminal import tell
from empathymodels.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY, MODEL, RIVAL = "outgroup_help", "outgroup_help_learning", "no_learning"
SETTINGS: dict[str, Any] = {"draws": 1000, "tune": 700, "chains": 2}
PROB = 0.9  # of the intervals whose coverage is counted
RESOLUTION = 150  # dots per inch of the figures
WIDTH = 88  # of the account


def demo(folder: Path, seed: int = 1) -> None:
    """Fit, check and compare two models of a simulated study, and say what came out.

    Parameters
    ----------
    folder : Path
        Where fits, tables and figures go; it is made if needed, and files of the same names
        in it are replaced.
    seed : int
        Seed of the sampler.

    Examples
    --------
    >>> from empathymodels.demo import demo
    >>> demo(Path("empathymodels-demo"))  # doctest: +SKIP
    """
    began = perf_counter()

    def step(text: str) -> None:
        tell(f"[{perf_counter() - began:3.0f} s] {text} ...")

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    study, model = em.load_study(STUDY), em.get_model(MODEL)
    truth = pd.read_csv(study_folder(STUDY) / "true_parameters.csv", dtype={"participant": str})
    step(f"compiling '{MODEL}' and fitting it to {study!r}")
    fits = {"learning": em.fit(model, study, seed=seed, **SETTINGS)}
    step(f"fitting its rival '{RIVAL}', which shares the compiled program")
    fits[RIVAL] = em.fit(model.rival(RIVAL), study, seed=seed, **SETTINGS)
    step("checking the sampling and the predictions")
    tables = {"checks": em.check(fits["learning"])}
    step("comparing how well the two predict")
    tables["comparison"] = em.compare(fits)
    step("looking for the true parameters")
    tables["estimates"] = em.estimates(fits["learning"], prob=PROB)
    tables["recovery"] = recovery(tables["estimates"], truth, evaluator(model, study).arrangement)
    step("drawing figures and writing everything")
    written = [*_write_fits(fits, folder), *_write_tables(tables, folder)]
    written += _write_figures(fits["learning"], tables["comparison"], truth, folder)
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


def _write_fits(fits: dict[str, xr.DataTree], folder: Path) -> Iterator[tuple[Path, str]]:
    for name, fit in fits.items():
        yield em.save(fit, folder / f"{name}.nc"), f"the fit of '{name}': em.load() reads it"


def _write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> Iterator[tuple[Path, str]]:
    meanings = {
        "checks": "sampling and predictive checks, with advice",
        "comparison": "how well each model predicts",
        "estimates": "the population and every participant",
        "recovery": "estimated against true parameters",
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=name == "comparison")
        yield folder / f"{name}.csv", meanings[name]


def _write_figures(
    fit: xr.DataTree, comparison: pd.DataFrame, truth: pd.DataFrame, folder: Path
) -> Iterator[tuple[Path, str]]:
    import matplotlib.pyplot as plt

    figures: dict[str, tuple[Callable[[], Figure], str]] = {
        "parameters": (lambda: em.plot_parameters(fit), "what is known of the population"),
        "people": (lambda: em.plot_people(fit, "learning_rate"), "everybody's learning rate"),
        "predictions": (lambda: em.plot_predictions(fit, "feeling"), "predicted feelings"),
        "latent": (lambda: em.plot_latent(fit, "value"), "expected help from trial to trial"),
        "statistics": (lambda: em.plot_statistics(fit), "features of data and of predictions"),
        "comparison": (lambda: em.plot_compare(comparison), "how well each model predicts"),
        "recovery": (lambda: em.plot_recovery(fit, truth), "estimated against true parameters"),
    }
    for name, (draw, meaning) in figures.items():
        figure = draw()
        figure.savefig(folder / f"{name}.png", dpi=RESOLUTION, bbox_inches="tight")
        plt.close(figure)
        yield folder / f"{name}.png", meaning


# ----------------------------------------------------------------------------- account


def _account(
    fits: dict[str, xr.DataTree],
    tables: dict[str, pd.DataFrame],
    written: list[tuple[Path, str]],
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
    width = max(len(path.name) for path, _ in written)
    files = [f"{path.name:{width}}  {meaning}" for path, meaning in written]
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
        f"{model.title}. Its rival '{RIVAL}': {claim(model.rivals[RIVAL])} "
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
