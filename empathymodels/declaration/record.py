"""A model as plain data, for files that outlive the code that declared it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pymc_extras.prior import Prior

from empathymodels.declaration.dependencies import Needs, response_needs
from empathymodels.declaration.equations import latent_name, read_equations
from empathymodels.declaration.model import Model


def declarations(model: Model) -> dict[str, Any]:
    """Return all that a model declares as plain data that JSON can hold.

    Functions are left out, except that rivals become the claims of their docstrings and
    every response lists what its distribution ``reads``; priors are those of ``Prior.to_dict``.

    Examples
    --------
    >>> import empathymodels as em
    >>> declarations(em.get_model("outgroup_help_learning"))["states"][0]["start"]
    'start_value'
    """
    needs = all_needs(model)
    described = _recorded(model)
    del described["source"]
    for response in described["responses"]:
        response["reads"] = reads(model, needs[response["name"]])
    return {"label": model.label, **described}


def all_needs(model: Model) -> dict[str, Needs]:
    """Return what every response of a model depends on, by name."""
    equations = read_equations(model)
    return {r.name: response_needs(model, r, equations) for r in model.responses}


def reads(model: Model, needs: Needs) -> list[str]:
    """Return what a response's own function reads: latents, parameters, data, as declared."""
    declared = [*model.latents, *(summary.name for summary in model.summaries)]
    declared += [p.name for p in model.parameters]
    declared += [column.name for column in model.columns]
    declared += [response.name for response in model.responses]
    latents = {latent_name(name): name for name in needs.latents}
    read = {*latents, *needs.direct_parameters, *needs.direct_data}
    found = [name for name in dict.fromkeys(declared) if name in read]
    return [f"{n} after the trial" if latents.get(n, n) != n else n for n in found]


def claim(function: Callable[..., Any]) -> str:
    """Return the first line of a function's docstring: what a rival claims."""
    return (function.__doc__ or "").strip().split("\n", 1)[0]


def _recorded(value: Any) -> Any:
    if isinstance(value, Prior):
        return value.to_dict()
    if is_dataclass(value):
        held = {entry.name: getattr(value, entry.name) for entry in fields(value)}
        return {name: _recorded(part) for name, part in held.items() if not callable(part)}
    if isinstance(value, Mapping):
        return {str(name): _recorded(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return [_recorded(part) for part in value]
    return claim(value) if callable(value) else value
