"""Declarations in short: priors as numbers, rivals as functions, texts from the docstring."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import empathymodels as em
from empathymodels.declaration.docstring import equations_of, references_of, section_of, title_of
from empathymodels.declaration.fingerprint import fingerprint

TEXT = """Warm glow: giving feels good: by itself.

.. math:: y = 1

Notes
-----
What is ours: all of it.

Even this.

References
----------
Andreoni, J. (1990). Impure altruism and donations to public goods: A theory of warm-glow
giving. Economic Journal, 100, 464-477. doi:10.2307/2234133

Batson (1987), J Pers 55:19-39, https://doi.org/10.1111/j.1467-6494.1987.tb00426.x.
"""


def parameter(**priors):
    return em.Parameter("warmth", "how warm it is", **priors)


def test_numbers_stand_for_priors():
    short = parameter(location=(-0.5, 2), spread=0.7, effect=0.3)
    written = parameter(
        location=em.Prior("Normal", mu=-0.5, sigma=2),
        spread=em.Prior("HalfNormal", sigma=0.7),
        effect=em.Prior("Normal", mu=0, sigma=0.3),
    )
    assert [p.to_dict() for p in short.priors.values()] == [
        p.to_dict() for p in written.priors.values()
    ]
    assert list(short.priors) == ["location", "spread", "effect"]
    assert list(parameter(location=(0, 1), spread=1).priors) == ["location", "spread"]
    assert replace(short, location=(1, 1)).location.parameters["mu"] == 1


def test_a_model_is_the_same_however_it_is_written(own_model):
    priors = {
        p.name: {
            "location": tuple(p.location.parameters.values()),
            **({"spread": p.spread.parameters["sigma"]} if p.spread else {}),
        }
        for p in own_model.parameters
    }
    short = replace(
        own_model,
        parameters=tuple(replace(p, **priors[p.name]) for p in own_model.parameters),
        rivals=tuple(own_model.rivals.values()),
    )
    assert fingerprint(short) == fingerprint(own_model)
    assert list(short.rivals) == ["no_slope"]
    changed = own_model.with_priors(slope=(0.1, 0.4), baseline={"spread": 0.2})
    same = own_model.with_priors(
        slope=em.Prior("Normal", mu=0.1, sigma=0.4),
        baseline={"spread": em.Prior("HalfNormal", sigma=0.2)},
    )
    assert fingerprint(changed) == fingerprint(same)
    assert own_model.vary(changed.variant) == changed


def test_rivals_without_names_need_some(own_model):
    nameless = partial(own_model.rivals["no_slope"])
    with pytest.raises(TypeError, match=r"found 1 rival without, such as functools\.partial"):
        replace(own_model, rivals=(nameless,))
    assert list(replace(own_model, rivals={"flat": nameless}).rivals) == ["flat"]


def test_impossible_numbers_are_refused(own_model):
    with pytest.raises(ValueError, match="sigma"):
        own_model.with_priors(slope=(0, -1))
    with pytest.raises(ValueError, match="slope must be a Prior or 2 values"):
        own_model.with_priors(slope=(0, 1, 2))


def test_what_a_docstring_says():
    assert title_of(TEXT) == "giving feels good: by itself"
    assert title_of("All in one line.") == "All in one line"
    assert equations_of(TEXT) == ".. math:: y = 1"
    assert section_of(TEXT, "Notes") == "What is ours: all of it.\n\nEven this."
    assert section_of("No sections.", "Notes") == ""
    first, second = references_of(TEXT)
    assert first == (
        "Andreoni, J. (1990). Impure altruism and donations to public goods: A theory of "
        "warm-glow giving. Economic Journal, 100, 464-477.",
        "10.2307/2234133",
    )
    assert second == ("Batson (1987), J Pers 55:19-39", "10.1111/j.1467-6494.1987.tb00426.x")


def test_a_file_is_read_with_its_docstring(tmp_path):
    source = f'''"""{TEXT}"""

import empathymodels as em
import pymc as pm


def giving(latent, parameters, data):
    return pm.Normal.dist(parameters.warmth, 1.0)


model = em.Model(
    parameters=(em.Parameter("warmth", "how warm it is", location=(0, 1), spread=1),),
    responses=(em.Response("giving", giving, "what is given"),),
)
'''
    (tmp_path / "warm_glow.py").write_text(source, encoding="utf-8")
    model = em.get_model(tmp_path / "warm_glow.py")
    assert model.title == "giving feels good: by itself"
    assert model.notes.startswith("What is ours")
    assert len(model.references) == 2
    card = em.card(model)
    for text in ("## Notes\n\nWhat is ours", "https://doi.org/10.2307/2234133"):
        assert card.count(text) == 1
    assert card.count("What is ours") == 1  # and not among the equations
    given = source.replace("em.Model(", 'em.Model(title="Own", notes="Own notes.",')
    (tmp_path / "own_words.py").write_text(given, encoding="utf-8")
    own = em.get_model(tmp_path / "own_words.py")
    assert (own.title, own.notes) == ("Own", "Own notes.")


def test_statistics_by_name():
    table = pd.DataFrame({"participant": ["a", "a", "b", "b"], "rating": [1.0, 3.0, 4.0, 8.0]})
    found = {
        s.name: s.function(table)
        for s in (
            em.Statistic.mean("rating"),
            em.Statistic.sd("rating"),
            em.Statistic.between_people("rating"),
            em.Statistic.mean("rating", "mean warmth"),
        )
    }
    assert found == pytest.approx(
        {
            "mean rating": 4.0,
            "sd of rating": np.std([1, 3, 4, 8], ddof=1),
            "sd of people's mean rating": np.std([2, 6], ddof=1),
            "mean warmth": 4.0,
        }
    )


def test_a_rival_is_not_offered_again(own_model):
    assert list(own_model.rival("no_slope").rivals) == []
    model = em.get_model("empathy_learning")
    taken = model.rival("no_learning")
    assert set(model.rivals) - set(taken.rivals) == {"no_learning"}
    assert "Closeness stays where it started." in " ".join(em.card(taken).split())


def test_responses_and_parameters_are_exchanged(own_model):
    def flat(latent, parameters, data):
        return pm.Normal.dist(parameters.baseline, parameters.noise)

    changed = own_model.with_response("rating", flat).with_parameters(without=["slope"])
    assert [p.name for p in changed.parameters] == ["baseline", "noise"]
    assert changed.responses[0].range == own_model.responses[0].range
    assert [p.name for p in own_model.parameters] == ["baseline", "slope", "noise"]
    steep, calm = (replace(own_model.parameter("slope"), name=name) for name in ("steep", "calm"))
    names = [p.name for p in own_model.with_parameters(steep, calm, without=["slope"]).parameters]
    assert names == ["baseline", "steep", "calm", "noise"]
    names = [p.name for p in own_model.with_parameters(steep).parameters]
    assert names == ["baseline", "slope", "noise", "steep"]
    correlated = replace(own_model, correlate=("slope", "baseline"), covariates={"slope": "age"})
    changed = correlated.with_parameters(steep, without=["slope"])
    assert (changed.correlate, changed.covariates) == (("baseline",), {})
    with pytest.raises(KeyError, match="slop"):
        own_model.with_parameters(without=["slop"])
    with pytest.raises(KeyError, match="ratings"):
        own_model.with_response("ratings", flat)
