"""Time `motivated_empathy` against the same model written plainly in PyMC.

60 people x 80 trials, seven weights, choices, ratings and betas of three regions: one run with
this package (`ours`) and one with PyMC and nutpie (`plain`: everything non-centred, one LKJ
matrix), both with 4 chains of 1,000 + 1,000 draws. Run one alone with ``--programs ours``; every
time includes compiling. The commands are in README.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import arviz as az
import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

import empathymodels as em

MOTIVES = Path(__file__).parents[1] / "data" / "motives"
sys.path[:0] = [str(MOTIVES), str(MOTIVES.parent)]
import simulate as bundled  # noqa: E402

PEOPLE, TRIALS, SEED = 60, 80, 1
REGIONS = ("ai", "tpj", "vs")
RUN = {"chains": 4, "draws": 1000, "tune": 1000}
SHARED = ("rating_slope", *(f"{region}_noise" for region in REGIONS))
WEIGHTS = [f"{name}_weight" for name in bundled.WEIGHTS]


def study_of_many() -> em.Study:
    """The design of the bundled study, with more people and trials, simulated anew."""
    bundled.PEOPLE, bundled.TRIALS = PEOPLE, TRIALS
    rng = np.random.default_rng(SEED)
    planned, truth = bundled.design(rng), bundled.truth(rng)
    model = em.get_model("motivated_empathy").without("attention", "help").fix(stimulus_effect=0.0)
    values = dict(truth.set_index("participant").items())
    values |= {name: float(truth[name].iloc[0]) for name in SHARED}
    return em.simulate(model, planned, values, seed=SEED)[0]


def ours(study: em.Study) -> tuple[xr.Dataset, int]:
    """Population means and spreads, and divergences, with this package at its defaults."""
    fit = em.fit(em.get_model("motivated_empathy"), study, seed=SEED, **RUN)
    posterior = fit["posterior"].to_dataset()
    kept = [n for n in posterior if n.endswith(("_mean", "_sd"))]
    return posterior[kept], int(fit["sample_stats"]["diverging"].sum())


def plain(study: em.Study) -> tuple[xr.Dataset, int]:
    """The same with PyMC alone."""
    trials, regions = study.trials, study.regions
    people = pd.Categorical(trials["participant"])
    beside = regions.merge(trials.reset_index(), on=["participant", "trial"])
    places = {r: beside.loc[beside["region"] == r.upper(), "index"].to_numpy() for r in REGIONS}
    betas = {r: beside[beside["region"] == r.upper()] for r in REGIONS}
    number = len(people.categories)
    correlated = [*WEIGHTS, *(f"{r}_slope" for r in REGIONS)]
    prior = dict.fromkeys(WEIGHTS, (0.0, 1.0, 0.5))
    prior |= {f"{r}_slope": (0.0, 0.5, 0.25) for r in REGIONS}
    alone = {"readiness": (0, 1, 1), "exhaustion": (0, 0.5, 0.5)}
    alone |= {"rating_baseline": (50, 20, 20), "rating_noise": (np.log(100) - 2, 0.5, 0.3)}
    alone |= {f"{r}_baseline": (0, 0.5, 0.5) for r in REGIONS}
    with pm.Model():
        value = _correlated(correlated, prior, number)
        for name, (mu, sigma, spread) in alone.items():
            mean, sd = pm.Normal(f"{name}_mean", mu, sigma), pm.HalfNormal(f"{name}_sd", spread)
            value[name] = mean + sd * pm.Normal(f"{name}_z", 0, 1, shape=number)
        rating_slope = 100 * pt.exp(pm.Normal("rating_slope_mean", -2.3, 0.7))
        of = {name: x[people.codes] for name, x in value.items()}
        parts = {n: of[f"{n}_weight"] * trials[n].to_numpy() for n in bundled.WEIGHTS}
        approach = pt.add(*(parts[n] for n in ("positive_affect", "affiliation", "desirability")))
        avoidance = pt.add(*(parts[n] for n in ("suffering", "cost", "competition", "effort")))
        drift = of["exhaustion"] * trials["time"].to_numpy()
        utility = of["readiness"] + approach + avoidance + drift
        pm.Bernoulli("engage", logit_p=utility, observed=trials["engage"].to_numpy())
        mean = of["rating_baseline"] + rating_slope * utility
        noise = pt.exp(of["rating_noise"])
        pm.Normal("rating", mean, noise, observed=trials["rating"].to_numpy())
        for region, latent in zip(REGIONS, (utility, utility, approach), strict=True):
            log_noise = pm.Normal(f"{region}_noise_mean", -0.3, 0.5)
            rows = places[region]
            slope, baseline = of[f"{region}_slope"][rows], of[f"{region}_baseline"][rows]
            sd = pt.sqrt(pt.exp(2 * log_noise) + betas[region]["se"].to_numpy() ** 2)
            observed = betas[region]["beta"].to_numpy()
            pm.Normal(region.upper(), baseline + slope * latent[rows], sd, observed=observed)
        tree = pm.sample(
            **RUN, random_seed=SEED, nuts_sampler="nutpie", target_accept=0.9, progressbar=False
        )
    posterior = tree["posterior"].to_dataset()
    kept = [n for n in posterior if n.endswith(("_mean", "_sd", "means", "chol_stds"))]
    return posterior[kept], int(tree["sample_stats"]["diverging"].sum())


def _correlated(names: list[str], prior: dict, number: int) -> dict:
    """Person-level values of parameters that correlate, non-centred."""
    mu, sigma, spread = np.array([prior[name] for name in names], dtype=float).T
    means = pm.Normal("means", mu, sigma, shape=len(names))
    chol, _, _ = pm.LKJCholeskyCov(
        "chol", n=len(names), eta=2.0, sd_dist=pm.HalfNormal.dist(spread, shape=len(names))
    )
    z = pm.Normal("z", 0, 1, shape=(number, len(names)))
    values = means + pt.dot(z, chol.T)
    return {name: values[:, k] for k, name in enumerate(names)}


def main() -> None:
    """Run the programs that were asked for and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--programs", default="ours,plain")
    programs = {"ours": ours, "plain": plain}
    study = study_of_many()
    for name in parser.parse_args().programs.split(","):
        began = time.perf_counter()
        posterior, divergences = programs[name](study)
        seconds = time.perf_counter() - began
        ess = {n: float(x.min()) for n, x in az.ess(posterior, method="bulk").data_vars.items()}
        rhat = max(float(x.max()) for x in az.rhat(posterior).data_vars.values())
        worst = min(ess, key=ess.get)
        print(
            f"{name:6} {seconds:6.0f} s, {divergences} divergences, R-hat {rhat:.4f}, smallest "
            f"bulk ESS {ess[worst]:.0f} ({worst}), {ess[worst] / seconds:.2f} per second",
            flush=True,
        )


if __name__ == "__main__":
    main()
