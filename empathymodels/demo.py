"""A first look: two models of a bundled study, from fit to recovery, explained in plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

import empathymodels as em
from empathymodels.study import study_folder
from empathymodels.terminal import tell
from empathymodels.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY, MODEL, RIVAL = "outgroup_help", "outgroup_help_learning", "no_learning"
SETTINGS = {"draws": 700, "tune": 700, "chains": 2}
PROB = 0.9  # of the intervals whose coverage is counted
RESOLUTION = 150  # dots per inch of the figures


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
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    study, model = em.load_study(STUDY), em.get_model(MODEL)
    truth = pd.read_csv(study_folder(STUDY) / "true_parameters.csv", dtype={"participant": str})
    models = {"learning": model, RIVAL: model.rival(RIVAL)}
    fits = {}
    for name, variant in models.items():
        tell(f"Fitting '{name}' ({study!r}) ...")
        fits[name] = em.fit(variant, study, seed=seed, **SETTINGS)
    tell("Checking the sampling and the predictions ...")
    tables = {"checks": em.check(fits["learning"])}
    tell("Comparing how well the two predict ...")
    tables["comparison"] = em.compare(fits)
    tell("Looking for the true parameters ...")
    tables["estimates"] = em.estimates(fits["learning"], prob=PROB)
    tables["recovery"] = recovery(tables["estimates"], truth)
    tell("Writing fits, tables and figures ...")
    written = [*_write_fits(fits, folder), *_write_tables(tables, folder)]
    written += _write_figures(fits["learning"], truth, folder)
    print("\n\n".join(_account(fits, tables, written, folder, perf_counter() - began)))


def recovery(estimates: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Return how well every parameter was recovered.

    Parameters
    ----------
    estimates : DataFrame
        What `estimates` returns, for the study that `truth` generated.
    truth : DataFrame
        One row per participant; columns ``participant`` and ``name`` or ``name[level]``.

    Returns
    -------
    DataFrame
        One row per parameter (and level): ``parameter``, ``values`` (how many), ``covered``
        (how many intervals hold the true value), and the ``correlation`` of estimated with
        true values where there are several.
    """
    long = truth.melt("participant", var_name="column", value_name="true")
    own = estimates[estimates["whose"].isin({"population", *truth["participant"]})].copy()
    own["column"] = [
        row.parameter if pd.isna(row.level) else f"{row.parameter}[{row.level}]"
        for row in own.itertuples()
    ]
    population = own["whose"] == "population"
    shared = long.drop_duplicates("column").assign(participant="population")
    known = pd.concat([long[~long["column"].isin(own.loc[population, "column"])], shared])
    both = own.merge(known, left_on=["column", "whose"], right_on=["column", "participant"])
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
    fit: xr.DataTree, truth: pd.DataFrame, folder: Path
) -> Iterator[tuple[Path, str]]:
    import matplotlib.pyplot as plt

    figures: dict[str, tuple[Callable[[], Figure], str]] = {
        "parameters": (lambda: em.plot_parameters(fit), "what is known of the population"),
        "people": (lambda: em.plot_people(fit, "learning_rate"), "everybody's learning rate"),
        "predictions": (lambda: em.plot_predictions(fit, "feeling"), "predicted feelings"),
        "latent": (lambda: em.plot_latent(fit, "value"), "expected help from trial to trial"),
        "statistics": (lambda: em.plot_statistics(fit), "features of data and of predictions"),
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
    model, study = em.get_model(MODEL), em.load_study(STUDY)
    sizes = [counted(len(study.participants), "participant")]
    sizes += [counted(len(study.trials), "trial")] if study.trials is not None else []
    draws = counted(fits["learning"]["posterior"].sizes["draw"], "draw")
    chains = counted(fits["learning"]["posterior"].sizes["chain"], "chain")
    yield (
        f"WHAT WAS FITTED. The simulated study '{study.name}' ({', '.join(sizes)}) with two "
        f"models: 'learning' ({model.title}) and its rival '{RIVAL}' "
        f"({model.rivals[RIVAL].__doc__ or ''}) {chains} of {draws} each; {seconds:.0f} seconds "
        "for everything."
    )
    yield f"IS THE SAMPLING FINE? {_sampling_words(tables['checks'])}"
    yield f"WHICH MODEL PREDICTS BETTER? {_comparison_words(tables['comparison'])}"
    yield f"WERE THE TRUE PARAMETERS RECOVERED? {_recovery_words(tables['recovery'])}"
    yield (
        f"WHAT NEXT? Read the model's card: empathymodels card {MODEL}. It shows which columns "
        f"your own tables need; then: empathymodels fit {MODEL} --trials trials.csv "
        "--participants participants.csv --seed 1"
    )
    width = max(len(path.name) for path, _ in written)
    files = "\n".join(f"  {path.name:{width}}  {meaning}" for path, meaning in written)
    yield f"Everything is in {folder.resolve()}:\n{files}"


def _sampling_words(checks: pd.DataFrame) -> str:
    failed = checks[~checks["passed"].astype(bool)]
    text = f"{len(checks) - len(failed)} of {counted(len(checks), 'check')} passed."
    told = [
        f"\n  {row.check} is {row.value} (limit {row.limit}): {row.advice}"
        for row in failed.itertuples()
    ]
    return text + "".join(told)


def _comparison_words(comparison: pd.DataFrame) -> str:
    best, second = comparison.index[:2]
    difference, error = (abs(float(comparison.loc[second, name])) for name in ("elpd_diff", "dse"))
    return (
        f"'{best}': left-out observations are more probable under it, by {difference:.1f} in log "
        f"density, which is {difference / error:.1f} times its standard error. "
        f"In short: {comparison.attrs['reading']}."
    )


def _recovery_words(found: pd.DataFrame) -> str:
    people = found[found["correlation"].notna()]
    covered, values = int(found["covered"].sum()), int(found["values"].sum())
    rows = "".join(
        f"\n  {row.parameter}: correlation {row.correlation:.2f}, "
        f"{row.covered / row.values:.0%} covered"
        for row in people.itertuples()
    )
    return (
        f"{covered:,} of {counted(values, 'true value')} ({covered / values:.0%}) lie inside their "
        f"{PROB:.0%} interval. Participants' estimates against their true values:{rows}"
    )
