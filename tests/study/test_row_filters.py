"""Conditions on rows: what the language can say, and that nothing else passes."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from empathymodels import Study
from empathymodels.study.expressions import (
    Column,
    Operation,
    Text,
    Values,
    columns_of,
    parse,
    written,
)
from empathymodels.study.row_filters import OPERATORS, rows_that_match

TABLE = pd.DataFrame(
    {
        "participant": ["03", "7", "7"],
        "trial": [1, 2, 3],
        "rt": [0.1, 0.8, np.nan],
        "cue": ["a", "b", None],
        "practice": [True, False, True],
        "asked for help": [1, 0, 1],
    }
)

ATTACKS = [
    "rt.__class__",
    "rt.map(print)",
    "participant.str.startswith('0')",
    "__import__('os').system('touch {flag}')",
    "__import__",
    "().__class__.__base__.__subclasses__()",
    "[open('{flag}', 'w') for x in [1]]",
    "(lambda: open('{flag}', 'w'))()",
    "eval('1')",
    "missing(eval('1'))",
    "missing(missing(rt))",
    "getattr(rt, 'map')(print)",
    "f'{{rt}}' == 'a'",
    "'{{0.__class__}}'.format(rt) == 'a'",
    "'%s' % rt == 'a'",
    "@pd.eval('1') == 1",
    "@open('{flag}', 'w')",
    "rt[0] == 1",
    "{{'rt': 1}}",
    "rt if practice else trial",
    "(rt := 1) == 1",
    "rt; import os",
    "rt\\\n== 1",
    "rt == 1 # but",
    "__builtins__",
    "ｅｖａｌ('1')",  # full-width letters that Python reads as eval
    "ｒｔ > 0",
    "rt > 0\u2024__class__",  # a dot in another script
    "rt > \u0663",  # a digit in another script
    "rt ≥ 0",
    "*rt",
    "print",
    "yield rt",
    "rt > 0 and print('x')",
    "None == rt",
    "rt is rt",
    "rt == 1j",
    "rt == 0x10",
    "rt == '''a'''",
    "rt == '''",
    'cue == "\\" or missing(eval(1)) or cue == "\\"',
    "cue == 'a\\' or print or cue == '",
    "cue == 'a''",
    "cue == 'a' 'b'",
    "`rt`` == 1",
    "`` == 1",
    "`rt`.__class__ == 1",
    "",
    "   ",
    "(" * 5000 + "rt > 0" + ")" * 5000,
    "-" * 5000 + "rt > 0",
    "rt > 0" + " and rt > 0" * 5000,
    "rt == " + "9" * 60_000,
]


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("rt < 0.2", [0]),
        ("0.1 < rt <= 0.8", [1]),
        ("participant in ['03', 'x'] or missing(cue)", [0, 2]),
        ("trial not in [1, 2]", [2]),
        ("not practice", [1]),
        ("~practice | trial == 1", [0, 1]),
        ("practice & trial == 1", [0]),
        ("practice == True and not missing(rt)", [0]),
        ("`asked for help` == 1 and trial % 2 == 1", [0, 2]),
        ("trial ** 2 - 1 >= 2 * trial // 1", [2]),
        ("-trial < -2", [2]),
        ("2 ** -1 == trial / 4", [1]),
        ("cue != 'a'", [1, 2]),
        ("'b' == cue", [1]),
        ("rt != rt", [2]),
        ("participant == 7", [1, 2]),
        ("participant != 'sub-03'", [1, 2]),
        ("7.0 == participant or rt < 0.2", [0, 1, 2]),
        ("participant in ['sub-7', 99]", [1, 2]),
        ("participant not in [3]", [0, 1, 2]),
        ("trial in [1.0, True]", [0]),
        ("9 ** 9 ** 9 ** 9 > rt", [0, 1]),
        ("True and practice", [0, 2]),
    ],
)
@pytest.mark.filterwarnings("ignore:The condition .* names what:UserWarning")
def test_conditions_mean_what_they_say(condition, rows):
    assert np.flatnonzero(rows_that_match(condition, TABLE)).tolist() == rows


@pytest.mark.parametrize("dtype", ["string[python]", "string[pyarrow]", "str", "category"])
def test_text_of_every_type_is_compared_alike(dtype):
    table = TABLE.astype({"cue": dtype, "trial": "Int64", "practice": "boolean"})
    assert rows_that_match("cue == 'b' and trial > 1 and not practice", table).tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_else_passes(attack, tmp_path):
    flag = tmp_path / "ran"
    condition = attack.format(flag=flag)
    for table in ("trials", "participants"):
        study = Study(trials=TABLE)
        with pytest.raises(ValueError, match=r"needs a condition on the columns of .* may hold"):
            study.exclude(condition, table=table, reason="an attack")
    assert not flag.exists()


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("rtt > 1", "there is no column 'rtt'. Did you mean 'rt'?"),
        ("rt.isna()", "'.' at character 3 is no part of the language"),
        ("isna(rt)", "'isna' at character 1 is no function of the language"),
        ("rt > @limit", "'@' at character 6 is no part of the language"),
        ("asked for help == 1", "found 'for' at character 7 where an operator should be"),
        ("cue == ['a', 'b']", "for several write 'in'"),
        ("cue < 3", "'<' compares text with text and numbers with numbers"),
        ("cue == 3", "'cue' holds text, and 3 is none; in quotation marks it is"),
        ("cue != 3", "'cue' holds text, and 3 is none"),
        ("rt < 0.2 or cue in ['a', 1]", "'cue' holds text, and 1 is none"),
        ("trial == '1'", "'trial' holds no text, and '1' is text"),
        ("practice != 'True'", "'practice' holds no text, and 'True' is text"),
        ("2 * trial in ['2']", "what comes before it holds no text"),
        ("cue + 1 == 2", "'+' calculates with numbers; found the text column 'cue'"),
        ("trial in 3", "after 'in' must come values in brackets"),
        ("1 in [1]", "before 'in' must come a column"),
        ("trial in [1, [2]]", "in brackets must come numbers or labels"),
        ("trial in [1, trial]", "in brackets must come numbers or labels"),
        ("trial or rt > 1", "what 'or' joins must be true or false of each row"),
        ("1 == 1", "it gives no true or false for each row"),
    ],
)
def test_what_is_wrong_is_said(condition, why):
    with pytest.raises(ValueError) as caught:
        rows_that_match(condition, TABLE)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(a + b) * c",
        "a + b * c",
        "-(a ** 2)",
        "(a ** b) ** c",
        "a - (b - c)",
        "(a == b) == c",
        "not (a == 1 or b == 2)",
        'a in ["x", 2] and missing(`my column`)',
    ],
)
def test_what_is_written_is_read_the_same(text):
    tree = parse(text, operators=OPERATORS, functions=["missing"])
    assert parse(written(tree), operators=OPERATORS, functions=["missing"]) == tree


@pytest.mark.parametrize("length", range(5))
def test_any_label_and_column_is_read_as_it_was_written(length):
    for signs in product("'\"`\\ ,]a\n", repeat=length):
        label = "".join(signs)
        parts = Column(f"c {label}"), Values((Text(label), Text(f"O'B\"{label}")))
        tree = Operation("in", parts)
        assert parse(written(tree), operators=OPERATORS, functions=[]) == tree


@pytest.mark.parametrize("label", ["O'B\"x", "''", '"', "\\'\"", "a\\", "') or ('a' == 'a"])
def test_rows_are_found_by_labels_with_marks(label):
    table = pd.DataFrame({"participant": ["1", label, "it's"], "b`c": [label, "x", label]})
    people = Operation("in", (Column("participant"), Values((Text(label), Text("it's")))))
    assert rows_that_match(written(people), table).tolist() == [False, True, True]
    groups = Operation("==", (Column("b`c"), Text(label)))
    assert rows_that_match(written(groups), table).tolist() == [True, False, True]
    twice = label.replace("'", "''")
    assert rows_that_match(f"`b``c` == '{twice}'", table).tolist() == [True, False, True]


def test_columns_are_named_once():
    tree = parse("a + b > a and `c d` in [e]", operators=OPERATORS, functions=[])
    assert columns_of(tree) == ["a", "b", "c d", "e"]


@pytest.mark.parametrize(
    ("condition", "column", "unmet"),
    [
        ("participant in ['3', '03', 'sub-7']", "participant", "'3'"),
        ("participant in [7, 99]", "participant", "'99'"),
        ("cue == 'a' or cue == 'bb'", "cue", "'bb'"),
        ("cue != 'B'", "cue", "'B'"),
        ("'c' != cue and not (cue in ['b', 'd'])", "cue", "'c', 'd'"),
    ],
)
def test_what_no_row_has_is_told_although_another_matches(condition, column, unmet):
    with pytest.warns(UserWarning, match="names what") as caught:
        assert rows_that_match(condition, TABLE).any()
    told = f"The condition `{condition}` names what '{column}' has in no row: {unmet}. "
    assert str(caught[0].message).startswith(told)


@pytest.mark.parametrize("condition", ["participant in [7, '03']", "rt < 5 or trial == 9"])
def test_what_rows_have_and_numbers_are_no_news(condition):
    assert rows_that_match(condition, TABLE).any()
