"""Do intervals hold what they promise? Studies simulated from the prior, fitted again."""

import numpy as np
import pytest

import empathymodels as em
from empathymodels.simulation.made_up import made_up_study
from folders import OWN_MODELS

PROBS = (0.5, 0.9)


def ranks(model, study, *, replicates, seed, **settings):
    """Share of posterior draws below the truth, per parameter, for studies from the prior."""
    found = {}
    for replicate in range(replicates):
        simulated, truth = em.simulate(model, study, seed=seed + replicate)
        fit = em.fit(model, simulated, seed=seed + replicate, progress=False, **settings)
        for name in (p.name for p in model.parameters):
            draws = fit["posterior"][name].stack(sample=("chain", "draw")).to_numpy()
            true = truth[name].to_numpy() if draws.ndim == 2 else truth[name].to_numpy()[0]
            found.setdefault(name, []).append(np.mean(draws < np.expand_dims(true, -1), axis=-1))
    return {name: np.array(values) for name, values in found.items()}


def coverage(values, prob):
    return float(np.mean(np.abs(values - 0.5) < prob / 2))


@pytest.mark.slow
def test_intervals_of_the_flagship_are_calibrated():
    study = em.load_study("outgroup_help")
    model = em.get_model("outgroup_help_learning")
    replicates = 24
    found = ranks(
        model, study, replicates=replicates, seed=100, draws=400, tune=500, chains=2, centring=0.5
    )
    for name, values in found.items():
        print(name, [round(coverage(values, prob), 3) for prob in PROBS], values.shape)
    people = {name: values for name, values in found.items() if values.ndim == 2}
    for prob in PROBS:
        # replicates are independent, people of one replicate are not: standard error over
        # replicates, four of them
        per_replicate = np.stack(
            [np.mean(np.abs(values - 0.5) < prob / 2, axis=1) for values in people.values()]
        ).mean(axis=0)
        error = per_replicate.std(ddof=1) / np.sqrt(replicates)
        assert abs(per_replicate.mean() - prob) < 4 * error + 0.01
    population = np.concatenate([v for v in found.values() if v.ndim == 1])
    for prob in PROBS:
        error = np.sqrt(prob * (1 - prob) / len(population))
        assert abs(coverage(population, prob) - prob) < 4 * error


def test_intervals_of_a_small_model_are_calibrated():
    model = em.get_model(OWN_MODELS / "learned_choice.py")
    study = made_up_study(model, people=90, trials=20, seed=5)
    kept = {parameter.name for parameter in model.parameters}
    simulated, truth = em.simulate(model, study, seed=5)
    fit = em.fit(
        model, simulated, seed=5, progress=False, draws=300, tune=400, chains=2, centring=0.5
    )
    inside = []
    for name in sorted(kept):
        draws = fit["posterior"][name].stack(sample=("chain", "draw")).to_numpy()
        rank = np.mean(draws < truth[name].to_numpy()[:, None], axis=-1)
        inside.append(np.abs(rank - 0.5) < 0.45)
    # 180 intervals of 90 %: fewer than 80 % inside would be far outside chance
    assert 0.8 < np.mean(inside) <= 1
