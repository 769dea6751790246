"""Predictions on the rows that were observed, and the columns that such rows have."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.engine.evaluator import evaluate_draws
from empathymodels.inference.fits import evaluator_of_fit, thinned
from empathymodels.layout.arrangement import Arrangement, Scored
from empathymodels.messages import did_you_mean, listed

BLOCKS = ("session", "block")  # keys at which curves over trials break

IN_BLOCK = "trial_in_block"


def predicted_rows(fit: xr.DataTree, scored: Scored, draws: int, seed: int) -> np.ndarray:
    """Return predictions of a response's observed rows, (draw, observation)."""
    compiled = evaluator_of_fit(fit)
    compiled.reseed(seed)
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    drawn = evaluate_draws(compiled, posterior, "draw", description="Predictions")
    return drawn[scored.response.name].reshape(-1, len(scored.rows))


def scored_rows(arrangement: Arrangement, response: str) -> Scored:
    """Return a response's observed rows; KeyError names those that there are."""
    known = arrangement.scored
    if response not in known:
        raise KeyError(
            f"'{response}' must be a response that the fit scored. It scored {listed(known)}. "
            "Name one of these." + did_you_mean(response, known)
        )
    return known[response]


def column_of(arrangement: Arrangement, scored: Scored, name: str) -> pd.Series:
    """Return a column of the rows of a response; KeyError names those that exist."""
    columns = [c for c in scored.frame.columns if not c.startswith("_")]
    if name == IN_BLOCK and name not in columns and scored.trial is not None:
        assert arrangement.study.trials is not None
        places = trial_in_block(arrangement.study.trials)[arrangement.place[scored.trial]]
        return pd.Series(places, name=name)
    if name not in columns:
        raise KeyError(
            f"'{name}' must be a column that rows of '{scored.response.name}' have or are joined "
            f"with: {listed(columns)}. Name one of these." + did_you_mean(name, columns)
        )
    return scored.frame[name]


def trial_in_block(trials: pd.DataFrame) -> np.ndarray:
    """Return the place of every trial, from 1, among those of its person, session and block."""
    keys = [key for key in ("participant", *BLOCKS) if key in trials]
    grouped = trials.groupby(keys, sort=False, dropna=False)["trial"]
    return grouped.rank(method="first").to_numpy().astype(int)
