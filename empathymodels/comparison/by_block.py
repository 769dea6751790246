"""Leave-future-out scores: later sessions or blocks, predicted from earlier ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.comparison.elpd import Uncertainty, influence_of_draws, left_out_by_refits
from empathymodels.comparison.scores import (
    Asked,
    Compiled,
    Fits,
    Score,
    log_mean,
    only_some,
    table_of_units,
)
from empathymodels.engine.evaluator import Evaluator, evaluate_draws
from empathymodels.inference.fits import recorded, thinned
from empathymodels.inference.refit import refit as fit_again
from empathymodels.layout.arrangement import Arrangement
from empathymodels.messages import counted, listed
from empathymodels.terminal import tell

PERIODS = ("session", "block")


def by_block(
    fits: Fits, compiled: Compiled, responses: list[str], asked: Asked
) -> dict[str, Score]:
    """Predict every person's next block from fits to all blocks before it."""
    arrangements = {name: one.arrangement for name, one in compiled.items()}
    blocks = {name: _blocks(one, responses) for name, one in arrangements.items()}
    last = max(int(of.max()) for one in blocks.values() for of in one.values())
    if last == 0:
        keys = [key for key in PERIODS if key in next(iter(arrangements.values())).trials]
        raise ValueError(
            "What comes later is predicted from block to block; every person has a single one "
            f"here (told apart by {listed(keys) if keys else 'nothing: no session, no block'}). "
            "Name the column of blocks (columns={'block': ...}), or compare with unit='trial' or "
            "'participant'."
        )
    ahead = range(_first(asked, last), last + 1)
    if not asked.refit or asked.folds is not None:
        raise ValueError(
            "To predict later blocks every model is fitted again to the blocks before each: "
            f"{counted(len(ahead), 'fit')} for each of {counted(len(fits), 'model')}; found "
            f"refit={asked.refit}, folds={asked.folds}. Ask for them with refit=True, and without "
            "folds."
        )
    return {
        name: _later(name, fit, compiled[name], responses, blocks[name], ahead, asked)
        for name, fit in fits.items()
    }


def _first(asked: Asked, last: int) -> int:
    """Place of the first block that is predicted, from 0."""
    wanted = 2 if asked.from_block is None else asked.from_block
    if not 2 <= wanted <= last + 1:
        raise ValueError(
            f"from_block must be between 2 and the number of blocks, {last + 1}, since the first "
            f"block has none before it; found {wanted}. Name a block among these."
        )
    return wanted - 1


def _blocks(arrangement: Arrangement, responses: list[str]) -> dict[str, np.ndarray]:
    """Per response the block of every observation, (observation,), from 0, in order of time.

    Observations of a person as a whole, or of unknown time, get -1: they count nowhere.
    """
    trials = arrangement.trials
    keys = [key for key in PERIODS if key in trials]
    whole = np.zeros(len(trials), dtype=int)
    if keys:
        in_time = arrangement.checked.tables["trials"]
        first = in_time.drop_duplicates(["participant", *keys])
        place = first.groupby("participant").cumcount().to_numpy()
        numbered = first[["participant", *keys]].assign(place=place)
        whole = trials[["participant", *keys]].merge(numbered, how="left")["place"].to_numpy()
    found = {}
    for name, scored in arrangement.scored.items():
        known = scored.trial is not None
        found[name] = whole[scored.trial] if known else np.full(len(scored.rows), -1)
    if all((found[name] < 0).all() for name in responses):
        raise ValueError(
            "What comes later is predicted for responses of trials; found "
            f"{listed(responses)}, of people or regions without trials. Name a response of "
            "trials with response=."
        )
    return found


def _later(
    name: str,
    fit: xr.DataTree,
    compiled: Evaluator,
    responses: list[str],
    blocks: Mapping[str, np.ndarray],
    ahead: range,
    asked: Asked,
) -> Score:
    full = _of_blocks(compiled, fit["posterior"].to_dataset(), responses, blocks, asked.draws)
    scores: dict[tuple[str, int], float] = {}
    uncertainty, doubts, within = [], {}, 0.0
    for number, block in enumerate(ahead, 1):
        tell(f"'{name}' before block {block + 1} (fit {number} of {len(ahead)})")
        kept = {n: (of >= 0) & (of < block) for n, of in blocks.items()}
        posterior = fit_again(fit, kept)
        doubts[f"before block {block + 1}"] = posterior.attrs["doubts"]
        drawn = _of_blocks(compiled, posterior, responses, blocks, asked.draws)
        drawn = {key: values for key, values in drawn.items() if key[1] == block}
        scores |= {key: float(log_mean(values.ravel())) for key, values in drawn.items()}
        within += sum(float(log_mean(full[key].ravel())) for key in drawn)
        influence = [influence_of_draws(values, left_out=True) for values in drawn.values()]
        if influence:
            uncertainty.append(Uncertainty(np.stack(influence), np.zeros(len(influence))))
    index = pd.MultiIndex.from_tuples(
        [(person, block + 1) for person, block in scores], names=["participant", "block"]
    )
    elpd_i = xr.DataArray(list(scores.values()), dims="unit")
    samples = int(recorded(fit, "settings")["draws"]) * fit["posterior"].sizes["chain"]
    elpd = left_out_by_refits(elpd_i, within, samples=samples, refits=len(ahead))
    errors = np.concatenate([one.each for one in uncertainty])
    units = table_of_units(elpd, index, errors)
    return Score(elpd, units, uncertainty, only_some(doubts))


def _of_blocks(
    compiled: Evaluator,
    posterior: xr.Dataset,
    responses: list[str],
    blocks: Mapping[str, np.ndarray],
    draws: int,
) -> dict[tuple[str, int], np.ndarray]:
    """Joint log-likelihood (chain, draw) of each person's observations of each block."""
    drawn = thinned(posterior, draws)
    values = evaluate_draws(compiled, drawn, "log_likelihood", description="Log-likelihoods")
    arrangement = compiled.arrangement
    joint = np.concatenate([values[n] for n in responses], axis=-1)
    block = np.concatenate([blocks[n] for n in responses])
    person = np.concatenate([arrangement.scored[n].participant for n in responses])
    found = {}
    pairs = pd.DataFrame({"person": person, "block": block}).groupby(["person", "block"]).indices
    for (who, when), rows in pairs.items():
        if when >= 0:
            found[arrangement.participants[who], int(when)] = joint[..., rows].sum(axis=-1)
    return found
