"""Effort for others after lesions: published estimates, and the hierarchy (skip if absent)."""

import numpy as np
import pandas as pd
import pytest

import empathymodels as em
from empathymodels.inference.fits import study_of
from open_copies import COPIES

FOLDER = COPIES["lockwood_2024"]


@pytest.fixture(scope="module")
def theirs(lesions):
    return pd.read_csv(FOLDER / "EM_fit_parameters_all.csv")


@pytest.fixture(scope="module")
def published(theirs):
    names = {"discount": "k", "inverse_temperature": "beta"}
    columns = {
        f"{name}[{who}]": theirs[f"PM_{who}_{short}"]
        for name, short in names.items()
        for who in ("self", "other")
    }
    return pd.DataFrame({"participant": theirs["ui"]} | columns)


@pytest.fixture(scope="module")
def lesions(open_study):
    return open_study("lockwood_2024")


def test_log_likelihood_at_the_published_estimates(lesions, published):
    model = em.get_model("prosocial_effort")
    found = em.log_likelihood(model, lesions, published)
    assert int(found["row"]["work"].count()) == 12_306
    assert found.attrs["total"] == pytest.approx(-3597.749324, abs=1e-5)
    stated = pd.read_csv(FOLDER / "derived_loglik_at_em_estimates.csv", dtype={"PM_ID": str})
    ours = found["participant"]["log_likelihood"].sel(response="work").to_series()
    np.testing.assert_allclose(ours[stated["PM_ID"]], stated["loglik"], atol=1e-8)


def test_missed_trials_are_no_third_option(lesions):
    assert lesions.trials["work"].isna().sum() == 444
    raw = em.Study(trials=lesions.trials.fillna({"work": 2}))
    with pytest.raises(
        ValueError, match=r"'work' of trials must be one of 0, 1.*in 444 of.*missing="
    ):
        em.log_likelihood(em.get_model("prosocial_effort"), raw, {})


def test_published_table_that_lacks_people_or_leaves_the_support(lesions, published):
    model = em.get_model("prosocial_effort")
    with pytest.raises(ValueError, match=r"Missing for 1 \('132'\)"):
        em.log_likelihood(model, lesions, published.iloc[1:])
    with pytest.raises(KeyError, match=r"Missing: 'discount\[other\]'"):
        em.log_likelihood(model, lesions, published.drop(columns="discount[other]"))
    negative = published.assign(**{"discount[self]": -published["discount[self]"]})
    with pytest.raises(ValueError, match=r"needs a value in \[0, inf\].*outside for 85 \('132: -"):
        em.log_likelihood(model, lesions, negative)


def _distances(fit, column):
    """Observed minus predicted share of work per recipient and level, in predictive sds."""
    predicted = em.predict(fit, draws=400, seed=1)
    observed = predicted["observed_data"]["work"].to_numpy()
    drawn = predicted["posterior_predictive"]["work"].stack(sample=("chain", "draw"))
    drawn = drawn.transpose("sample", "trial_row").to_numpy()
    seen = np.flatnonzero(np.isfinite(observed))
    rows = study_of(fit).trials.iloc[seen].groupby(["recipient", column]).indices
    shares = {cell: drawn[:, seen[places]].mean(axis=1) for cell, places in rows.items()}
    found = {cell: observed[seen[places]].mean() for cell, places in rows.items()}
    return pd.Series({c: (found[c] - s.mean()) / s.std() for c, s in shares.items()}).unstack()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hierarchy_of_all_85_people(lesions, theirs):
    """The authors' model misses cells of effort; with a reward that bends none is missed."""
    model = em.get_model("prosocial_effort")
    how = {"covariates": {"discount": "group"}, "target_accept": 0.99, "seed": 1}
    fits = {m.label: em.fit(m, lesions, **how) for m in (model, model.rival("curved_reward"))}
    theirs = theirs.set_index(theirs["ui"].astype(str))
    sampling = ["R-hat, population", "R-hat, people", "bulk ESS, population", "divergences"]
    groups = ("vmPFC", "healthy")
    pairs = [
        tuple({"recipient": who, "group": group} for who in ("other", "self")) for group in groups
    ]
    for label, fit in fits.items():
        checks = em.check(fit).set_index("check")
        print(label, checks.loc[:, ["value", "passed"]], sep="\n")
        assert checks.loc[sampling, "passed"].all()
        ours = np.log(fit["posterior"]["discount"]).mean(("chain", "draw")).to_pandas()
        for who in ("self", "other"):
            correlation = ours[who].corr(np.log(theirs[f"PM_{who}_k"]), method="spearman")
            print(f"{who}: Spearman {correlation:.3f}")
            assert correlation > 0.9
        row = em.contrast(fit, "discount", *pairs[0], minus=pairs[1], scale="link").iloc[0]
        print(row, _distances(fit, "effort"), _distances(fit, "reward"), sep="\n")
        assert row["hdi_low"] > 0  # others' effort is discounted more after vmPFC damage
    plain, curved = fits.values()
    assert (_distances(plain, "effort").abs() > 2).any(axis=None)
    assert (_distances(curved, "effort").abs() < 2).all(axis=None)
    table = em.compare(fits)
    print(table.attrs["reading"])
    assert table.index[0].endswith("curved_reward")
