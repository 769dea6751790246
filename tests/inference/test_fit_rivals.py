"""Rivals of a model that has lost a response, or whose study lacks one."""

from dataclasses import replace

import pymc as pm
import pytest

import empathymodels as em
from empathymodels.declaration.fingerprint import fingerprint

SEVERAL = [name for name in em.list_models() if len(em.get_model(name).responses) > 1]


@pytest.mark.parametrize("name", SEVERAL)
def test_a_rival_without_a_response_is_that_rival_of_the_model_without_it(name):
    model = em.get_model(name)
    for response in model.responses:
        for rival in model.rivals_by_name:
            version = model.without(response.name).rival(rival)
            if response.name in {r.name for r in model.rival(rival).responses}:
                expected = model.rival(rival).without(response.name)
                assert fingerprint(version) == fingerprint(expected), (response.name, rival)


def test_a_response_that_no_model_has_is_refused():
    model = em.get_model("intergroup_bias").without("rating")
    with pytest.raises(KeyError, match=r"no response 'ratings'.*Did you mean 'rating'"):
        model.with_response("ratings", lambda *_: None)


def test_rivals_that_differ_in_what_a_study_lacks_are_left_out(capsys, monkeypatch):
    """Of regions alone, wherever ratings would lie."""
    fitted = []
    monkeypatch.setattr(
        "empathymodels.inference.fit_rivals.fit", lambda m, *_, **__: fitted.append(m)
    )
    study, model = em.load_study("group_pain"), em.get_model("intergroup_bias")

    def elsewhere(latent, parameters, data):
        mean = model.response("rating").function(latent, parameters, data)
        return pm.Normal.dist(
            1.0 + mean.owner.op.dist_params(mean.owner)[0], parameters.rating_noise
        )

    rivals = {"elsewhere": lambda model: model.with_response("rating", elsewhere)}
    model = replace(model, rivals=rivals | {"no_bias": model.rivals_by_name["no_bias"]})
    regions = em.Study(
        trials=study.trials.drop(columns=["rating"]),
        participants=study.participants,
        regions=study.regions,
    )
    assert list(em.fit_rivals(model, regions)) == [model.name, "no_bias"]
    told = capsys.readouterr().err
    assert "Rival 'elsewhere' is left out: of this study it says the same as" in told
    assert list(em.fit_rivals(model, study)) == [model.name, "elsewhere", "no_bias"]
    # who names one asks for it
    assert list(em.fit_rivals(model, regions, "elsewhere")) == [model.name, "elsewhere"]
    assert len(fitted) == 2 + 3 + 2
