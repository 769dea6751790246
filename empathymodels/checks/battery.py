"""What a model computes, put to the proof on a made-up study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from empathymodels.checks.bench import SEED, Bench
from empathymodels.checks.gradients import difference
from empathymodels.checks.simulated_frequencies import (
    density_and_places,
    level_frequencies,
    log_density,
    probabilities,
    sequence_frequencies,
    short_sequences,
)
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.engine.feedback import fed_back_responses
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.rows import ROW_DIMS
from empathymodels.messages import counted, listed
from empathymodels.population.blocks import parameter_dims
from empathymodels.population.given_values import values_from_table
from empathymodels.results.predict import predict
from empathymodels.simulation.log_likelihood import log_likelihood
from empathymodels.simulation.made_up import (
    ANY_LABELS,
    typical_range,
    typical_values,
)
from empathymodels.simulation.prior_people import prior_people
from empathymodels.study.keys import join_rows

UNLIKELY = 1e-4  # p-values below this mean disagreement; seeds are fixed, so nothing is flaky
EQUAL = 1e-9  # relative agreement of log-likelihoods that must not differ
STEP, SLOPE_ERROR = 1e-5, 1e-4  # of the finite differences, relative to the typical range
MASS_ERROR = 0.03
PRIOR_DRAWS = 30

Found = tuple[bool, str]


def normalisation(bench: Bench) -> Found:
    """See that probabilities of all that discrete responses can be sum to one."""
    sums = {}
    for response in bench.compiled.arrangement.model.responses:
        if response.levels is not None:
            name, arrays = response.name, bench.arrays
            logp = [log_density(bench.compiled, arrays, name, level) for level in response.levels]
            sums[f"the levels of '{name}'"] = np.exp(logp).sum(axis=0)
    if short := short_sequences(bench.model, SEED):
        sums["all short sequences of responses"] = np.array([probabilities(short).sum()])
    wrong = {
        what: x[np.argmax(abs(x - 1))] for what, x in sums.items() if (abs(x - 1) > 1e-6).any()
    }
    if wrong:
        told = "; ".join(f"over {what} to {total:.6g}" for what, total in wrong.items())
        return False, f"Probabilities must sum to one. They sum {told}. Correct the distribution."
    return (
        True,
        f"probabilities over {', '.join(sums)} sum to one" if sums else "no discrete response",
    )


def simulator(bench: Bench) -> Found:
    """See that what `simulate` draws is distributed as the likelihood says."""
    found = {}
    for response in bench.compiled.arrangement.model.responses:
        if response.levels is None:
            mass, places = density_and_places(
                bench.model, bench.study, bench.values, response, (SEED + 1, SEED + 2)
            )
            if abs(mass - 1) > MASS_ERROR:
                return False, (
                    f"The density of '{response.name}' must integrate to one; found {mass:.3g}. "
                    "Correct the distribution's log-density."
                )
            found[response.name] = float(stats.kstest(places, "uniform").pvalue)
        else:
            found[response.name] = level_frequencies(bench.compiled, bench.arrays, response)
    if short := short_sequences(bench.model, SEED):
        found["sequences"] = sequence_frequencies(short, SEED)
    told = ", ".join(f"{name}: p = {p:.2g}" for name, p in found.items())
    if any(p < UNLIKELY for p in found.values()):
        return False, (
            f"Simulated responses must be distributed as the likelihood says ({told}). Draws and "
            "log-probability of this response's distribution differ: return the same distribution "
            "for both."
        )
    return True, told


def gradient(bench: Bench) -> Found:
    """See that the compiled gradient equals finite differences of the log-likelihood."""
    arrangement, compiled = bench.compiled.arrangement, bench.compiled
    wrong = []
    for seed in (SEED, SEED + 1):
        table = typical_values(arrangement, seed=seed, individual=True)
        values = values_from_table(arrangement, table)
        _, slopes = bench.slopes(values)
        for parameter in arrangement.parameters:
            slope = slopes[parameter.name]
            low, high = typical_range(parameter, arrangement.model)
            width = (high - low) or 1.0
            for index in _columns(parameter.by, slope):
                exact = float(slope[index].sum()) * width
                change = difference(compiled, values, parameter.name, index, STEP * width)
                if not abs(change / STEP - exact) <= SLOPE_ERROR * max(1.0, abs(exact)):
                    wrong.append(f"'{parameter.name}': {exact:.6g} against {change / STEP:.6g}")
    if wrong:
        return False, (
            f"Gradients must equal finite differences. Found {'; '.join(wrong[:5])}. Look for a "
            "jump (pt.where, pt.round, a comparison) that a parameter moves across."
        )
    return True, f"{counted(len(arrangement.parameters), 'parameter')} at 2 typical points"


def prior(bench: Bench) -> Found:
    """See that log-likelihood and gradient stay finite over draws from the prior."""
    arrangement = bench.compiled.arrangement
    drawn = prior_people(bench.model, bench.study, draws=PRIOR_DRAWS, seed=SEED, covariates={})
    wrong = {}
    for draw in range(PRIOR_DRAWS):
        values = {
            p.name: drawn[p.name]
            .transpose(*("chain", "draw"), *parameter_dims(p))
            .to_numpy()[0, draw]
            for p in arrangement.parameters
        }
        total, gradients = bench.slopes(values)
        if not np.isfinite(total):
            wrong["the log-likelihood"] = draw
        for name, gradient in gradients.items():
            if not np.isfinite(gradient).all():
                wrong[f"the gradient of '{name}'"] = draw
    if wrong:
        return False, (
            f"All must be finite over draws from the prior. Infinite or not a number: "
            f"{', '.join(wrong)}. Narrow the priors, or write the equation so that it cannot "
            "divide by zero or take the log of zero (also in branches of pt.where not taken)."
        )
    return True, f"finite at {PRIOR_DRAWS} draws"


def invariance(bench: Bench) -> Found:
    """See that orders of rows and people, and their labels, do not matter."""
    expected = bench.likelihood(bench.study)
    rng = np.random.default_rng(SEED)
    tables = {name: t.sample(frac=1, random_state=rng) for name, t in bench.study.tables.items()}
    shuffled = replace(bench.study, **tables)
    wrong = _differing(bench.likelihood(shuffled), expected, "the order of rows and people")
    wrong += _differing(*_relabelled(bench, expected), "the labels of people and levels")
    if wrong:
        return False, f"These must not matter, but do: {listed(dict.fromkeys(wrong))}."
    return True, "order of rows, order of people, labels"


def missing_responses(bench: Bench) -> Found:
    """See that a missing response loses its own term of the likelihood and changes no other."""
    expected, rng = bench.likelihood(bench.study), np.random.default_rng(SEED)
    arrangement = bench.compiled.arrangement
    read = {response.name for response in fed_back_responses(arrangement)}
    tables = {name: table.copy() for name, table in bench.study.tables.items()}
    blanked = {}
    for response in arrangement.model.responses:
        table, column = tables[response.table], response.values.name
        mine = table["region"] == response.region if response.region else True
        # nothing follows a sequence's last trial, so a missing response there changes no state
        usable = (
            _last_trials(arrangement) if response.name in read else rng.random(len(table)) < 0.2
        )
        blanked[response.name] = np.asarray(mine & usable)
        table[column] = table[column].mask(blanked[response.name])
    found = bench.likelihood(replace(bench.study, **tables))
    wrong = []
    for name, series in found.items():
        needed = {name, *arrangement.needs[name].row_data} & set(blanked)
        if arrangement.model.response(name).table == "participants" and read:
            continue  # summaries of states that the response changed
        gone = np.zeros(len(series), dtype=bool)
        for other in needed:
            places = [arrangement.model.response(r).table for r in (name, other)]
            if places[0] == places[1]:
                gone |= blanked[other]
            elif places == ["regions", "trials"]:  # a beta explained by a response of its trial
                gone |= blanked[other][join_rows(tables["regions"], tables["trials"], *places)]
        kept = series.index[~gone]
        wrong += [name] if series[gone].notna().any() else []
        wrong += _differing({name: series[kept]}, {name: expected[name][kept]}, name)
    if wrong:
        return False, (
            f"A missing response must lose its own term only; others of {listed(set(wrong))} "
            "changed. Let equations read responses through next states only."
        )
    return True, f"{counted(sum(int(b.sum()) for b in blanked.values()), 'response')} left out"


def reduction(bench: Bench) -> Found:
    """See that special cases equal the full model at the values that make them special."""
    wrong, done = [], []
    split = [p.name for p in bench.compiled.arrangement.parameters if p.by and p.fixed is None]
    if split:
        same = {n: v for n, v in bench.values.items() if n.split("[")[0] not in split}
        first = {n.split("[")[0]: v for n, v in reversed(bench.values.items()) if n not in same}
        full = same | {n: first[n.split("[")[0]] for n in bench.values if n not in same}
        pooled = log_likelihood(bench.model.pool(*split), bench.study, same | first)
        done.append("pooled")
        if not _close(
            pooled.attrs["total"], log_likelihood(bench.model, bench.study, full).attrs["total"]
        ):
            wrong.append(f"pool({listed(split)})")
    for name in bench.model.rivals_by_name:
        rival = bench.model.rival(name)
        if fingerprint(rival) != fingerprint(bench.model):
            continue
        held = {p.name: p.fixed for p in rival.parameters if p.fixed is not None}
        done.append(name)
        if not _close(*_at_fixed_values(bench, rival, held)):
            wrong.append(f"rival '{name}'")
    if wrong:
        return False, f"These must equal the full model at the same values, but differ: {wrong}."
    return True, ", ".join(done) or "no special case"


def results(bench: Bench) -> Found:
    """See that results have one dim per table, with the table's keys as coordinates."""
    arrangement, wrong = bench.compiled.arrangement, []
    likelihood = log_likelihood(bench.model, bench.study, bench.values)
    predicted = predict(bench.model, bench.study, draws=2, seed=SEED)["prior_predictive"]
    for response in arrangement.model.responses:
        dim, name = ROW_DIMS[response.table], response.name
        size = len(bench.study.tables[response.table])
        for array, dims in ((likelihood["row"][name], ()), (predicted[name], ("chain", "draw"))):
            if array.dims != (*dims, dim) or array.sizes[dim] != size or not len(array[dim].coords):
                wrong.append(f"'{name}' has dims {array.dims}")
    for name, array in likelihood["latents"].data_vars.items():
        if array.dims != ("trial_row",) or not np.isfinite(array).all():
            wrong.append(f"latent '{name}' is not finite on every trial")
    if wrong:
        return (
            False,
            f"Results must be finite and lie along their table's rows; {'; '.join(wrong)}.",
        )
    return True, "log-likelihood, latents and predictions along the rows of their tables"


def _columns(by: str | None, slope: np.ndarray) -> list[Any]:
    return [...] if by is None else [(..., level) for level in range(slope.shape[-1])]


# ------------------------------------------------------------------------ other versions


def _close(one: float, other: float) -> bool:
    return bool(abs(one - other) <= EQUAL * max(1.0, abs(one), abs(other)))


def _differing(found: dict[str, pd.Series], expected: dict[str, pd.Series], what: str) -> list[str]:
    """Return `what` if some row of some response differs, else nothing."""
    same = all(
        np.allclose(found[name].reindex(series.index), series, EQUAL, EQUAL, equal_nan=True)
        for name, series in expected.items()
    )
    return [] if same else [what]


def _relabelled(
    bench: Bench, expected: dict[str, pd.Series]
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """Log-likelihoods after people and levels got other names, in another order; and before."""
    people = bench.compiled.arrangement.participants
    renamed = {label: f"Q{len(people) - k:05}" for k, label in enumerate(people)}
    free = {column.name for column in bench.model.columns if column.levels == "any"}
    labels = dict(zip(ANY_LABELS, ("z", "y"), strict=True))
    tables = {}
    for name, table in bench.study.tables.items():
        changed = table.assign(participant=table["participant"].map(renamed))
        for column in free & set(changed):
            changed[column] = changed[column].map(labels)
        tables[name] = changed
    values = {}
    for name, value in bench.values.items():
        parameter = bench.model.parameter(name.split("[")[0])
        if parameter.by in free:
            name = f"{parameter.name}[{labels[name.split('[')[1][:-1]]}]"
        if isinstance(value, pd.Series):
            value = value.rename(index=labels if parameter.level in free else renamed)
        values[name] = value
    found = bench.likelihood(replace(bench.study, **tables), values)
    keys = renamed | labels  # a column that takes the study's labels may be a key: the region
    before = {name: series.rename(index=keys) for name, series in expected.items()}
    return found, before


def _last_trials(arrangement: Arrangement) -> np.ndarray:
    """Mask of the study's trial rows that end a sequence."""
    last = ~pd.Series(arrangement.layout.sequence).duplicated(keep="last").to_numpy()
    mask = np.zeros(len(arrangement.place), dtype=bool)
    mask[arrangement.place[last]] = True
    return mask


def _at_fixed_values(bench: Bench, rival: Model, held: dict[str, Any]) -> tuple[float, float]:
    """Total log-likelihood of a rival that holds values, and of the model at those values."""
    values = {}
    for name, value in bench.values.items():
        base, _, level = name.partition("[")
        given = held.get(base, value)
        values[name] = given[level[:-1]] if isinstance(given, dict) else given
    free = {n: v for n, v in bench.values.items() if n.split("[")[0] not in held}
    own = log_likelihood(rival, bench.study, free).attrs["total"]
    return own, log_likelihood(bench.model, bench.study, values).attrs["total"]
