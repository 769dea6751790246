"""Every number that a model infers, in a row: labels, draws, and how wide their priors are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import xarray as xr

from empathymodels.declaration.parts import Parameter
from empathymodels.declaration.priors import new_person_prior
from empathymodels.layout.arrangement import Arrangement
from empathymodels.population.blocks import POPULATION, blocks
from empathymodels.population.covariates import Covariates
from empathymodels.population.scales import linked_values

WHOLE = "population"


@dataclass(frozen=True)
class Quantities:
    """Numbers side by side.

    Attributes
    ----------
    labels : list of str
        ``learning_rate``, ``learning_rate_mean``, ``correlation[a, b]``; levels in brackets.
    whose : list of str
        Label of the participant (or item), or ``"population"``.
    natural : ndarray (chain, draw, quantity)
        People's values and those that all share on the natural scale; means, spreads, effects
        and correlations on the link scale.
    linked : ndarray (chain, draw, quantity)
        Everything on the link scale.
    """

    labels: list[str]
    whose: list[str]
    natural: np.ndarray
    linked: np.ndarray

    @property
    def names(self) -> list[tuple[str, str]]:
        """Label and whose, of every number."""
        return list(zip(self.labels, self.whose, strict=True))


def quantities(values: xr.Dataset, arrangement: Arrangement) -> Quantities:
    """Lay all inferred numbers of a posterior, or of a truth, side by side.

    What is fixed is left out, and so is the mean of what all people share, which is that value.
    """
    parameters = {p.name: p for p in arrangement.parameters}
    shared = {f"{p.name}_mean" for p in parameters.values() if p.level == POPULATION}
    labels, whose, natural, linked = [], [], [], []
    for name, array in values.data_vars.items():
        parameter = parameters.get(str(name))
        if str(name) in shared or (parameter is not None and parameter.fixed is not None):
            continue
        numbers = array.transpose("chain", "draw", ...).to_numpy()
        on_link = numbers
        if parameter is not None:
            on_link = linked_values(parameter, arrangement.model, numbers)
        for place, label, owner in entries(array, parameter):
            labels.append(label)
            whose.append(owner)
            natural.append(numbers[(..., *place)])
            linked.append(on_link[(..., *place)])
    return Quantities(labels, whose, np.stack(natural, axis=-1), np.stack(linked, axis=-1))


def entries(
    array: xr.DataArray, parameter: Parameter | None
) -> Iterator[tuple[tuple[int, ...], str, str]]:
    """Place, label and owner of every number of a variable."""
    dims = [str(dim) for dim in array.dims if dim not in ("chain", "draw")]
    is_matrix = parameter is None and len(dims) == 2 and dims[1] == f"{dims[0]}_with"
    names = [[str(label) for label in array[dim].to_numpy()] for dim in dims]
    for place in product(*(range(len(labels)) for labels in names)):
        if is_matrix and place[0] <= place[1]:
            continue
        at = [labels[k] for labels, k in zip(names, place, strict=True)]
        owner = WHOLE
        if parameter is not None and parameter.level != POPULATION:
            owner, *at = at
        yield place, str(array.name) + (f"[{', '.join(at)}]" if at else ""), owner


def prior_variances(
    arrangement: Arrangement, covariates: Mapping[str, Covariates]
) -> dict[str, float]:
    """Prior variance of every variable, on the link scale, by its name without levels.

    Of a person's value: that of a new person, whose covariates are drawn from the study's people.
    A prior without a variance gives none.
    """
    found = {}
    for parameter in arrangement.parameters:
        name, effects = parameter.name, 0.0
        if name in covariates:
            of_one = float(parameter.effect_prior.parameters["sigma"]) ** 2
            found[f"{name}_effect"] = of_one
            table = covariates[name].table.to_numpy()
            effects = of_one * float((table**2).sum(axis=1).mean())
        found[name] = _variance(parameter) + effects
        alone = replace(parameter, level=POPULATION, spread=None)
        found[f"{name}_mean"] = _variance(alone)
        if parameter.spread is not None:
            found[f"{name}_sd"] = _variance(replace(alone, location=parameter.spread))
    for block in blocks(arrangement):
        if block.correlated:
            found[block.correlation[0]] = 1 / (3 + block.correlated)
    return found


def _variance(parameter: Parameter) -> float:
    try:
        return new_person_prior(parameter)[1] ** 2
    except (TypeError, ValueError):  # no finite variance, or a hierarchical prior
        return float("nan")
