"""Equations that compare symbols with `==` are refused: the answer would be no, without a word."""

import pytest
from pytensor import tensor as pt

import empathymodels as em
from folders import OWN_MODELS

TEXT = (OWN_MODELS / "weighed_gains.py").read_text(encoding="utf-8")
COMPARED = (
    "if parameters.{name} == 1:\n        pass",
    "if parameters.{name} != 0.5:\n        pass",
    "again = 2 if 0 == parameters.{name} * 2 else 1",
    "known = parameters.{name} in (1, 2)",
)


def in_function(name, line):
    """The text of a model whose function of that name begins with a line."""
    head = TEXT.index(f"def {name}(")
    body = TEXT.index("\n", TEXT.index(":\n", head)) + 1
    while TEXT[body:].lstrip().startswith('"""'):
        body = TEXT.index('"""\n', body + 10) + 4
    return f"{TEXT[:body]}    {line}\n{TEXT[body:]}"


@pytest.mark.parametrize("compared", COMPARED)
def test_comparing_symbols_is_refused_with_its_line(tmp_path, compared):
    model = em.get_model(OWN_MODELS / "weighed_gains.py")
    name = model.parameters[0].name
    for function in (model.step, model.responses[0].function):
        file = tmp_path / f"{function.__name__}.py"
        file.write_text(in_function(function.__name__, compared.format(name=name)), "utf-8")
        with pytest.raises(TypeError, match=r"says whether two symbols are one.* Write pt\.n?eq\("):
            em.get_model(file)


def test_libraries_and_symbols_outside_equations_are_as_they_were():
    symbol = pt.dscalar()
    em.get_model("prosocial_learning")
    assert not symbol == 1  # noqa: SIM201
    assert symbol != 1
    assert symbol in [pt.dscalar(), symbol]
