"""What is given for a fit and is none is told in one sentence, by every verb that takes fits."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.inference.fits import checked_fit, checked_fits

OF_ONE = {
    "check": (),
    "classify": (),
    "contrast": ("slope", {}, {}),
    "estimates": (),
    "latents": (),
    "loo": (),
    "path_effects": ("intensity", "rating", "value", (0, 1)),
    "plot_correlations": (),
    "plot_latent": ("value",),
    "plot_motives": (),
    "plot_parameters": (),
    "plot_people": ("slope",),
    "plot_predictions": ("rating",),
    "plot_recovery": (pd.DataFrame(),),
    "plot_response_over_latent": ("rating", "value"),
    "plot_statistics": (),
    "predict": (),
    "reliability": ("slope",),
    "save": ("fit.nc",),
    "sensitivity": (),
    "to_events": ("events",),
    "with_log_likelihood": (),
}
KEYWORDS = {
    "predict": {"seed": 1},
    "path_effects": {},
    "to_events": {"latent": "value", "task": "help"},
}
OF_SEVERAL = {"compare": (), "report": ("page.html",)}
NO_FITS = {
    "a path": "fit.nc",
    "a Path": Path("fit.nc"),
    "a number": 3,
    "None": None,
    "an array": np.ones(3),
    "a list": [1, 2],
    "a dataset": xr.Dataset({"x": 1}),
    "a part": xr.DataTree.from_dict({"posterior": xr.Dataset()}),
    "the function": em.fit,
}


def given(name, fit):
    verb, rest = getattr(em, name), OF_ONE.get(name, OF_SEVERAL.get(name))
    if name == "path_effects":
        column, response, through, values = rest
        return verb(fit, column, response, through=through, values=values)
    return verb(fit, *rest, **KEYWORDS.get(name, {}))


def test_every_verb_that_takes_fits_is_tried():
    import inspect

    first = {
        name: next(iter(inspect.signature(getattr(em, name)).parameters), "")
        for name in em.__all__
        if inspect.isfunction(getattr(em, name))
    }
    assert {n for n, of in first.items() if of in ("fit", "source")} == set(OF_ONE)
    assert {n for n, of in first.items() if of == "fits"} == set(OF_SEVERAL)


@pytest.mark.parametrize("what", NO_FITS)
@pytest.mark.parametrize("name", OF_ONE)
def test_what_is_no_fit_is_told(name, what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        TypeError, match=r"A fit must be given, as fit\(\) and load\(\) .*; found .+\."
    ):
        given(name, NO_FITS[what])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", NO_FITS)
@pytest.mark.parametrize("name", OF_SEVERAL)
def test_what_are_no_fits_is_told(name, what, drawn_fit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if not (name == "report" and what == "a part"):  # a report takes a fit alone, too
        with pytest.raises(TypeError, match=r"Fits must be given by name.* found .+\."):
            given(name, NO_FITS[what])
    with pytest.raises(TypeError, match=r"1 of 2 are none: 'other'\. 'other' is .+\."):
        given(name, {"one": drawn_fit, "other": NO_FITS[what]})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", NO_FITS)
def test_evidences_of_what_is_no_fit_are_told(what, drawn_fit):
    with pytest.raises(TypeError, match=r"1 of 2 are none: 'other'\. 'other' is .+\."):
        em.select({"one": drawn_fit, "other": NO_FITS[what]})
    with pytest.raises(TypeError, match=r"Evidences are a table|Fits must be given by name"):
        em.select(NO_FITS[what])


def test_the_advice_fits_what_was_given(drawn_fit):
    assert checked_fit(drawn_fit) is drawn_fit
    assert checked_fits({1: drawn_fit}) == {"1": drawn_fit}
    for wrong, advice in (
        ("fit.nc", r"load it first: load\('fit\.nc'\)"),
        ({"a": drawn_fit}, "found a mapping of 'a'. Give one of its fits"),
        (drawn_fit["posterior"], "a DataTree without 'model', 'fingerprint', 'posterior'"),
        (None, "found NoneType None. Fit a model to a study"),
    ):
        with pytest.raises(TypeError, match=advice):
            checked_fit(wrong)
    with pytest.raises(TypeError, match="found one fit"):
        checked_fits(drawn_fit)
    with pytest.raises(TypeError, match=r"'x' is a mapping of 'a'\. Give one"):
        em.compare({"x": {"a": drawn_fit}, "y": drawn_fit})
