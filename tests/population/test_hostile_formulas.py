"""Text that is hostile, by hand and in files, at every place where formulas are taken."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels import cli

CRAFTED = [
    "I(__import__('pathlib').Path('{flag}').touch())",
    "age + group.__class__.__base__.__subclasses__()",
    "{{__import__('pathlib').Path('{flag}').touch()}}",
    "age.map(lambda x: __import__('pathlib').Path('{flag}').touch())",
    "log(open('{flag}', 'w'))",
    "np.exp(age)",
]
CALLS = {
    "fit": lambda model, study, asked: em.fit(model, study, covariates=asked, seed=1),
    "fit map": lambda model, study, asked: em.fit(model, study, covariates=asked, method="map"),
    "diagnose_design": lambda model, study, asked: em.diagnose_design(
        model, study, covariates=asked, draws=2, seed=1
    ),
    "design_power": lambda model, study, asked: em.design_power(
        model,
        study,
        people=[4],
        rope=(-0.1, 0.1),
        parameter="baseline",
        first={"group": "in"},
        second={"group": "out"},
        covariates=asked,
        n=1,
        seed=1,
        workers=1,
    ),
    "recover": lambda model, study, asked: em.recover(
        model, study, covariates=asked, n=1, seed=1, workers=1
    ),
    "calibrate": lambda model, study, asked: em.calibrate(
        model, study, covariates=asked, n=1, seed=1, workers=1
    ),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("attack", CRAFTED)
def test_functions_run_no_formula(call, attack, own_model, own_study, tmp_path):
    flag = tmp_path / "ran"
    asked = {"baseline": attack.format(flag=flag)}
    with pytest.raises(ValueError, match=r"formula of 'baseline' must be .* no code in it is run"):
        CALLS[call](own_model, own_study, asked)
    assert not flag.exists()


@pytest.mark.parametrize("command", ["fit", "diagnose_design"])
@pytest.mark.parametrize("attack", CRAFTED)
def test_the_command_line_runs_no_formula(command, attack, tmp_path, capsys):
    flag, people = tmp_path / "ran", tmp_path / "people.csv"
    trials = tmp_path / "trials.csv"
    trials.write_text("participant,trial,outcome,feeling\n1,1,1,4\n1,2,-1,5\n2,1,1,6\n")
    people.write_text("participant,age,group\n1,20,a\n2,30,b\n")
    given = ["--trials", str(trials), "--participants", str(people)]
    asked = ["--covariates", f"learning_rate={attack.format(flag=flag)}"]
    end = ["--out", str(tmp_path / "fit.nc")] if command == "fit" else []
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "outgroup_help_learning", *given, *asked, *end])
    assert ended.value.code not in (0, None)
    assert "no code in it" in " ".join(capsys.readouterr().err.split())
    assert not flag.exists()


def crafted(fit, formula, *, is_told):
    """A fit whose stored formula was written by somebody else."""
    changed = fit.copy(deep=True)
    changed.attrs["covariates"] = json.dumps({"baseline": formula})
    held = changed["constant_data"].to_dataset()
    held["baseline_covariates"].attrs["formula"] = formula
    if not is_told:
        del held["baseline_covariates"].attrs["coding"]
    changed["constant_data"] = xr.DataTree(held)
    return changed


@pytest.mark.parametrize(
    ("suffix", "is_told", "attack"),
    [
        (".nc", True, CRAFTED[0]),
        (".zarr", False, CRAFTED[0]),
        (".nc", False, CRAFTED[1]),
        (".zarr", True, CRAFTED[-1]),
    ],
)
def test_files_run_no_formula(suffix, is_told, attack, own_fit, own_study, tmp_path):
    flag, path = tmp_path / "ran", tmp_path / f"fit{suffix}"
    em.save(crafted(own_fit, attack.format(flag=flag), is_told=is_told), path)
    fit = em.load(path)
    # what is in the file is used
    table = em.estimates(fit)
    pd.testing.assert_frame_equal(
        table.drop(columns="coding"), em.estimates(own_fit).drop(columns="coding")
    )
    assert em.sensitivity(fit)["parameter"].size
    assert em.contrast(fit, "baseline", {}, {})["mean"].item() == 0
    if is_told:
        assert "age per standard deviation" in table["coding"].str.cat()
    else:
        em.plot_parameters(fit)
    # what needs other people's values is refused
    new = em.Study(
        trials=own_study.trials.replace({"participant": {"P01": "new"}}),
        participants=own_study.participants.replace({"participant": {"P01": "new"}}),
    )
    with pytest.raises(ValueError, match="no code in it is run"):
        em.predict(fit, new, draws=5, seed=1)
    with pytest.raises(ValueError, match="no code in it is run"):
        em.contrast(fit, "baseline", {"group": "in"}, {"group": "out"})
    assert not flag.exists()


def test_a_report_shows_the_formula_as_text(own_fit, tmp_path):
    flag = tmp_path / "ran"
    fit = crafted(own_fit, f"<b>{CRAFTED[0].format(flag=flag)}", is_told=False)
    page = em.report(fit, tmp_path / "page.html", draws=20).read_text("utf-8")
    assert "&lt;b&gt;I(__import__" in page
    assert "<b>I(" not in page
    assert not flag.exists()


def test_coding_survives_both_formats(own_fit, tmp_path):
    whose = em.estimates(own_fit).set_index("whose")["coding"]
    ages = np.asarray(own_fit["study"]["participants"]["age"], dtype=float)
    assert whose["effect of group[T.out]"] == "group by label, against 'in'"
    assert whose["effect of age"] == (
        f"age per standard deviation ({ages.std(ddof=1):.4g}) from {ages.mean():.4g}"
    )
    for suffix in (".nc", ".zarr"):
        em.save(own_fit, tmp_path / f"fit{suffix}")
        again = em.estimates(em.load(tmp_path / f"fit{suffix}")).set_index("whose")["coding"]
        assert again.tolist() == whose.tolist()
