"""Priors that are wrongly written: what is said of them is ours, with the call that is right."""

import numpy as np
import pymc as pm
import pymc_extras.prior
import pytest

import empathymodels as em
from empathymodels.checks.diagnose_design import _priors_elsewhere
from empathymodels.checks.verify import _medians
from empathymodels.declaration.priors import impossible_priors, unusual_median
from empathymodels.layout.arrange import arrange

WRONG = {
    "unknown": (lambda: em.Prior("Gaussian", mu=0, sigma=1), "found 'Gaussian'. Write for"),
    "nearly": (lambda: em.Prior("HalfNorml", sigma=1), "Did you mean 'HalfNormal'?"),
    "no distribution": (lambda: em.Prior("sample"), "found 'sample'"),
    "a class": (lambda: em.Prior(pm.Normal, mu=0), "must be its name, in quotation marks"),
    "unnamed": (lambda: em.Prior("Gamma", 2, 1), 'found Prior("Gamma", 2, 1)'),
    "misspelt": (lambda: em.Prior("Normal", mean=0, sigma=1), "are 'mu', 'sigma', 'tau'; found"),
    "close": (lambda: em.Prior("StudentT", nu=3, sigm=1), "Did you mean 'sigma'?"),
    "too few": (lambda: em.Prior("Gamma", alpha=2), "'alpha', 'beta', 'mu', 'sigma'. Name what"),
    "too many": (lambda: em.Prior("Normal", mu=0, sigma=1, tau=1), "two that say the same"),
    "text": (lambda: em.Prior("Normal", mu=0, sigma="2"), "found sigma='2' in Prior"),
    "nothing": (lambda: em.Prior("Normal", mu=None), "found mu=None"),
    "truth": (lambda: em.Prior("HalfNormal", sigma=True), "found sigma=True"),
    "transform": (lambda: em.Prior("Normal", mu=0, sigma=1, transform="sigmod"), "'sigmod'"),
}


def foreign(fault):
    """What an error says that is no word of ours."""
    words = ("pydantic", "validation error", "Apply node", "Parameters {")
    return [word for word in words if word.lower() in str(fault).lower()]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_prior_is_refused_in_our_words(name):
    make, says = WRONG[name]
    with pytest.raises((TypeError, ValueError)) as error:
        make()
    assert says in str(error.value) and not foreign(error.value)
    assert type(error.value) in (TypeError, ValueError)  # and no class of others


IMPOSSIBLE = {
    "negative": (em.Prior("Normal", mu=0, sigma=-2), "a Normal must have sigma > 0"),
    "negative in short": ((0, -2), "a Normal must have sigma > 0"),
    "nan": (
        em.Prior("StudentT", nu=3, mu=np.nan, sigma=1),
        "mu must be a finite number; it is n",
    ),
    "infinite": (
        em.Prior("Normal", mu=0, sigma=np.inf),
        "sigma must be a finite number; it",
    ),
    "bounds": (em.Prior("Uniform", lower=2, upper=1), "a Uniform must have lower <= upper"),
    "counts": (em.Prior("Poisson", mu=2), "one number, with decimals"),
    "several": (em.Prior("Normal", mu=[0, 1], sigma=1), "mu makes it of several"),
    "dims": (em.Prior("Normal", mu=0, sigma=1, dims="x"), "dims makes it of several"),
    "inner": (em.Prior("Normal", mu=em.Prior("Beta", alpha=-1, beta=1), sigma=1), "alpha > 0"),
    "of others": (pymc_extras.prior.Prior("Beta", alpha=1), "'alpha', 'beta', 'mu', 'sigma'"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_says_whose_it_is_and_what_to_write(own_model, name):
    prior, says = IMPOSSIBLE[name]
    with pytest.raises(ValueError, match="The prior of the location of 'slope' must be") as error:
        own_model.with_priors(slope=prior)
    assert says in str(error.value) and not foreign(error.value)
    right = 'model.with_priors(slope={"location": em.Prior("Normal", mu=0, sigma=1)})'
    assert right in str(error.value)
    eval(right, {"em": em, "model": own_model})


@pytest.mark.parametrize("prior", [em.Prior("Normal", mu=0, sigma=1), -0.5, (0, 1)])
def test_a_spread_that_may_be_negative_is_refused(own_model, prior):
    with pytest.raises((TypeError, ValueError), match=r"spread|slope") as error:
        own_model.with_priors(slope={"spread": prior})
    assert "slope" in str(error.value) and not foreign(error.value)


@pytest.mark.parametrize("given", ["Normal", 3, ("0", 1), (1, 2, 3), {"spread": "1"}])
def test_other_kinds_are_refused_with_a_right_call(own_model, given):
    with pytest.raises((TypeError, ValueError), match="slope must be") as error:
        own_model.with_priors(slope=given)
    assert 'Write for example slope=em.Prior("Normal", mu=0, sigma=1).' in str(error.value)


@pytest.mark.parametrize("part", ["location", "spread"])
def test_a_declaration_says_whose_prior_it_is(part):
    given = {"location": (0, 1), "spread": 1.0} | {part: "much"}
    with pytest.raises(TypeError, match=rf"Parameter\(\) of 'warmth' .*{part} must be") as error:
        em.Parameter("warmth", "how warm", **given)
    assert f"Write for example {part}=em.Prior(" in str(error.value)


def test_priors_of_others_and_ours_are_the_same(own_model):
    other = pymc_extras.prior.Prior("Normal", mu=1, sigma=0.5)
    ours = em.Prior("Normal", mu=1, sigma=0.5)
    assert ours == other and ours.to_dict() == other.to_dict() and repr(ours) == repr(other)
    models = [own_model.with_priors(slope=prior) for prior in (other, ours)]
    assert models[0].variant == models[1].variant
    em.Prior("Normal", mu=em.Prior("Normal"), sigma=em.Prior("HalfNormal"), transform="sigmoid")


def rate(**changed):
    given = {"location": (-1, 1), "spread": 0.5, "support": "unit", "typical": (0.05, 0.6)}
    return em.Parameter("rate", "how fast", **(given | changed))


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        (rate(location=(0.3, 0.1)), ""),  # a logit of 0.3 is a rate of 0.57
        (
            rate(location=(0.7, 0.1)),
            "at 0.668. A prior is stated on the logit scale, where ",
        ),
        (rate(location=em.Prior("Gamma", alpha=40, beta=10)), "has it at 0.981"),
        (rate(location=em.Prior("StudentT", nu=3, mu=-9, sigma=1)), "has it at 0.000123"),
        (rate(location=em.Prior("Normal", mu=em.Prior("Normal"), sigma=1)), ""),
        (rate(location=(9, 1), fixed=0.3), ""),
        (rate(location=em.Prior("LogNormal", mu=9, tau=1)), ""),  # PreliZ names it otherwise
        (rate(location=em.Prior("Flat")), ""),  # and has no such
        (rate(support="positive", typical=(1, 10), location=(3, 1)), "has it at 20.1"),
        (rate(support="positive", typical=(1, 10), location=(2, 1)), ""),
        (rate(support="real", typical=(0, 4), location=(5, 1)), "has it at 5. Move the prior"),
        (rate(support="real", typical=(0, 1), location=(2, 1), scale_of="pain"), "range of pain"),
    ],
)
def test_a_median_outside_the_ordinary_is_told_with_numbers(parameter, says):
    told = unusual_median(parameter)
    assert (says in told) if says else told == ""
    if says:
        assert f"typical={parameter.typical}" in told


def test_points_with_a_density_make_one_number():
    points = np.linspace(-2, 2, 9)
    drawn = em.Prior("Interpolated", x_points=points, pdf_points=np.exp(-(points**2)))
    assert list(impossible_priors(rate(location=drawn))) == []
    several = em.Prior("Normal", mu=np.array([0.0, 1.0]), sigma=1)
    with pytest.raises(ValueError, match="must be of one number; mu makes it of several"):
        em.get_model("prosocial_effort").with_priors(discount={"location": several})


def test_ends_of_the_ordinary_are_told_on_the_link_scale():
    low, high = np.log([0.05 / 0.95, 0.6 / 0.4])
    assert f"these ends are {low:.3g} and {high:.3g}." in unusual_median(rate(location=(2, 1)))


def test_battery_and_design_check_tell_of_it(own_model, own_study):
    moved = own_model.with_priors(slope=(40, 1))
    passed, detail = _medians(moved)
    assert not passed and "'slope'" in detail and "at 40" in detail
    assert _medians(own_model)[0]
    arrangement = arrange(moved, own_study)
    (row,) = _priors_elsewhere(arrangement)
    assert row["check"] == "prior median: slope" and not row["passed"] and "40" in row["advice"]
    assert list(_priors_elsewhere(arrange(own_model, own_study))) == []


@pytest.mark.parametrize("name", em.list_models())
def test_priors_of_models_lie_where_their_parameters_do(name):
    model = em.get_model(name)
    assert [told for p in model.parameters if (told := unusual_median(p))] == []
