"""Declarations in words and formulas: priors, scales, variants, equations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, fill
from typing import Any

from pymc_extras.prior import Prior

from empathymodels.declaration.catalog import get_model
from empathymodels.declaration.docstring import docstring_of, equations_of
from empathymodels.declaration.model import Model
from empathymodels.declaration.outcomes import Outcome, outcome_text
from empathymodels.declaration.parts import Parameter, Response
from empathymodels.declaration.record import claim
from empathymodels.declaration.response_scale import scale_of
from empathymodels.declaration.supports import SUPPORTS

WIDTH = 100

SUMMARIES = {
    "last": "`{}` after the last trial",
    "change": "`{}` after the last trial minus its start",
    "mean": "mean of `{}` over trials",
    "mean_absolute": "mean of `{}` over trials, without its sign",
}


def variant_text(model: Model) -> list[str]:
    """Say how this variant differs; the file's equations are those of the model it came from."""
    changes = model.label.removeprefix(model.name).strip()
    if not changes:  # the steps that a fit read make no other model
        return []
    return [
        fill(
            f"A variant of `{model.name}`: {changes}. "
            + "".join(f"{whole_sentence(claim)} " for claim in claims(model).values())
            + "The equations are those of the original; the tables are those of the variant.",
            width=WIDTH,
        )
    ]


def claims(model: Model) -> dict[str, str]:
    """Return what rivals and outcomes claim that this variant is made by, where that is known."""
    # a rival does not offer itself again: its claim is the original's
    original = get_model(model.source) if Path(model.source).is_file() else model
    rivals = {**model.rivals_by_name, **original.rivals_by_name}
    taken = [name for verb, name in model.variant if verb == "rival"]
    outcomes = [Outcome(**given) for verb, given in model.variant if verb == "with_outcome"]
    return {name: claim(rivals[name]) for name in taken if name in rivals} | {
        outcome.name: outcome_text(outcome) for outcome in outcomes
    }


def steps_text(response: Response) -> str:
    """Say in which steps a response is recorded, and whether these are declared or read."""
    step = response.resolution
    if not isinstance(step, int | float):
        return "in steps as the data show"
    return f"in steps of {step:.4g}{', as the data show' if response.is_resolution_read else ''}"


def equations_text(model: Model) -> str:
    """Return the file's docstring, its math as Markdown, without first line and sections."""
    if not Path(model.source).is_file():
        return "This model was defined outside a file, so that its equations have no text."
    prose = equations_of(docstring_of(Path(model.source)))
    prose = re.sub(r"^\.\. math::\n((?:\n|[ \t]+.*\n?)*)", _display_math, prose, flags=re.M)
    return as_markdown(prose)


def as_markdown(prose: str) -> str:
    """Return a text of a docstring with its inline equations and code as Markdown has them."""
    return re.sub(r":math:`([^`]+)`", r"$\1$", prose).replace("``", "`")


def _display_math(block: re.Match[str]) -> str:
    lines = dedent(block[1]).strip("\n")
    if "&" in lines or "\\\\" in lines:
        lines = f"\\begin{{aligned}}\n{lines}\n\\end{{aligned}}"
    return f"$$\n{lines}\n$$\n\n"


def prior_texts(parameter: Parameter) -> tuple[str, str]:
    """Return the priors of mean and spread in words; the second empty if there is none."""
    if parameter.fixed is not None:
        return f"fixed at {fixed_text(parameter)}", ""
    return prior_text(parameter.location), prior_text(parameter.spread)


def scale_text(model: Model, parameter: Parameter) -> str:
    """Say on which scale the priors of a parameter are stated, as a formula of its value."""
    if parameter.fixed is not None:
        return ""
    low, width = scale_of(model, parameter)
    value = "value" if low == 0 else f"value - {low:g}" if low > 0 else f"value + {-low:g}"
    if width != 1:
        value = f"{value if low == 0 else f'({value})'} / {width:g}"
    return SUPPORTS[parameter.support].formula.format(value)


def fixed_text(parameter: Parameter) -> str:
    """Say at which value, or at which value of every level, a parameter is held."""
    if isinstance(parameter.fixed, Mapping):
        return ", ".join(f"{level}: {value:g}" for level, value in parameter.fixed.items())
    return f"{parameter.fixed:g}"


def prior_text(prior: Prior | None) -> str:
    """Write a prior as its distribution with its numbers; "" for none."""
    if prior is None:
        return ""
    given = (
        f"{name}={prior_text(value) if isinstance(value, Prior) else _short(value)}"
        for name, value in prior.parameters.items()
    )
    return f"{prior.distribution}({', '.join(given)})"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def whole_sentence(text: str) -> str:
    """Begin a text with a capital and end it with one full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."
