"""Variants: values that go with a range, a closed list of verbs, models that nothing changes."""

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest

import empathymodels as em
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.immutable import FrozenDict, FrozenPrior
from empathymodels.declaration.variants import VERBS


@pytest.fixture(scope="module")
def learning():
    return em.get_model("empathy_learning")


@pytest.fixture(scope="module")
def helping():
    return em.get_model("outgroup_help_learning")


# ------------------------------------------------------------------ held values and ranges


def test_the_published_noise_goes_with_the_range(learning):
    assert learning.rival("published").parameter("closeness_noise").fixed == 40
    for range_ in ((0, 1), (1, 5), (-50, 50)):
        expected = 0.4 * (range_[1] - range_[0])
        before = learning.with_range(closeness=range_).rival("published")
        after = learning.rival("published").with_range(closeness=range_)
        for model in (before, after):
            assert model.parameter("closeness_noise").fixed == pytest.approx(expected)
            assert fingerprint(learning.vary(model.variant)) == fingerprint(model)
        assert fingerprint(before) == fingerprint(after)


@pytest.mark.parametrize(
    ("name", "parameter", "response", "value", "range_", "share"),
    [
        ("empathy_learning", "closeness_noise", "closeness", 40.0, (0, 1), 0.4),
        ("empathy_learning", "emotion_baseline", "emotion", 55, (1, 9), 0.55),
        ("empathy_learning", "emotion_pain", "emotion", -25.0, (0, 10), -0.25),
        ("outgroup_help_learning", "feeling_noise", "feeling", 0.8, (0, 100), 0.1),
        ("intergroup_bias", "pain_effect", "rating", 2.0, (1, 7), None),
        (
            "cue_expectation_learning",
            "start_expectation",
            "rating",
            {"a": 40, "b": 80},
            (0, 1),
            None,
        ),
    ],
)
def test_values_in_units_of_a_range_do_not_stay_behind(
    name, parameter, response, value, range_, share
):
    model = em.get_model(name)
    response = model.parameter(parameter).scale_of or response
    held = model.fix(**{parameter: value})
    advice = rf"'{parameter}' is fixed at .*fix_share\({parameter}="
    with pytest.raises(ValueError, match=advice) as refused:
        held.with_range(**{response: range_})
    if share is not None:
        assert f"fix_share({parameter}={share:g})" in str(refused.value)
        again = model.fix_share(**{parameter: share}).with_range(**{response: range_})
        low, high = range_
        zero = low if model.parameter(parameter).role == "location" else 0
        assert again.parameter(parameter).fixed == pytest.approx(zero + share * (high - low))
    same = model.response(response).range
    assert held.with_range(**{response: same}).parameter(parameter).fixed == value
    afterwards = model.with_range(**{response: range_}).fix(**{parameter: range_[0] + 0.01})
    assert afterwards.parameter(parameter).fixed == range_[0] + 0.01


def test_every_parameter_in_units_of_a_range_follows_it_or_is_refused():
    """No model, no parameter keeps a value other than 0 when its range changes."""
    tried = 0
    for name in em.list_models():
        model = em.get_model(name)
        for parameter in model.parameters:
            of = parameter.scale_of
            if of is None or model.response(of).range is None:
                continue
            low, high = model.response(of).range
            shifted = {of: (low + 1, low + 1 + 10 * (high - low))}
            middle = sum(parameter.typical) / 2 or 0.1
            held = model.fix_share(**{parameter.name: middle})
            moved = held.with_range(**shifted).parameter(parameter.name)
            zero = low + 1 if parameter.role == "location" else 0
            assert moved.fixed == pytest.approx(zero + middle * 10 * (high - low))
            with pytest.raises(ValueError, match="must go with the range"):
                model.fix(**{parameter.name: held.parameter(parameter.name).fixed}).with_range(
                    **shifted
                )
            tried += 1
    assert tried > 30


def test_no_difference_is_none_on_any_scale(learning):
    model = learning.fix(emotion_pain=0.0).with_range(emotion=(1, 9))
    assert model.parameter("emotion_pain").fixed == 0
    with pytest.raises(ValueError, match="'emotion_baseline' is fixed at 0"):
        learning.fix(emotion_baseline=0.0).with_range(emotion=(1, 9))


def test_values_that_belong_to_another_scale(learning):
    small = learning.with_range(closeness=(0, 1), emotion=(0, 1))
    with pytest.raises(ValueError, match=r"0 to 1; found the fixed value 40, 40 times the whole"):
        small.fix(closeness_noise=40.0)
    with pytest.warns(UserWarning, match=r"'emotion_pain' is in units .* 25 times the whole range"):
        small.fix(emotion_pain=-25.0)
    with pytest.warns(UserWarning, match=r"found the fixed value 55"):
        small.fix(emotion_baseline=55)


@pytest.mark.parametrize("held", [{"closeness_noise": 25.0}, {"emotion_baseline": 60.0}])
def test_values_of_a_rival_do_not_stay_behind(learning, held):
    """In either order, of rivals as users write them; shares and zeros go with any range."""
    (name,) = held
    of = learning.parameter(name).scale_of
    shares = {n: v / 100 for n, v in held.items()}
    rivals = {
        "numbers": lambda model: model.fix(**held),
        "shares": lambda model: model.fix_share(**shares),
        "none": lambda model: model.fix(emotion_pain=0.0, learning_rate=0.4),
    }
    model = replace(learning, rivals=rivals)
    assert model.rival("numbers").parameter(name).fixed == held[name]
    moved = model.with_range(**{of: (0, 200)})
    with pytest.raises(ValueError, match=rf"'numbers' must go .*\n.*fix_share\({name}=\.\.\.\)"):
        moved.rival("numbers")
    with pytest.raises(ValueError, match="must go with the range"):
        model.rival("numbers").with_range(**{of: (0, 200)})
    for one in ("shares", "none"):
        after = model.rival(one).with_range(**{of: (0, 200)})
        assert after.parameters == moved.rival(one).parameters
    other = next(r.name for r in model.responses if r.name != of)
    assert model.with_range(**{other: (0, 7)}).rival("numbers").parameter(name).fixed == held[name]


def test_shares_need_a_range(learning):
    with pytest.raises(ValueError, match=r"'learning_rate' .* in units of none. Hold it with fix"):
        learning.fix_share(learning_rate=0.1)
    with pytest.raises(ValueError, match="must lie between 0 and 100"):
        learning.fix_share(start_closeness=1.2)
    with pytest.raises(KeyError, match="has no parameter 'noise'"):
        learning.fix_share(noise=0.4)
    assert learning.fix_share(closeness_noise=0.4).label.endswith("closeness_noise=0.4 of range")
    assert (
        learning.fix_share(closeness_noise=0.4)
        .fix(closeness_noise=3)
        .with_range(closeness=(0, 100))
        .parameter("closeness_noise")
        .fixed
        == 3
    )


# ----------------------------------------------------------------------- a closed list of verbs


def test_variants_are_replayed(learning):
    wide = em.Prior("StudentT", nu=3, mu=em.Prior("Normal", mu=0, sigma=1), sigma=2)
    model = (
        learning.with_range(closeness=(0, 10))
        .split("session", "learning_rate")
        .fix(emotion_error=0.0)
        .fix_share(closeness_noise=0.2)
        .with_priors(emotion_pain=wide, emotion_noise={"spread": em.Prior("Exponential", lam=2)})
        .pool("learning_rate")
        .rival("plain_normal")
        .without("emotion")
    )
    model = model.with_resolution(closeness=0.5).with_read_resolution(closeness=1)
    model = model.with_population("student_t").with_timing(closeness="after")
    model = model.with_summary("late", of="closeness", kind="last")
    model = model.with_outcome("liking", before="liked", on=["late"], by="sex", range=(1.0, 7.0))
    assert {verb for verb, _ in model.variant} == set(VERBS) - {"with_region"}
    for stored in (model.variant, json.loads(json.dumps(model.variant))):
        again = learning.vary(stored)
        assert fingerprint(again) == fingerprint(model)
        assert again.variant == model.variant
        assert again.parameters == model.parameters


def test_responses_are_read_from_other_regions():
    model = em.get_model("vicarious_reward")
    other = model.with_region(VS="left putamen")
    assert other.response("VS").region == "left putamen"
    assert other.label == "vicarious_reward region(VS=left putamen)"
    again = model.vary(json.loads(json.dumps(other.variant)))
    assert again.variant == other.variant and fingerprint(again) == fingerprint(other)
    with pytest.raises(KeyError, match=r"no response 'VSS'\. It has .*Did you mean 'VS'\?"):
        model.with_region(VSS="left putamen")
    with pytest.raises(ValueError, match=r"'rating' is of trials and has 'left putamen'"):
        model.with_region(rating="left putamen")


@pytest.mark.parametrize(
    "change",
    [
        ["__init__", ["a new title"]],
        ["__init__", {"title": "x"}],
        ["__class__", "x"],
        ["__setattr__", ["name", "x"]],
        ["vary", []],
        ["_with_parameters", {"learning_rate": {}}],
        ["parameter", ["learning_rate"]],
        ["label", []],
        ["fix", ["learning_rate"]],
        ["fix", {"learning_rate": "0.3"}],
        ["fix", {"learning_rate": True}],
        ["fix", {"self": 1.0}],
        ["fix_share", {"feeling_noise": None}],
        ["pool", "learning_rate"],
        ["pool", [1]],
        ["split", {"session": "learning_rate"}],
        ["with_range", {"feeling": [0]}],
        ["with_range", {"feeling": [0, "9"]}],
        ["with_priors", {"learning_rate": {"location": {"dist": "sample", "kwargs": {}}}}],
        ["with_priors", {"learning_rate": {"location": {"dist": "math"}}}],
        ["with_priors", {"learning_rate": {"location": {"dist": "Normal", "evil": 1}}}],
        ["with_priors", {"learning_rate": {"location": {"dist": "Normal", "transform": "grad"}}}],
        ["with_priors", {"learning_rate": {"location": {"dist": "Normal", "kwargs": {"mu": "1"}}}}],
        ["with_priors", {"learning_rate": {"location": {"class": "DataArray", "data": [1]}}}],
        ["with_priors", {"learning_rate": {"fixed": 3}}],
        ["without", "feeling"],
        ["with_outcome", {"on": ["value_change"]}],
        ["with_outcome", {"name": "relief", "on": "value_change"}],
        ["with_outcome", {"name": "relief", "on": ["value_change"], "range": [0, "9"]}],
        ["with_outcome", {"name": "relief", "on": ["value_change"], "function": "print"}],
        ["with_outcome", {"name": "self", "on": ["value_change"]}],
        ["with_summary", {"name": "late", "of": "value"}],
        ["with_summary", {"name": "late", "of": "value", "kind": 3}],
        ["rival", ["no_learning"]],
        ["rival", {}],
        ["fix"],
        ["fix", {}, {}],
        "fix",
        None,
        {"fix": 1},
        [["fix"], {}],
    ],
)
def test_nothing_but_the_verbs_is_replayed(helping, change):
    before = fingerprint(helping)
    with pytest.raises(ValueError, match=r"A variant is made by 'fix', .*; found .*Make it anew"):
        helping.vary([change])
    assert fingerprint(em.get_model("outgroup_help_learning")) == before


def test_a_prior_within_priors_ends_somewhere(helping):
    prior = {"dist": "Normal", "kwargs": {"mu": 0, "sigma": 1}}
    for _ in range(3000):
        prior = {"dist": "Normal", "kwargs": {"mu": prior, "sigma": 1}}
    with pytest.raises(ValueError, match="A variant is made by"):
        helping.vary([["with_priors", {"learning_rate": {"location": prior}}]])


# --------------------------------------------------------------------- immutable in fact


def test_nothing_in_a_model_is_changed_in_place():
    for name in em.list_models():
        model = em.get_model(name)
        with pytest.raises(FrozenInstanceError):
            model.title = "x"
        for mapping in (model.latents, model.anchors, model.covariates, model.rivals):
            with pytest.raises(TypeError, match="not changed in place"):
                mapping["x"] = 1
        for entry in fields(model):
            assert not isinstance(getattr(model, entry.name), list | set)
        prior = model.parameters[0].location
        with pytest.raises(TypeError, match=r"Make a variant: model\.fix"):
            prior.parameters["mu"] = 99
        with pytest.raises(TypeError, match="a prior of one was to be"):
            prior.transform = "exp"
        with pytest.raises(TypeError):
            prior.parameters.update(mu=99)
        assert isinstance(prior, FrozenPrior)


@pytest.mark.parametrize("verb", ["pop", "popitem", "clear", "setdefault", "update", "__delitem__"])
def test_frozen_mappings_refuse_every_change(verb):
    frozen = FrozenDict(a=1)
    with pytest.raises(TypeError, match="not changed in place"):
        getattr(frozen, verb)(*["a"] if verb in ("pop", "setdefault", "__delitem__") else [])
    with pytest.raises(TypeError, match="not changed in place"):
        frozen |= {"b": 2}
    assert frozen == {"a": 1}


def test_what_a_user_gives_is_copied(helping):
    prior = em.Prior("Normal", mu=0, sigma=1)
    model = helping.with_priors(start_value=prior)
    identity = fingerprint(model)
    prior.parameters["mu"] = 5
    levels, ends, numbers = [0, 1], [0, 1], np.arange(2.0)
    column = em.Column("x", "x", levels=levels, range=ends)
    response = replace(helping.responses[0], levels=levels)
    levels.append(2)
    ends[0] = -1
    assert fingerprint(model) == identity
    assert (column.levels, column.range, response.levels) == ((0, 1), (0, 1), (0, 1))
    held = em.Prior("Categorical", p=numbers)
    frozen = replace(helping.parameters[0], location=held).location
    numbers[0] = 7
    assert frozen.parameters["p"].tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        frozen.parameters["p"][0] = 1


def test_frozen_declarations_are_copied_pickled_and_json(helping):
    prior = helping.parameters[0].location
    own = prior.deepcopy()
    own.parameters["mu"] = 99
    assert prior.parameters["mu"] != 99
    assert own != prior
    assert copy.deepcopy(helping) == helping
    assert pickle.loads(pickle.dumps(helping.parameters)) == helping.parameters
    assert json.loads(json.dumps(helping.latents)) == dict(helping.latents)
    assert str(prior).startswith('Prior("Normal"')
