"""What the demonstration says, from made-up results."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from empathymodels import Parameter, Prior
from empathymodels.cli.demo import (
    _comparison_words,
    _recovery_words,
    _sampling_words,
    demo,
    recovery,
)


def estimates():
    rows = [
        ("rate", None, "P1", 0.2, 0.1, 0.3),
        ("rate", None, "P2", 0.4, 0.3, 0.5),
        ("rate", None, "P3", 0.9, 0.8, 1.0),
        ("rate", None, "median person", 0.5, 0.4, 0.6),
        ("noise", None, "population", 1.5, 1.0, 2.0),
        ("start", "a", "P1", 3.0, 2.0, 4.0),
        ("item", None, "P1", 3.0, 2.0, 4.0),  # a picture of that name
    ]
    names = ["parameter", "level", "whose", "median", "hdi_low", "hdi_high"]
    return pd.DataFrame(rows, columns=names)


def truth():
    return pd.DataFrame(
        {
            "participant": ["P1", "P2", "P3"],
            "rate": [0.25, 0.45, 0.7],
            "noise": 1.1,
            "start[a]": [2.5, 1.0, 1.0],
            "unknown": 0.0,
            "item": 0.0,
        }
    )


def arrangement():
    """Stand in for a model's parameters and the levels of a study."""
    given = {"location": Prior("Normal"), "spread": Prior("HalfNormal")}
    parameters = [
        Parameter("rate", "", **given),
        Parameter("noise", "", level="population", **given),
        Parameter("start", "", by="cue", **given),
        Parameter("item", "", level="picture", **given),
    ]
    people = tuple(truth()["participant"])
    return SimpleNamespace(parameters=parameters, levels={"cue": ["a"]}, participants=people)


def test_recovery_matches_people_levels_and_population():
    found = recovery(estimates(), truth(), arrangement()).set_index("parameter")
    assert found["values"].to_dict() == {"rate": 3, "noise": 1, "start[a]": 1}
    assert found["covered"].to_dict() == {"rate": 2, "noise": 1, "start[a]": 1}
    expected = np.corrcoef([0.2, 0.4, 0.9], [0.25, 0.45, 0.7])[0, 1]
    np.testing.assert_allclose(found.loc["rate", "correlation"], expected)
    assert found["correlation"].isna().tolist() == [False, True, True]


def test_the_account_takes_its_numbers_from_the_results():
    words = list(_recovery_words(recovery(estimates(), truth(), arrangement())))
    assert words[0].startswith("80% of 5 true values (4) lie inside their 90% interval")
    assert words[1].endswith("2 of 3 covered")
    checks = pd.DataFrame(
        [("R-hat", 1.0349, "<= 1.01", False, "Sample longer."), ("p", 0.5, "", True, "")],
        columns=["check", "value", "limit", "passed", "advice"],
    )
    told = list(_sampling_words(checks))
    assert told[0].startswith("1 of 2 checks passed.")
    assert told[1] == "R-hat is 1.035 (<= 1.01). Sample longer."
    table = pd.DataFrame({"elpd_diff": [0.0, -20.0], "dse": [0.0, 8.0]}, index=["a", "b"])
    table.attrs["reading"] = "'a' predicts better than 'b'"
    text = _comparison_words(table)
    assert "'a' predicts better than 'b'" in text
    assert "2.5 times its standard error" in text


@pytest.mark.slow
def test_the_whole_demonstration(tmp_path, capsys):
    folder = tmp_path / "first look"
    demo(folder)
    account = capsys.readouterr().out
    written = sorted(file.name for file in folder.iterdir())
    assert len(written) == 13
    for name in (*written, str(folder)):
        assert name in account
