"""What messages advise exists, takes the arguments that it is advised with, and works."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import empathymodels as em

PACKAGE = Path(em.__file__).parent
PROGRAM = PACKAGE / "app" / "script.py"  # its texts are a program, which tests of its own run
GIVEN = "given"  # stands for what a message fills in
CALL = re.compile(r"(?<![\w.`])((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)\((?=[^)])")
OWNERS = {"model": em.Model, "study": em.Study, "pandas": pd}
OWNERS |= dict.fromkeys(("table", "people"), pd.DataFrame)
SLOW = ("fit", "fit_regions", "report")  # run by tests of their own
ARGUMENT = re.compile(r"(?<![\w.])([a-z_]{3,})=(?:True|False|'[a-z_]+'|\")")


def messages():
    """Texts of the package that are no docstrings, with what is filled in as `GIVEN`."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.parent.name == "models" or file == PROGRAM:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
                 for part in node.values}  # fmt: skip
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                texts = [p.value if isinstance(p, ast.Constant) else GIVEN for p in node.values]
                yield file.name, "".join(texts)
            elif id(node) not in parts | alone and isinstance(getattr(node, "value", None), str):
                yield file.name, node.value


def closed(text, start):
    """Return a text from `start` to where the bracket that opens in it closes."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if depth == 0 and text[place] in ")]}":
            return text[start : place + 1]
    return ""


def callee(name):
    """What a call of a message names, or None where the name is not ours."""
    owner, _, method = name.rpartition(".")
    if owner in ("", "em"):
        return getattr(em, method) if method in em.__all__ else None
    return getattr(OWNERS[owner], method, "absent") if owner in OWNERS else None


def advised():
    """Yield every call that a message advises: file, expression, and what it calls."""
    for file, text in messages():
        for match in CALL.finditer(text):
            found = callee(match[1])
            given = closed(text, match.end() - 1)
            expression = match[1] + given
            if (
                found is not None and given and len(text) > len(expression) + 8
            ):  # part of a sentence
                yield file, re.sub(rf"\b{GIVEN}\*+", GIVEN, expression), found


CALLS = sorted({(file, text): (file, text, found) for file, text, found in advised()}.items())
CALLS = [call for _, call in CALLS]


def test_messages_advise_calls():
    named = {text.split("(")[0].split(".")[-1] for _, text, _ in CALLS}
    assert {"loo", "Study", "exclude", "fix", "with_priors"} <= named


@pytest.mark.parametrize(("file", "text", "found"), CALLS)
def test_advised_calls_exist_and_take_their_arguments(file, text, found):
    assert found != "absent", f"{file} advises {text}, which does not exist"
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    parameters = inspect.signature(found).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    if inspect.Parameter.VAR_KEYWORD not in kinds:
        named = {keyword.arg for keyword in call.keywords} - {GIVEN, None}
        assert named <= set(parameters), f"{file} advises {text}"
    if inspect.Parameter.VAR_POSITIONAL not in kinds:
        places = [p for p in parameters.values() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        told = [argument for argument in call.args if ast.unparse(argument) not in ("...", GIVEN)]
        assert len(told) <= len(places), f"{file} advises {text}"


def runnable(text):
    """Whether nothing of a call is left to the reader."""
    names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    left = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    whole = not any(node.value in (..., "...") for node in left)
    return whole and GIVEN not in text and names <= {"em", *em.__all__, *NAMES}


NAMES = ("fit", "model", "study", "table", "people", "evidences")


RUNNABLE = [
    text for _, text, found in CALLS
    if runnable(text) and found not in (getattr(em, name) for name in SLOW)
]  # fmt: skip


def test_some_calls_can_be_tried():
    assert {"em.loo(fit)", "plot_parameters(fit)"} <= set(RUNNABLE)


def tried(text):
    marks = pytest.mark.dear("fits again without each person whose weights fail")
    return pytest.param(text, marks=marks if "refit=True" in text else ())


@pytest.mark.parametrize("text", [tried(text) for text in dict.fromkeys(RUNNABLE)])
def test_advised_calls_work(text, fit, own_fit, model, study):
    evidences = pd.DataFrame(np.eye(4, 2), columns=["a", "b"])
    evidences.attrs["evidence"] = "-BIC/2"
    people = study.participants.rename(columns={"partner_group": "group"})
    names = {name: getattr(em, name) for name in em.__all__} | {
        "em": em,
        "fit": own_fit if "refit=True" in text else fit,
        "model": model,
        "study": study,
        "table": study.trials,
        "people": people,
        "evidences": evidences,
    }
    assert eval(text, names) is not None


def arguments():
    """Every argument that some public function or method takes."""
    for name in em.__all__:
        value = getattr(em, name)
        for one in (value, *(m for _, m in inspect.getmembers(value, callable))):
            try:
                yield from inspect.signature(one).parameters
            except (TypeError, ValueError):
                continue


def test_advised_arguments_and_figures_exist():
    known = set(arguments()) | {"sep", "decimal", "dtype", "index", GIVEN}
    for file, text in messages():
        if " " in text and text[-1:] in ".)'\" ":
            for name in ARGUMENT.findall(text):
                assert name in known, f"{file}: {text}"
        for name in re.findall(r"\bplot_[a-z_]+", text):
            assert name in em.__all__, f"{file}: {text}"
