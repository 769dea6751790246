"""Tables in which anything may stand: each is read as it is written, or refused in words of ours.

Every column of every bundled study is mutated by every value and type of a list, and so is every
table as a whole. What `fit` does before it compiles is done with each: the study is read, arranged
for its model, its covariates are coded, and it is stored.
``PYTHONPATH=tests python tests/study/test_mutated_tables.py`` tries all and counts; with
``cue_pain 10 3`` each tenth of one study, from its third. The tests try a sample of each study.
"""

import copy
import datetime
import decimal
import fractions
import re
import sys
import traceback
import warnings
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import empathymodels as em
from bundled import MODELS
from empathymodels.checks.attributes import of_attributes
from empathymodels.inference.study_tree import study_from_tree, study_tree
from empathymodels.layout.arrange import arrange
from empathymodels.layout.plausibility import warn_of_constants
from empathymodels.layout.rows import observed_data
from empathymodels.population.covariates import covariates_for
from empathymodels.population.stored_covariates import stored
from empathymodels.simulation.placeholders import with_placeholders
from empathymodels.study.column_types import storable

PACKAGE = str(Path(em.__file__).parent)
HOUSE = re.compile(r"\b(must|need|needs|cannot|should)\b")
PEOPLE, TRIALS = 4, 6
BARE, CHANGED = "bare error", "silent change"

VALUES = {
    "None": None,
    "nan": np.nan,
    "NA": pd.NA,
    "NaT": pd.NaT,
    "Decimal NaN": decimal.Decimal("NaN"),
    "empty text": "",
    "blank": " ",
    "text": "text",
    "digits and text": "12abc",
    "number as text": " 1 ",
    "zeros": "001",
    "infinity as text": "Infinity",
    "hexadecimal": "0x10",
    "underscore": "1_000",
    "formula": "=1+1",
    "null": "a\0b",
    "surrogate": "\ud800",
    "mathtext": "$x_{1}$",
    "long text": "x" * 100_000,
    "lines": "a\nb",
    "Arabic digits": "١٢",
    "inf": np.inf,
    "-inf": -np.inf,
    "-0.0": -0.0,
    "1e300": 1e300,
    "-1e308": -1e308,
    "5e-324": 5e-324,
    "2**53 + 1": 2**53 + 1,
    "2**63": 2**63,
    "-(2**70)": -(2**70),
    "10**400": 10**400,
    "10**5000": 10**5000,
    "True": True,
    "numpy False": np.False_,
    "complex": 3 + 4j,
    "list": [1, 2],
    "empty list": [],
    "tuple": (1, 2),
    "dict": {"Q0": 3},
    "set": {1, 2},
    "array": np.array([1, 2]),
    "array of one": np.array([1.0]),
    "Series": pd.Series([1, 2]),
    "DataFrame": pd.DataFrame({"a": [1]}),
    "object": object(),
    "bytes": b"abc",
    "Timestamp": pd.Timestamp("2020-01-01"),
    "Timestamp with zone": pd.Timestamp("2020-01-01", tz="UTC"),
    "date": datetime.date(2020, 1, 1),
    "time": datetime.time(12),
    "Timedelta": pd.Timedelta("1s"),
    "timedelta": datetime.timedelta(seconds=1),
    "datetime64": np.datetime64("2020-01-01"),
    "Period": pd.Period("2020-01"),
    "Interval": pd.Interval(0, 1),
    "Decimal": decimal.Decimal("1.5"),
    "Fraction": fractions.Fraction(1, 2),
    "float16": np.float16(1),
    "longdouble": np.longdouble("1.5"),
    "uint64": np.uint64(2**64 - 1),
    "function": len,
    "class": int,
    "Path": Path("file.csv"),
    "Ellipsis": ...,
}


def same(value):
    """A column with the value in all rows."""
    return lambda column: cells(column, value, range(len(column)))


def some(value):
    """A column with the value in two rows."""
    return lambda column: cells(column, value, [1, len(column) // 2])


def cells(column, value, rows):
    changed = np.empty(len(column), dtype=object)
    changed[:] = column.tolist()
    for row in rows:
        changed[row] = value
    return pd.Series(changed, index=column.index, dtype=object)


def cast(dtype):
    return lambda column: column.astype(dtype)


def made(make):
    """A column of another type, made of row numbers where its own values do not go into it."""
    return lambda column: pd.Series(make(np.arange(len(column))), index=column.index)


def numbers(column):
    return pd.to_numeric(column, errors="coerce").fillna(0)


TYPES = {
    "object": cast(object),
    "str": cast("str"),
    "string": cast("string"),
    "string of Arrow": cast("string[pyarrow]"),
    "category": cast("category"),
    "category of text": lambda c: c.astype(str).astype("category"),
    "category with unused": lambda c: c.astype("category").cat.add_categories(["unused", "other"]),
    "ordered category": lambda c: c.astype(str).astype(
        pd.CategoricalDtype(sorted(c.astype(str).unique(), reverse=True), ordered=True)
    ),
    "category of intervals": lambda c: pd.cut(pd.Series(range(len(c)), index=c.index), 3),
    "category of lists": lambda c: pd.Series(
        pd.Categorical.from_codes(
            np.arange(len(c)) % 2, pd.Index([(1, 2), (3, 4)], tupleize_cols=False)
        ),
        index=c.index,
    ),
    "float32": lambda c: numbers(c).astype("float32"),
    "float16": lambda c: numbers(c).astype("float16"),
    "int8": lambda c: numbers(c).astype("int8"),
    "uint64": lambda c: numbers(c).abs().astype("uint64"),
    "longdouble": lambda c: numbers(c).astype(np.longdouble),
    "Int64": lambda c: numbers(c).round().astype("Int64").mask(np.arange(len(c)) == 1),
    "Float64": lambda c: numbers(c).astype("Float64").mask(np.arange(len(c)) == 1),
    "boolean": lambda c: (numbers(c) > 0).astype("boolean").mask(np.arange(len(c)) == 1),
    "bool": lambda c: numbers(c) > 0,
    "int64 of Arrow": lambda c: numbers(c).round().astype("int64").astype("int64[pyarrow]"),
    "double of Arrow": lambda c: numbers(c).astype("float64").astype("double[pyarrow]"),
    "bool of Arrow": lambda c: (numbers(c) > 0).astype("bool[pyarrow]"),
    "decimal of Arrow": lambda c: (
        numbers(c)
        .round(3)
        .map(lambda x: decimal.Decimal(str(x)))
        .astype(pd.ArrowDtype(pa.decimal128(20, 6)))
    ),
    "date of Arrow": made(
        lambda k: pd.array([datetime.date(2020, 1, 1)] * len(k), dtype=pd.ArrowDtype(pa.date32()))
    ),
    "timestamp of Arrow": made(
        lambda k: pd.array(
            pd.Timestamp("2020") + pd.to_timedelta(k, "s"), dtype=pd.ArrowDtype(pa.timestamp("us"))
        )
    ),
    "list of Arrow": made(
        lambda k: pd.array([[int(i)] for i in k], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    ),
    "struct of Arrow": made(
        lambda k: pd.array(
            [{"a": int(i)} for i in k], dtype=pd.ArrowDtype(pa.struct([("a", pa.int64())]))
        )
    ),
    "binary of Arrow": made(lambda k: pd.array([b"a"] * len(k), dtype=pd.ArrowDtype(pa.binary()))),
    "dictionary of Arrow": lambda c: c.astype(str).astype(
        pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
    ),
    "null of Arrow": made(lambda k: pd.array([None] * len(k), dtype=pd.ArrowDtype(pa.null()))),
    "complex": lambda c: numbers(c).astype(complex),
    "datetime": made(lambda k: pd.to_datetime("2020-01-01") + pd.to_timedelta(k, "D")),
    "datetime with zone": made(lambda k: pd.date_range("2020-01-01", periods=len(k), tz="UTC")),
    "timedelta": made(lambda k: pd.to_timedelta(k, "s")),
    "period": made(lambda k: pd.period_range("2020-01", periods=len(k), freq="M")),
    "interval": made(lambda k: pd.interval_range(0, len(k))),
    "sparse": lambda c: numbers(c).astype(pd.SparseDtype(float, 0.0)),
    "sparse integers": lambda c: numbers(c).round().astype(pd.SparseDtype("int64", 0)),
    "bytes": made(lambda k: np.array([b"ab"] * len(k), dtype="S2").astype(object)),
    "numbers and texts": lambda c: cells(c, "7", range(0, len(c), 2)),
    "texts of numbers": lambda c: c.astype(str).astype(object),
    "1, 2.0, '3'": made(lambda k: pd.Series([[1, 2.0, "3"][i % 3] for i in k], dtype=object)),
    "decimal commas": lambda c: c.astype(str).str.replace(".", ",") + ",5",
    "capitals": lambda c: c.astype(str).str.upper(),
    "blanks around": lambda c: " " + c.astype(str) + "  ",
    "no-break spaces": lambda c: "\u00a0" + c.astype(str),
    "wide digits": lambda c: c.astype(str).str.translate(
        {ord("0") + k: 0xFF10 + k for k in range(10)}
    ),
    "negative": lambda c: -numbers(c),
    "shuffled": lambda c: pd.Series(c.to_numpy()[::-1], index=c.index),
    "all different": made(lambda k: [f"label {i}" for i in k]),
    "one value": lambda c: pd.Series([c.iloc[0]] * len(c), index=c.index),
    "plus 0.5": lambda c: numbers(c) + 0.5,
    "times 1e9": lambda c: numbers(c) * 1e9,
}
COLUMN = (
    {f"all {name}": same(value) for name, value in VALUES.items()}
    | {f"some {name}": some(value) for name, value in VALUES.items()}
    | TYPES
)


def renamed(label):
    def change(table, name):
        labels = pd.Index([label if column == name else column for column in table], dtype=object)
        return table.set_axis(labels if not isinstance(label, tuple) else list(labels), axis=1)

    return change


NAMES = {
    "number": 7,
    "float": 1.5,
    "None": None,
    "NaN": np.nan,
    "tuple": ("a", "b"),
    "empty": "",
    "blank": " ",
    "slash": "a/b",
    "dot": ".",
    "row": "row",
    "_row": "_row",
    "index": "index",
    "level_0": "level_0",
    "participant": "participant",
    "trial": "trial",
    "session": "session",
    "block": "block",
    "condition": "condition",
    "region": "region",
    "columns": "columns",
    "null": "a\0b",
    "surrogate": "\ud800",
    "mathtext": "$x$",
    "bytes": b"name",
    "date": pd.Timestamp("2020"),
    "True": True,
    "long": "x" * 5000,
    "backtick": "a`b",
    "lines": "a\nb",
    "combining": "e\u0301",
    "object": object(),
    "_FillValue": "_FillValue",
    "capital": "Participant",
    "blank after": "trial ",
}
PLACED = {f"column named {name}": renamed(label) for name, label in NAMES.items()} | {
    "dropped": lambda table, name: table.drop(columns=name),
    "twice": lambda table, name: pd.concat([table, table[[name]]], axis=1),
    "twice, otherwise": lambda table, name: pd.concat([table, table[[name]].astype(str)], axis=1),
    "as index": lambda table, name: table.set_index(name),
    "as index, too": lambda table, name: table.set_index(name, drop=False),
}
WHOLE = {
    "no rows": lambda t: t.iloc[:0],
    "no columns": lambda t: t[[]],
    "nothing": lambda t: pd.DataFrame(),
    "one row": lambda t: t.iloc[:1],
    "rows twice": lambda t: pd.concat([t, t]),
    "one row twice": lambda t: pd.concat([t, t.iloc[[1]]], ignore_index=True),
    "shuffled": lambda t: t.sample(frac=1, random_state=3),
    "index of zeros": lambda t: t.set_axis([0] * len(t)),
    "index of texts": lambda t: t.set_axis([f"r{k}" for k in range(len(t))]),
    "index of dates": lambda t: t.set_axis(pd.date_range("2020", periods=len(t))),
    "index with gaps": lambda t: t.set_axis(np.arange(len(t)) * 7 + 3),
    "two indices": lambda t: t.set_index(pd.MultiIndex.from_product([range(len(t)), ["a"]])),
    "index named as a column": lambda t: t.rename_axis(index=t.columns[-1]),
    "index named": lambda t: t.rename_axis(index="row"),
    "columns in two levels": lambda t: pd.concat({"a": t}, axis=1),
    "columns named": lambda t: t.rename_axis(columns="measure"),
    "categorical column names": lambda t: t.set_axis(pd.CategoricalIndex(t.columns), axis=1),
    "string column names": lambda t: t.set_axis(t.columns.astype("string"), axis=1),
    "bytes as names": lambda t: t.set_axis([c.encode() for c in t], axis=1),
    "numbers as names": lambda t: t.set_axis(range(t.shape[1]), axis=1),
    "transposed": lambda t: t.T,
    "columns reversed": lambda t: t[t.columns[::-1]],
    "all text": lambda t: t.astype(str),
    "all objects": lambda t: t.astype(object),
    "all missing": lambda t: t.astype(object).where(t.isna()),
    "convert_dtypes": lambda t: t.convert_dtypes(),
    "Arrow": lambda t: t.convert_dtypes(dtype_backend="pyarrow"),
    "read-only": lambda t: t.copy().set_flags(allows_duplicate_labels=False),
    "attributes": lambda t: _with_attrs(t),
    "a Series": lambda t: t.iloc[:, 0],
    "an array": lambda t: t.to_numpy(),
    "a dict": lambda t: t.to_dict("list"),
    "records": lambda t: t.to_dict("records"),
    "a number": lambda t: 3,
    "an empty list": lambda t: [],
    "an Arrow table": lambda t: pa.Table.from_pandas(t),
    "a dataset": lambda t: t.to_xarray(),
    "a class": lambda t: pd.DataFrame,
    "True": lambda t: True,
    "an empty text": lambda t: "",
    "a text": lambda t: "trials",
    "a folder": lambda t: Path(__file__).parent,
    "bytes": lambda t: t.to_csv().encode(),
}


def _with_attrs(table):
    table = table.copy()
    table.attrs["x"] = object()
    return table


# ---------------------------------------------------------------------------- one table


def study_tables(name):
    """A few people of a bundled study, with columns that no model reads, and covariates."""
    study = em.load_study(name)
    ids = study.participants["participant"][:PEOPLE]
    tables = {n: t[t["participant"].isin(ids)].copy() for n, t in study.tables.items()}
    for key in [n for n in tables if n != "participants"]:
        by = [c for c in ("participant", "region", "block") if c in tables[key]]
        tables[key] = tables[key].groupby(by).head(TRIALS).reset_index(drop=True)
        tables[key]["note"] = [f"n{k}" for k in range(len(tables[key]))]
    people = tables["participants"].reset_index(drop=True)
    people["age"], people["site"] = [31.0, 24.5, 50.0, 42.0], ["A", "B", "A", "B"]
    return tables | {"participants": people}


def tried(model, tables, *, covariate=""):
    """Do what `fit` does before it compiles; return the study and what was told of it."""
    study = em.Study(**tables, simulated=False)
    tree = study_tree(study)
    assert study.digest == study_from_tree(tree).digest, "the stored study is another"
    arrangement = arrange(model, study)
    assert all(isinstance(notice, str) for notice in arrangement.notices)
    warn_of_constants(arrangement.model.columns, arrangement.checked.tables)
    observed_data(arrangement)
    of_attributes(arrangement)
    parameters = [p for p in arrangement.parameters if p.level == "participant"]
    if covariate and parameters:
        formulas = {parameters[0].name: f"`{covariate}`"}
        stored(covariates_for(arrangement, formulas), arrangement)
    with_placeholders(model, study, arrangement.model.responses)
    return study, [*study.log, *arrangement.notices]


def outcome(model, tables, **how):
    """What became of tables: ("accepted", (study, notices)), ("refused", words), (FAULT, words)."""
    given = {name: copy.deepcopy(table) for name, table in tables.items()}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            found = "accepted", tried(model, given, **how)
        except (ValueError, TypeError, KeyError) as error:
            found = _judged(error)
        except Exception as error:
            found = BARE, _told(error)
    bare = [w for w in heard if not issubclass(w.category, UserWarning)]
    if bare:
        return BARE, f"{bare[0].category.__name__}: {bare[0].message} ({bare[0].filename})"
    changed = [name for name in given if not _is_as_before(given[name], tables[name])]
    if changed:
        return CHANGED, f"changed the user's {changed}"
    if found[0] == "accepted":
        study, notices = found[1]
        return "accepted", (study, [*notices, *(str(w.message) for w in heard)])
    return found


def _judged(error):
    last = traceback.extract_tb(error.__traceback__)[-1]
    is_ours = last.filename.startswith(PACKAGE) and HOUSE.search(str(error))
    return ("refused", str(error)) if is_ours else (BARE, _told(error))


def _told(error):
    last = traceback.extract_tb(error.__traceback__)
    own = [f for f in last if f.filename.startswith(PACKAGE)]
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno} {own[-1].name}" if own else "?"
    return f"{type(error).__name__}: {str(error)[:200]!r} at {place}"


def _is_as_before(one, other):
    if not isinstance(one, pd.DataFrame):
        return True
    try:
        pd.testing.assert_frame_equal(one, other)
    except (AssertionError, TypeError, ValueError):
        return repr(one.to_dict("list")) == repr(other.to_dict("list"))
    return True


# ------------------------------------------------------- what arrived, and what was written


def meaning(value):
    """What a cell says, whatever its type."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        text = value.strip()
        if text in ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan"):
            return None
        return _number({"True": 1, "False": 0}.get(text, text))  # truth values as labels
    if isinstance(value, float | np.floating | decimal.Decimal) and value != value:
        return None
    if isinstance(value, np.generic):
        value = value.item() if not isinstance(value, np.longdouble) else float(value)
    if isinstance(value, bool | int | float | decimal.Decimal | fractions.Fraction):
        return _number(value)
    return str(value)


def _number(value):
    try:
        exact = fractions.Fraction(value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        return str(value)
    return float(exact) if abs(exact) <= sys.float_info.max else exact


def silently_changed(study, tables, keys=("participant",)):
    """Where a study holds something else than was given, column and row; else an empty text."""
    for name, table in tables.items():
        held = getattr(study, name)
        if len(held) != len(table):
            return f"{name} has {len(held)} rows of {len(table)}"
        for column in table:
            if storable(str(column)) not in held:
                if f"'{column}'" not in " ".join(study.log):
                    return f"{name} lost '{column}' unsaid"
                continue
            pairs = zip(table[column].tolist(), held[storable(str(column))].tolist(), strict=True)
            for row, (before, after) in enumerate(pairs):
                if f"'{column}' as text" in " ".join(study.log) and isinstance(after, str):
                    continue  # which was told
                if meaning(before) != meaning(after):
                    return f"{name}.{column} row {row}: {before!r} became {after!r}"[:200]
    return ""


# ----------------------------------------------------------------------------- the trials


def mutations(tables):
    """Yield a name, a function that mutates the tables, and the covariate to try."""
    for name, table in tables.items():
        for column in table:
            covariate = column if name == "participants" and column != "participant" else ""
            for kind, change in COLUMN.items():

                def changed(name=name, table=table, column=column, change=change):
                    return tables | {name: table.assign(**{column: change(table[column])})}

                yield f"{name}.{column}: {kind}", changed, covariate
            for kind, change in PLACED.items():

                def placed(name=name, table=table, column=column, change=change):
                    return tables | {name: change(table, column)}

                yield f"{name}.{column}: {kind}", placed, ""
        for kind, change in WHOLE.items():
            yield f"{name}: {kind}", lambda n=name, c=change: tables | {n: c(tables[n])}, ""
        for other in [other for other in tables if other != name]:
            yield f"{name}: is {other}", lambda n=name, o=other: tables | {n: tables[o]}, ""


def verdict(model, tables, covariate, usual=()):
    """What became of tables; of those accepted, whether more was told than is `usual`."""
    found, what = outcome(model, tables, covariate=covariate)
    if found != "accepted":
        return found, what
    study, notices = what
    frames = {n: t for n, t in tables.items() if isinstance(t, pd.DataFrame)}
    simple = all(f.columns.is_unique and f.index.names == [None] for f in frames.values())
    if simple and (change := silently_changed(study, frames)):
        return CHANGED, change
    return "accepted, and told" if set(notices) - set(usual) else "accepted", notices


def faults(name, every, offset=0):
    """What failed of every so manieth mutation of a study, and counts of all outcomes."""
    model, counts, failed = em.get_model(MODELS[name]), Counter(), []
    usual = verdict(model, study_tables(name), "")[1]
    for kind, mutate, covariate in islice(mutations(study_tables(name)), offset, None, every):
        try:
            tables = mutate()
        except (TypeError, ValueError, OverflowError, pa.ArrowException):
            counts["impossible"] += 1  # such a column cannot be made of it
            continue
        found, what = verdict(model, tables, covariate, usual)
        counts[found] += 1
        if found in (BARE, CHANGED):
            failed.append(f"{name} {kind}: {what}")
    return failed, counts


def test_a_sample_of_mutations():
    """A fixed one in 260 of a study with all three tables."""
    failed, counts = faults("outgroup_help", 260, offset=7)
    assert not failed, "\n".join(failed)
    assert min(counts["accepted"] + counts["accepted, and told"], counts["refused"]) >= 3


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", MODELS)
def test_mutations(name):
    failed, _ = faults(name, 40, offset=list(MODELS).index(name))
    assert not failed, "\n".join(failed)


def test_what_no_model_reads_is_kept_as_text(capsys):
    tables = study_tables("effort_for_others")
    rows = len(tables["trials"])
    odd = {"answer": [{"Q0": 3}] * rows, "at": [pd.Timestamp("2020-01-01 10:00")] * rows}
    odd |= {"sizes": [[1, 2]] * rows, "id": [10**20 + k for k in range(rows)]}
    odd |= {"number": [decimal.Decimal("0.25")] * rows, "label": [b"S01"] * rows}
    study, _ = tried(
        em.get_model("prosocial_effort"), tables | {"trials": tables["trials"].assign(**odd)}
    )
    first = study.trials.loc[0, list(odd)].tolist()
    assert first == ["{'Q0': 3}", "2020-01-01 10:00:00", "[1, 2]", str(10**20), 0.25, "S01"]
    told = capsys.readouterr().err
    assert f"read {rows} of {rows} values of 'answer' as text, of type dict: '{{'Q0': 3}}'" in told
    again = study_from_tree(study_tree(study))
    pd.testing.assert_frame_equal(again.trials, study.trials)


def test_what_a_model_reads_is_refused_as_written():
    tables = study_tables("effort_for_others")
    wrong = cells(tables["trials"]["reward"], [1, 2], [0, 3])
    tables["trials"] = tables["trials"].assign(reward=wrong)
    with pytest.raises(
        ValueError, match=r"'reward' of trials must be a number\. Found '\[1, 2\]' in 2"
    ):
        tried(em.get_model("prosocial_effort"), tables)


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 1e300, np.inf, 10**30])
@pytest.mark.parametrize("key", ["trial", "block", "session"])
def test_keys_are_numbers_that_a_float_holds(number, key):
    """Others are labels, as they are written; of trials, which have an order, they are refused."""
    table = pd.DataFrame({"participant": "a", "trial": [1, 2, 3], "rating": [1, 2, 3]})
    table = table.assign(**{key: pd.Series([1, 2, number], dtype=object)})
    if key == "trial":
        with pytest.raises(ValueError, match=r"'trial' must be a number \(below 9,007,199,254,740"):
            em.Study(trials=table)
    else:
        assert em.Study(trials=table).trials[key].tolist() == ["1", "2", str(number)]


@pytest.mark.parametrize("name", ["a/b", "row", "a\0b", "", "x" * 300, "$x$", "_FillValue", "."])
@pytest.mark.parametrize("ending", [".nc", ".zarr"])
def test_columns_of_any_name_survive_a_file(name, ending, drawn_fit, tmp_path):
    study = study_from_tree(drawn_fit["study"])
    people = study.participants.assign(**{name: range(len(study.participants))})
    fit = drawn_fit.copy()
    fit["study"] = study_tree(em.Study(trials=study.trials, participants=people, simulated=True))
    path = em.save(fit, tmp_path / f"fit{ending}")
    again = study_from_tree(em.load(path)["study"])
    assert again.participants[storable(name)].tolist() == list(range(len(people)))


def main(names, every=1, offset=0):
    """Try mutations of studies, print what failed, and count."""
    total = Counter()
    for name in names:
        failed, counts = faults(name, every, offset)
        print("\n".join([*failed, f"{name} {dict(counts)}"]), flush=True)
        total += counts
    print("all", dict(total))


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.isdigit()]
    main(words or MODELS, *(int(word) for word in sys.argv[1:] if word.isdigit()))
