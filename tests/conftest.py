"""What several test files share: the bundled study, its model, and short fits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.inference import provenance
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from empathymodels.simulation.prior_people import prior_people

SHORT = {"chains": 2, "draws": 100, "tune": 200, "seed": 1}
OWN_MODEL = Path(__file__).parent / "models" / "rated_pain.py"


@pytest.fixture(scope="session")
def study():
    return em.load_study("outgroup_help")


@pytest.fixture(scope="session")
def model():
    return em.get_model("outgroup_help_learning")


@pytest.fixture(scope="session")
def fit(model, study):
    """A short fit of the bundled study: enough for layout and logic, not for conclusions."""
    return em.fit(model, study, **SHORT)


@pytest.fixture(scope="session")
def static_fit(model, study):
    """The rival without learning; it shares the compiled program of `fit`."""
    return em.fit(model.rival("no_learning"), study, **SHORT)


@pytest.fixture(scope="session")
def own_model():
    """A user's own static model."""
    return em.get_model(OWN_MODEL)


@pytest.fixture(scope="session")
def own_study():
    """Ratings of 24 people whose baseline truly depends on group and age; P24 has 3 trials."""
    rng = np.random.default_rng(4)
    names = [f"P{k:02}" for k in range(1, 25)]
    people = pd.DataFrame(
        {
            "participant": names,
            "group": np.resize(["in", "out"], 24),
            "age": np.linspace(20, 66, 24).round(),
        }
    )
    scaled = (people["age"] - people["age"].mean()) / people["age"].std()
    out = (people["group"] == "out").to_numpy()
    people["true_baseline"] = 5 + 1.5 * out - 0.8 * scaled + rng.normal(0, 0.3, 24)
    slope = rng.normal(1.2, 0.5, 24)
    trials = pd.DataFrame(
        {
            "participant": np.repeat(names, 20),
            "trial": np.tile(np.arange(1, 21), 24),
            "intensity": rng.uniform(-1, 1, 480),
        }
    )
    mean = np.repeat(people["true_baseline"], 20).to_numpy()
    mean = mean + np.repeat(slope, 20) * trials["intensity"]
    trials["rating"] = mean + rng.normal(0, 1, 480)
    few = (trials["participant"] == "P24") & (trials["trial"] > 3)
    return em.Study(
        trials=trials[~few].reset_index(drop=True),
        participants=people,
        name="pain",
        simulated=True,
    )


@pytest.fixture(scope="session")
def own_fit(own_model, own_study):
    """A fit of the user's own model with covariates."""
    covariates = {"baseline": "group + age"}
    settings = {**SHORT, "draws": 400, "tune": 400}
    return em.fit(own_model, own_study, covariates=covariates, **settings)


@pytest.fixture(scope="session")
def drawn_fit(own_model, own_study):
    """A fit of the user's own model, complete but that its draws are of the prior."""
    return _drawn(own_model, own_study)


@pytest.fixture(scope="session")
def as_drawn():
    """Makes such a fit of a model and a study."""
    return _drawn


def _drawn(model, study):
    """A fit that is complete but that its draws are of the prior: made at once."""
    arrangement = arrange(model, study)
    people = prior_people(model, study, draws=10, seed=1)
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, 10), dtype=bool))})
    tree = provenance.fit_tree(people, stats, arrangement, covariates_for(arrangement, None))
    settings = {"draws": 10, "tune": 10, "chains": 1, "target_accept": 0.9, "sampler": {}}
    settings |= {"centring": {p.name: 0.0 for p in arrangement.parameters}}
    tree.attrs = provenance.provenance(arrangement, "nuts", 1, settings, {})
    return tree


@pytest.fixture(scope="session")
def item_model(own_model):
    """The ratings model with a value for every picture."""

    def rating(latent, parameters, data):
        mean = parameters.baseline + parameters.appeal + parameters.slope * data.intensity
        return pm.Normal.dist(mean, parameters.noise)

    appeal = em.Parameter(
        "appeal",
        "of a picture",
        location=em.Prior("Normal", mu=0, sigma=1e-3),
        spread=em.Prior("HalfNormal", sigma=0.1),
        level="picture",
        scale_of="rating",
    )
    return replace(
        own_model,
        columns=(*own_model.columns, em.Column("picture", "shown", levels="any")),
        parameters=(*own_model.parameters, appeal),
        responses=(replace(own_model.responses[0], function=rating),),
    )
