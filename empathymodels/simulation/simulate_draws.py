"""Whole sequences of many draws of parameters, for predictions."""

from __future__ import annotations

import numpy as np
import xarray as xr

from empathymodels.engine.evaluator import Evaluator
from empathymodels.engine.program import OFTEN
from empathymodels.simulation.simulate import simulate_responses
from empathymodels.terminal import progress


def simulate_draws(compiled: Evaluator, values: xr.Dataset) -> dict[str, np.ndarray]:
    """Draw all responses once per draw of the parameters, feeding back those that are read.

    Returns
    -------
    dict of str to ndarray (chain, draw, row)
        Per response on its scored rows.
    """
    chains, draws = values.sizes["chain"], values.sizes["draw"]
    arrays = compiled.arrays(values)
    collected: dict[str, np.ndarray] = {}
    for c, d in progress([(c, d) for c in range(chains) for d in range(draws)], "Simulations"):
        own = {n: array[c, d] for n, array in arrays.items()}
        found = simulate_responses(compiled, own, often=chains * draws >= OFTEN)
        for name in compiled.arrangement.scored:
            size = len(found[name])
            collected.setdefault(name, np.empty((chains, draws, size)))[c, d] = found[name]
    return collected
