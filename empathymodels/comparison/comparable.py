"""Which fits can be compared: the same rows, people, responses and base measures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import xarray as xr

from empathymodels.comparison.scores import people_of
from empathymodels.declaration.parts import Response
from empathymodels.engine.evaluator import Evaluator, evaluate_draws
from empathymodels.inference.fits import evaluator_of_fit
from empathymodels.layout.arrangement import Scored
from empathymodels.messages import counted, listed

NEARBY = 1e-9  # as a share of the range of the values


def comparable(
    fits: Mapping[str, xr.DataTree], response: str | None
) -> tuple[dict[str, Evaluator], list[str]]:
    """Compile fits and find the responses on which they can be compared, or say why not."""
    if len(fits) < 2:
        raise ValueError(
            f"A comparison needs at least two fits; found {listed(fits)}. Add the fit of a rival, "
            "or score one alone: em.loo(fit)."
        )
    compiled = {name: evaluator_of_fit(fit) for name, fit in fits.items()}
    responses = _shared_responses(compiled, response)
    first_draw = {"chain": [0], "draw": [0]}
    refuse_other_measures(
        {
            name: measures(
                compiled[name], fit["posterior"].to_dataset().isel(first_draw), responses
            )
            for name, fit in fits.items()
        }
    )
    return compiled, responses


def _refuse_other_people(compiled: Mapping[str, Evaluator], responses: list[str]) -> None:
    people = {n: set(people_of(found.arrangement, responses)) for n, found in compiled.items()}
    first, *others = people
    for name in others:
        if apart := people[first] ^ people[name]:
            raise ValueError(
                f"Models are compared on the same people; '{first}' has {len(people[first])} and "
                f"'{name}' {len(people[name])}, of whom {len(apart)} are in one of them only: "
                f"{listed(sorted(apart), 5)}. Fit both to one study; if they are, exclude these: "
                "they lack a column that one model reads (see fit.attrs['missing'])."
            )


def measures(compiled: Evaluator, one: xr.Dataset, responses: Iterable[str]) -> dict[str, str]:
    """Say of each response what its likelihood is made of: densities, masses, or both.

    A density is nearly the same a little to one side of a value; a mass at the value is not, and
    that of a step around the value is exactly the same. `one` holds one draw of all parameters,
    (chain, draw, ...).
    """
    observed = {name: compiled.data[f"observed {name}"] for name in responses}

    def likelihood(moved: float) -> dict[str, np.ndarray]:
        given = {
            f"observed {name}": values + moved * max(float(np.ptp(values)), 1.0)
            for name, values in observed.items()
            if values.dtype.kind == "f"
        }
        description = "Likelihoods"
        return evaluate_draws(compiled.given(given), one, "log_likelihood", description=description)

    here, *beside = (likelihood(moved) for moved in (0.0, -NEARBY, NEARBY))
    found = {}
    for name, values in observed.items():
        apart = [~np.isclose(there[name], here[name], atol=1e-3) for there in beside]
        is_mass = apart[0] & apart[1]
        # a density may stand still at its mode, but hardly at every value
        still = [there[name] == here[name] for there in beside]
        is_step = (apart[0] | still[0]) & (apart[1] | still[1])
        if values.dtype.kind != "f" or is_step.all():
            is_mass[:] = True
        found[name] = "densities with masses" if is_mass.any() else "densities"
        if is_mass.all():
            found[name] = "probability masses" + _steps(compiled.arrangement.scored[name].response)
    return found


def _steps(response: Response) -> str:
    """Say in which steps a response has masses, where these are all alike."""
    steps = {response.resolution} if response.levels is None else set(np.diff(response.levels))
    known = [step for step in steps if isinstance(step, int | float | np.number)]
    return f" of steps of {known[0]:g}" if len(known) == len(steps) == 1 else ""


def refuse_other_measures(found: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse models of which one has a density where another has a mass, by name and response."""
    first, *others = found
    for response, kind in found[first].items():
        for name in others:
            if kind != found[name][response]:
                raise ValueError(
                    f"Models are compared on the same measure. The likelihood of '{response}' "
                    f"consists of {kind} in '{first}' and of {found[name][response]} in "
                    f"'{name}': a density is per unit of the scale and may exceed one, a mass may "
                    "not, so that their logarithms are not comparable. Compare models that treat "
                    "these values alike (all with masses at the same values, or none; see "
                    "model.with_resolution)."
                )


def _shared_responses(compiled: Mapping[str, Evaluator], response: str | None) -> list[str]:
    scored = {name: found.arrangement.scored for name, found in compiled.items()}
    first = next(iter(scored))
    shared = [r for r in scored[first] if all(r in other for other in scored.values())]
    chosen = shared if response is None else [r for r in shared if r == response]
    if not chosen:
        raise ValueError(
            f"Models are compared on responses that all of them score. Shared: {listed(shared)}; "
            f"asked for: {response}. Scored: "
            + "; ".join(f"{n}: {listed(found)}" for n, found in scored.items())
            + ". Ask for a shared one, or fit models that score the same response."
        )
    _refuse_other_people(compiled, chosen)
    refuse_other_observations(scored, chosen)
    return chosen


def refuse_other_observations(
    scored: Mapping[str, Mapping[str, Scored]], responses: Iterable[str], *, values: bool = True
) -> None:
    """Refuse models that score other rows of a response, or other values, by their names."""
    first, *others = scored
    problems = []
    for name in others:
        for response in responses:
            one, other = scored[first][response], scored[name][response]
            rows, own = one.keys, other.keys
            if not rows.equals(own):
                problems.append(
                    f"'{response}' is scored on {counted(len(rows), 'row')} in '{first}' and on "
                    f"{len(own):,} in '{name}', {len(rows.intersection(own)):,} of them shared"
                )
                continue
            mine, theirs = (found.observed[found.order] for found in (one, other))
            if values and not np.array_equal(mine, theirs):
                problems.append(f"the values of '{response}' differ between '{first}' and '{name}'")
    if problems:
        raise ValueError(
            "Models are compared on the same observations. Found: " + "; ".join(problems) + ". Fit "
            "all of them to the same study (see fit.attrs['missing']), or name one with response=."
        )
