"""What several test files share: the bundled study, its model, and short fits."""

from dataclasses import replace
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pymc as pm
import pytensor
import pytest
import xarray as xr

import empathymodels as em
from cpu_limit import (  # noqa: F401, hooks
    pytest_fixture_setup,
    pytest_runtest_call,
    pytest_runtest_setup,
)
from empathymodels import terminal
from empathymodels.inference import provenance
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for
from empathymodels.simulation.prior_people import prior_people
from folders import BUNDLED, OWN_MODELS
from open_copies import COPIES, fetched_from_copy

terminal.EVERY = 3600.0  # what is slow here says no more than what is fast

# What a test evaluates once is interpreted, for compiling it takes seconds. The package asks for
# numba by name and is not touched by this.
pytensor.config.linker = "py"

# Models such as users write are read by `get_model`; collected for examples they would be imported
# as modules of their names.
collect_ignore = ["own_models"]

SHORT = {"chains": 2, "draws": 100, "tune": 200, "seed": 1}
OWN_MODEL = OWN_MODELS / "rated_pain.py"


@pytest.fixture(autouse=True)
def _no_figures_left():
    """Figures that ArviZ or nilearn opened belong to their test alone."""
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def open_study():
    """An open study by its name, from its copy beside the checkout; skipped if that is absent."""

    @cache
    def fetched(name):
        if not COPIES[name].exists():
            pytest.skip(f"the open study {COPIES[name].name} is not beside the checkout")
        return fetched_from_copy(name)

    return fetched


@pytest.fixture(scope="session")
def study():
    return em.load_study("outgroup_help")


@pytest.fixture(scope="session")
def model():
    return em.get_model("outgroup_help_learning")


@pytest.fixture(scope="session")
def true_values():
    """The values that the bundled study was simulated with, by person."""
    table = pd.read_csv(BUNDLED / "outgroup_help" / "true_parameters.csv")
    return table.set_index("participant")


@pytest.fixture(scope="session")
def fit(model, study, true_values):
    """A drawn fit of the bundled study: enough for layout and logic, not for conclusions."""
    return _drawn(model, study, draws=100, chains=2, near=true_values)


@pytest.fixture(scope="session")
def static_fit(model, study, true_values):
    """The same of the rival without learning."""
    return _drawn(model.rival("no_learning"), study, draws=100, chains=2, near=true_values)


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


def _drawn(model, study, *, draws=10, chains=1, near=None, covariates=None):
    """A fit that is complete but that its draws are of the prior: made at once.

    Those of parameters whose values are given, of everybody, lie within some 2 % of them.
    """
    arrangement = arrange(model, study)
    formulas = {"covariates": covariates}
    each = [prior_people(model, study, draws=draws, seed=1 + k, **formulas) for k in range(chains)]
    people = xr.concat(each, "chain").assign_coords(chain=range(chains))
    for parameter in arrangement.parameters:
        if near is not None and parameter.name in near and parameter.fixed is None:
            of_draws, values = people[parameter.name], near[parameter.name]
            if "participant" in of_draws.dims:
                values = values.loc[people["participant"].to_numpy()].to_numpy()
            else:
                values = values.iloc[0]
            apart = np.random.default_rng(1).normal(0, 0.02, of_draws.shape)
            people[parameter.name] = of_draws.dims, values * np.exp(apart)
    never = (("chain", "draw"), np.zeros((chains, draws), dtype=bool))
    stats = xr.Dataset({"diverging": never, "maxdepth_reached": never})
    stats["depth"] = 3 + stats["diverging"].astype(int)
    tree = provenance.fit_tree(people, stats, arrangement, covariates_for(arrangement, covariates))
    settings = {"draws": draws, "tune": 10, "chains": chains, "target_accept": 0.9, "sampler": {}}
    settings |= {"centring": {p.name: 0.0 for p in arrangement.parameters}}
    tree.attrs = provenance.provenance(arrangement, "nuts", 1, settings, covariates or {})
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
