"""Covariate formulas: what they say, how columns are taken, and that nothing else passes."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import empathymodels as em
from empathymodels.declaration.formulas import label_of, read_formula
from empathymodels.inference.fits import covariates_of
from empathymodels.layout.arrange import arrange
from empathymodels.population.covariates import covariates_for, tell_coding
from empathymodels.population.design_matrix import DesignMatrix
from empathymodels.population.stored_covariates import stored
from empathymodels.study.row_filters import rows_that_match

ATTACKS = [
    "age.__class__",
    "age.map(print)",
    "`age`.__class__.__base__",
    "__import__('os').system('touch {flag}')",
    "log(__import__('os').system('touch {flag}'))",
    "I(open('{flag}', 'w'))",
    "I(eval('1'))",
    "C(open('{flag}', 'w'))",
    "C(group, contr.treatment('x'))",
    "C(group, open('{flag}', 'w'))",
    "C(group, Treatment(open('{flag}', 'w')))",
    "C(group, levels=open('{flag}', 'w'))",
    "C(group, Treatment('x'), Sum)",
    "C(log(age))",
    "bs(age, df=open('{flag}', 'w'))",
    "bs(age, knots=age)",
    "bs(age, df=1000000000)",
    "bs(age, 4, 3, 2)",
    "bs(age, df=4, df=5)",
    "poly(age, 2.5)",
    "poly(age, -1)",
    "poly(age, degree=age)",
    "np.exp(age)",
    "exp(age.max())",
    "lag(age)",
    "hashed(age)",
    "cr(age, df=3)",
    "Q('age')",
    "getattr(age, 'map')",
    "{{__import__('os').system('touch {flag}')}}",
    "{{age}}",
    "[age]",
    "[x for x in age]",
    "(lambda x: x)(age)",
    "f'{{age}}'",
    "'{{0.__class__}}'.format(age)",
    "'age'",
    "age if group else age",
    "age := 1",
    "age; import os",
    "age # group",
    "age\\\n+ group",
    "~ age",
    "y ~ age",
    "age | group",
    "age %in% group",
    "age == 1",
    "not age",
    "age and group",
    "age ^ 2",
    ".",
    "age[0]",
    "@age",
    "2",
    "2 * age",
    "age ** group",
    "(age + group) ** 99999",
    "(age + group) ** 2.5",
    "age ** -1",
    "-age",
    "age + ",
    "log()",
    "log(age, 10)",
    "log(age, base=10)",
    "log(age:group)",
    "log('age')",
    "I(C(group))",
    "I(poly(age, 2))",
    "log(bs(age, df=4))",
    "__builtins__",
    "__age__",
    "age.__init__.__globals__",
    "ｌｏｇ(age)",  # full-width letters that Python reads as log
    "аge.x",  # a Cyrillic letter
    "log\u2024x(age)",
    "age \u00d7 group",
    "0x10 + age",
    "",
    "(" * 5000 + "age" + ")" * 5000,
    "-" * 5000 + "age",
    "age" + " + age" * 50_000,
    "(" + " + ".join(f"a{i}" for i in range(80)) + ")**9",
    "I(" + "9**" * 5000 + "9)",
]


@pytest.fixture
def people():
    return pd.DataFrame(
        {
            "age": [20.0, 30, 40, 70, 35, 51],
            "weight": [3.1, 2.2, 4.5, 1.7, 2.9, 3.3],
            "group": list("xxyyzz"),
            "site": [1, 2, 3, 1, 2, 3],
            "smoker": [True, False, True, False, False, True],
            "my column": [1.5, 2.5, 0.5, 1.0, 0.0, 3.0],
        },
        index=pd.Index(list("abcdef"), name="participant"),
    )


@pytest.fixture
def evaluated(own_model):
    """Evaluate a formula for people of a study."""

    def of(people, formula):
        people = people.reset_index()
        trials = pd.DataFrame(
            {
                "participant": np.repeat(people["participant"], 2),
                "trial": [1, 2] * len(people),
                "intensity": [-0.5, 0.5] * len(people),
                "rating": np.linspace(1, 9, 2 * len(people)),
            }
        )
        arrangement = arrange(own_model, em.Study(trials=trials, participants=people))
        return covariates_for(arrangement, {"baseline": formula}), arrangement

    return of


def matrix(formula, people):
    return DesignMatrix.of(read_formula("baseline", formula), people)


# ------------------------------------------------------------------------------------- language


@pytest.mark.parametrize(
    ("formula", "terms"),
    [
        ("age + group", ["age", "group"]),
        ("age:group", ["age:group"]),
        ("age * group", ["age", "group", "age:group"]),
        ("age / group", ["age", "age:group"]),
        ("(age + weight) / group", ["age", "weight", "age:weight:group"]),
        ("(age + weight + group)**2 - weight:age", None),
        ("age * group - group", ["age", "age:group"]),
        ("0 + age", ["age"]),
        ("-1 + age + 1", ["age"]),
        ("age - 1", ["age"]),
        ("+age + age", ["age"]),
        ("age:weight + weight:age", ["age:weight"]),
        ("`my column` + log( age )", ["my column", "log(age)"]),
        ("0", []),
        ("1", []),
    ],
)
def test_terms(formula, terms):
    wanted = ["age", "weight", "group", "age:group", "weight:group"] if terms is None else terms
    found = read_formula("baseline", formula).terms
    assert [":".join(map(label_of, term)) for term in found] == wanted


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_else_passes(attack, people, tmp_path):
    flag = tmp_path / "ran"
    with pytest.raises(ValueError, match=r"(?s)'baseline' must be .* may hold .* no code in it"):
        read_formula("baseline", attack.format(flag=flag))
    assert not flag.exists()


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("age.x", "'.' at character 4 is no part of the language"),
        ("group + lag(age)", "'lag' at character 9 is no function of the language"),
        ("age + 2", "'2' is no term (arithmetic goes into I(...))"),
        ("age +", "found the end at character 6 where a column or a number should be"),
        ("my column", "found 'column' at character 4 where an operator should be"),
        ("age:0", "'0' is crossed with terms and is none"),
        ("0 * age + group", "'0' is crossed with terms and is none"),
        ("(age - age) / group", "'age - age' is crossed with terms and is none"),
        ("lambda: 0", "'0' is crossed with terms and is none"),
        ("1 / weight", "'1' is crossed with terms and holds a number"),
        ("weight / 1 + age", "'1' is crossed with terms and holds a number"),
        ("group * (1 + age)", "'1 + age' is crossed with terms and holds a number"),
        ("weight + weight**2", "'weight ** 2' crosses a term with itself, and would be 'weight'"),
        ("age:age", "'age:age' crosses a term with itself, and would be 'age' alone"),
        ("log(age) * log(age)", "and would be 'log(age)' alone (arithmetic goes into I(...)"),
        ("(group:age)**3", "and would be 'group:age' alone"),
        ("C(group, 'x')", "told apart by Treatment('reference label') or by Sum"),
    ],
)
def test_what_is_wrong_is_said(formula, why):
    with pytest.raises(ValueError) as caught:
        read_formula("baseline", formula)
    assert why in str(caught.value)


@pytest.mark.parametrize("formula", [None, 3, ["age"], {"age": 1}])
def test_formulas_are_text(formula, evaluated, people):
    with pytest.raises(TypeError, match="formula of 'baseline' must be text, such as"):
        evaluated(people, formula)


def test_covariates_are_a_mapping(own_model, own_study):
    with pytest.raises(TypeError, match="covariates must be a mapping"):
        em.fit(own_model, own_study, covariates=["age"], seed=1)


# --------------------------------------------------------------------------------------- values


def standard(values):
    return (values - values.mean()) / values.std()


@pytest.mark.parametrize(
    ("formula", "transformed"),
    [
        ("age", lambda p: p["age"]),
        ("log(age)", lambda p: np.log(p["age"])),
        ("log1p(age - 19)", lambda p: np.log(p["age"] - 18)),
        ("sqrt(age)", lambda p: np.sqrt(p["age"])),
        ("exp(-age / 10)", lambda p: np.exp(-p["age"] / 10)),
        ("abs(age - 40)", lambda p: (p["age"] - 40).abs()),
        ("I(age**2 - 3 * weight)", lambda p: p["age"] ** 2 - 3 * p["weight"]),
        ("I(2**(-weight))", lambda p: 2 ** -p["weight"]),
        ("center(age)", lambda p: p["age"]),
        ("scale(log(age))", lambda p: np.log(p["age"])),
        ("I(center(age)**2)", lambda p: (p["age"] - p["age"].mean()) ** 2),
        ("I(scale(age)**3)", lambda p: standard(p["age"]) ** 3),
        ("log(`my column` + 1)", lambda p: np.log(p["my column"] + 1)),
        ("site", lambda p: p["site"]),
    ],
)
def test_columns_are_transformed_as_given_and_then_scaled(formula, transformed, people):
    design = matrix(formula, people)
    values, (coding,) = transformed(people), next(iter(design.coding.values()))
    assert design.table.iloc[:, 0].to_numpy() == pytest.approx(standard(values).to_numpy())
    assert coding.scale == pytest.approx(1 if "scale(log" in formula else values.std())
    others = people.iloc[[4, 1]]
    assert np.allclose(design.at(others), design.table.iloc[[4, 1]])


@pytest.mark.parametrize(
    ("formula", "columns"),
    [
        ("poly(age, 2)", 2),
        ("poly(age, degree=3)", 3),
        ("bs(age, df=4)", 4),
        ("bs(log(age), 3, 2)", 3),
        ("bs(age, df=3):group", 9),
        ("poly(age, 2) * smoker", 5),
    ],
)
def test_bases_span_curves(formula, columns, people):
    design = matrix(formula, people)
    assert design.table.shape == (6, columns)
    assert np.allclose(design.at(people.iloc[2:5]), design.table.iloc[2:5])
    if ":" not in formula and "*" not in formula:
        assert np.allclose(design.table.mean(), 0)
        assert np.allclose(design.table.std(), 1)


def test_polynomials_are_orthogonal_and_span_powers(people):
    table = matrix("poly(age, 2)", people).table.to_numpy()
    assert table[:, 0] @ table[:, 1] == pytest.approx(0)
    powers = np.stack([np.ones(6), people["age"], people["age"] ** 2], axis=1)
    assert np.linalg.matrix_rank(np.concatenate([powers, table], axis=1), tol=1e-6) == 3


def test_curves_do_not_reach_beyond_what_was_learned(people):
    design = matrix("bs(age, df=4)", people)
    with pytest.raises(ValueError, match=r"bs\(age, df=4\): .*beyond"):
        design.at(people.assign(age=90.0))


@pytest.mark.parametrize(
    ("formula", "names", "reference"),
    [
        ("group", ["group[T.y]", "group[T.z]"], "x"),
        ("C(group)", ["C(group)[T.y]", "C(group)[T.z]"], "x"),
        ("C(group, Treatment('y'))", None, "y"),
        ('C(group, Treatment(reference="z"))', None, "z"),
        ("C(group, Treatment)", None, "x"),
        ("C(group, Sum)", ["C(group, Sum)[S.x]", "C(group, Sum)[S.y]"], "the mean of all"),
        ("C(site)", ["C(site)[T.2]", "C(site)[T.3]"], "1"),
        ("C(site, Treatment(3))", None, "3"),
        ("smoker", ["smoker[T.True]"], "False"),
    ],
)
def test_labels_and_their_reference(formula, names, reference, people):
    design = matrix(formula, people)
    assert names is None or list(design.table) == names
    (coding,) = next(iter(design.coding.values()))
    assert coding.reference == reference
    if reference in coding.levels:
        is_reference = people[coding.columns[0]].astype(str) == reference
        assert (design.table[is_reference] == 0).all(axis=None)
        assert (design.table[~is_reference].sum(axis=1) == 1).all()
    else:
        assert (design.table.sum() == 0).all()
        assert (design.table[people["group"] == "z"] == -1).all(axis=None)


def test_an_unknown_reference_is_refused(people):
    with pytest.raises(ValueError, match="reference must be one of 'x', 'y', 'z'; found 'X'"):
        matrix("C(group, Treatment('X'))", people)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([10, 2, 1, 10, 2, 1], ["1", "2", "10"]),
        ([10.0, 2.0, 1.0, 10.0, 2.0, 1.0], ["1", "2", "10"]),
        ([0.5, 2, 1, 0.5, 2, 1], ["0.5", "1", "2"]),
        (["02", "2", "02", "2", "02", "2"], ["02", "2"]),
        (list("bababc"), ["a", "b", "c"]),
        (["7T", "7t", "7T", "7t", "7T", "7t"], ["7T", "7t"]),
    ],
)
def test_labels_are_kept_as_written(values, levels, people):
    people = people.assign(site=pd.Series(values, people.index))
    design = matrix("C(site)", people)
    assert list(design.table) == [f"C(site)[T.{level}]" for level in levels[1:]]
    alone = people.iloc[[1]].astype({"site": object})
    assert np.allclose(design.at(alone), design.table.iloc[[1]])


@pytest.mark.parametrize(
    "dtype", ["str", "string[python]", "string[pyarrow]", "category", "object"]
)
def test_text_of_every_type_is_taken_by_its_labels(dtype, people):
    people["group"] = pd.Series(list("zzyxyx"), people.index, dtype=dtype)
    design = matrix("group", people)
    assert list(design.table) == ["group[T.y]", "group[T.z]"]
    assert design.table["group[T.z]"].tolist() == [1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_truth_of_every_type_is_taken_by_its_labels(dtype, people):
    people["smoker"] = people["smoker"].astype(dtype)
    assert list(matrix("smoker", people).table) == ["smoker[T.True]"]


@pytest.mark.parametrize(
    "dtype", ["int8", "Int64", "float32", "Float64", "double[pyarrow]", "object"]
)
def test_numbers_of_every_type_are_taken_as_numbers(dtype, people):
    people["site"] = people["site"].astype(dtype)
    design = matrix("site", people)
    assert design.table["site"].to_numpy() == pytest.approx([-1.118, 0, 1.118] * 2, abs=1e-3)


def test_unused_labels_of_a_type_are_no_labels(people):
    kind = pd.CategoricalDtype(["z", "w", "y", "x"])
    assert list(matrix("group", people.astype({"group": kind})).table) == [
        "group[T.y]",
        "group[T.z]",
    ]


# ------------------------------------------------------------------------ what cannot be meant


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            ["31", "42", "n.k.", "25", "60", "33"],
            r"5 of 6 values.* such as '31', and 1 are not: 'n.k.'",
        ),
        (["31", "42", "-", "25", "?", "33"], "4 of 6 values are numbers.*2 are not: '-', '\\?'"),
        (
            ["healthy", "lesion", 3, 3, "lesion", "healthy"],
            "2 of 6 values are numbers, such as '3'",
        ),
        ([1, 2.5, "x", 1, 2, 3], "5 of 6 values are numbers.*1 are not: 'x'"),
        ([21, 25, "inf", 28, 30, 33], "5 of 6 values are numbers.*1 are not: 'inf'"),
        ([1, "2.0", 3, 4, 5, 6.5], "5 of 6 values are numbers.*1 are not: '2.0'"),
    ],
)
def test_text_with_numbers_in_it_is_refused(values, told, people, evaluated):
    people["given"] = pd.Series(values, people.index, dtype=object)
    with pytest.raises(ValueError, match=f"Covariates of 'baseline' .*has both: {told}"):
        evaluated(people, "given")
    found, _ = evaluated(people, "C(given)")
    assert found["baseline"].table.shape[1] == len(set(values)) - 1


@pytest.mark.parametrize(
    "formula", ["log(given)", "center(given)", "poly(given, 2)", "I(given / 2)"]
)
def test_what_stands_among_numbers_is_named_in_calculations_too(formula, people, evaluated):
    people["given"] = ["31", "42", "refused", "25", "60", "33"]
    with pytest.raises(ValueError, match=r"has both: 5 of 6 values .* 1 are not: 'refused'"):
        evaluated(people, formula)


def test_text_of_many_numbers_is_refused(evaluated):
    ages = [str(age) for age in range(20, 45)]
    many = pd.DataFrame(
        {"age": ages}, index=pd.Index([f"P{age}" for age in ages], name="participant")
    )
    with pytest.raises(ValueError, match=r"its 25 labels are all numbers, such as '20'.*C\(age\)"):
        evaluated(many, "age")


@pytest.mark.parametrize(
    "label", ["{}.5", "{},5", "{} %", "{} years", "\u2212{}", "1,0{}", "2031-01-{}", "site {}"]
)
def test_labels_of_one_person_each_are_refused_unless_asked_for(label, evaluated):
    given = [label.format(number).replace(".", "," * ("." in label)) for number in range(10, 24)]
    people = pd.DataFrame({"given": given}, index=pd.Index(range(14), name="participant"))
    with pytest.raises(
        ValueError, match=r"'given' holds 14 labels of 14 participants, .*of their own"
    ):
        evaluated(people, "given")
    found, _ = evaluated(people, "C(given)")
    assert found["baseline"].table.shape[1] == 13
    people["given"] = given[:7] * 2  # two of each are groups
    assert evaluated(people, "given")[0]["baseline"].table.shape[1] == 6


def test_a_few_people_may_have_a_label_of_their_own(evaluated):
    countries = ["DE"] * 30 + ["FR"] * 20 + [f"country {k}" for k in "ABCDEFGHI"]
    people = pd.DataFrame({"country": countries}, index=pd.RangeIndex(59, name="participant"))
    assert evaluated(people, "country")[0]["baseline"].table.shape[1] == 10


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("log(zero)", r"log\(zero\) must be a finite number .* for 2 of 6.*'a \(zero = 0.0\)', 'c"),
        ("I(1 / zero)", "for 2 of 6"),
        ("sqrt(minus)", "for 1 of 6 participants: 'b"),
        ("log(sqrt(minus) + zero)", "minus = -4.0"),
        ("exp(age * 1e9)", "for 6 of 6"),
        ("group:log(zero)", "for 2 of 6"),
        ("bs(log(zero), df=4)", "finite number"),
        ("poly(log(zero), 2)", "finite number"),
        ("scale(log(zero))", "finite number"),
    ],
)
def test_what_is_not_finite_is_refused_by_name(formula, told, people, evaluated):
    people["zero"], people["minus"] = [0.0, 1, 0, 2, 3, 4], [1.0, -4, 2, 3, 5, 9]
    with pytest.raises(ValueError, match=f"Covariates of 'baseline' .*{told}"):
        evaluated(people, formula)


def test_labels_cannot_be_calculated_with(evaluated, people):
    with pytest.raises(ValueError, match="'group' holds labels: 'x', 'y', 'z'"):
        evaluated(people, "log(group)")


@pytest.mark.parametrize("value", [0.1, 1e-300, 1e300])
def test_what_is_constant_is_refused(value, evaluated, people):
    people["same"] = value
    for formula in ("same", "log(same)", "C(same)", "I(age * 0 + 0.1)"):
        with pytest.raises(ValueError, match="Covariates must differ between participants"):
            evaluated(people, formula)


# ------------------------------------------------------------------------------ what is told


def test_it_is_told_how_covariates_were_taken(evaluated, people, capsys):
    found, _ = evaluated(people, "group * log(age) + site")
    tell_coding(found)
    told = capsys.readouterr().err
    assert "Covariates of 'baseline': group by label, against 'x'; " in told
    logs = np.log(people["age"])
    text = f"log(age) per standard deviation ({logs.std():.4g}) from {logs.mean():.4g}; site per"
    assert text in told
    assert "'site' holds a few whole numbers ('1', '2', '3') and was taken as numbers, with" in told
    assert "If they stand for labels, write C(site) in the formula." in told
    tell_coding(evaluated(people, "C(site) + age")[0])
    assert "a few whole numbers" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "formula", ["center(site)", "scale(site)", "age:site", "scale(site) + age"]
)
def test_a_few_whole_numbers_are_told_where_they_are_a_slope(formula, evaluated, people, capsys):
    tell_coding(evaluated(people, formula)[0])
    assert "'site' holds a few whole numbers ('1', '2', '3')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("age:group", "group by label, each on its own"),
        ("age * group", "group by label, against 'x'"),
        ("age:C(site)", "C(site) by label, each on its own"),
        ("age + age:smoker", "smoker by label, against 'False'"),
    ],
)
def test_a_reference_is_told_where_there_is_one(formula, told, evaluated, people):
    found, _ = evaluated(people, formula)
    assert told in [str(coding) for coding in found["baseline"].factors]


# -------------------------------------------------------------------------------- in a fit


def held(found, arrangement, **attrs):
    """What covariates are read from: a fit's values of them."""
    data = stored(found, arrangement)
    data["baseline_covariates"].attrs |= attrs
    tree = xr.DataTree.from_dict({"constant_data": data})
    tree.attrs["covariates"] = json.dumps({"baseline": attrs.get("formula", "age")})
    return tree


def test_covariates_are_read_from_a_fit(evaluated, people):
    found, arrangement = evaluated(people, "log(age) + C(site, Sum)")
    again = covariates_of(held(found, arrangement), arrangement)["baseline"]
    pd.testing.assert_frame_equal(again.table, found["baseline"].table, check_names=False)
    assert again.coding == found["baseline"].coding
    assert again.columns == ["age", "site"]
    assert again.levels == {"site": ["1", "2", "3"]}
    assert np.allclose(again.at(people), again.table)


@pytest.mark.parametrize("coding", ["{}", "[]", "nonsense", '{"age": [{"factor": 1}]}', 7])
def test_fits_of_earlier_versions_say_it_by_their_formula(coding, evaluated, people):
    found, arrangement = evaluated(people, "age + group")
    again = covariates_of(held(found, arrangement, coding=coding), arrangement)["baseline"]
    assert again.coding == found["baseline"].coding


def test_values_of_another_formula_are_used_but_not_for_others(evaluated, people):
    found, arrangement = evaluated(people, "age")
    for formula in ("log(age)", "age:weight", "age.__class__", "open('x')", "gone"):
        tree = held(found, arrangement, formula=formula, coding="")
        again = covariates_of(tree, arrangement)["baseline"]
        assert np.allclose(again.table, found["baseline"].table)
        assert again.columns == []
        with pytest.raises((ValueError, KeyError), match="formula"):
            again.at(people)


def test_rows_of_a_fit_are_known_by_their_labels(evaluated, people):
    found, arrangement = evaluated(people, "age")
    tree = held(found, arrangement)
    tree["constant_data"] = tree["constant_data"].isel(participant=slice(None, None, -1))
    again = covariates_of(tree, arrangement)["baseline"]
    assert np.allclose(again.table, found["baseline"].table)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.isel(participant=slice(3)),
        lambda data: data * np.nan,
        lambda data: data.astype(str),
        lambda data: data.transpose(),
        lambda data: data.isel(participant=[0, 0, 1, 2, 3, 4]),
        lambda data: data.isel(baseline_covariate=slice(0)),
    ],
)
def test_forged_values_are_refused(change, evaluated, people):
    found, arrangement = evaluated(people, "age")
    tree = held(found, arrangement)
    tree["constant_data"] = change(tree["constant_data"].to_dataset())
    with pytest.raises(ValueError, match="must be numbers for each of its 6 participants"):
        covariates_of(tree, arrangement)


def test_both_languages_refuse_what_the_other_allows(people):
    with pytest.raises(ValueError):
        rows_that_match("log(age) > 3", people)
    with pytest.raises(ValueError):
        read_formula("baseline", "missing(age)")


def test_marks_within_labels_and_columns_are_written_twice(evaluated):
    columns = {"a`b": np.arange(8.0) ** 2, "site": ["O'B\"x", "p"] * 4}
    people = pd.DataFrame(columns, index=pd.Index(range(8), name="participant"))
    covariates, _ = evaluated(people, "`a``b` + C(site, Treatment('O''B\"x'))")
    assert [(one.columns, one.reference) for one in covariates["baseline"].factors] == [
        (["a`b"], ""),
        (["site"], "O'B\"x"),
    ]
