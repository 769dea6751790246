"""Trial-wise latents of a fit, with their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.engine.evaluator import evaluate_draws
from empathymodels.inference.fits import evaluator_of_fit, model_of, thinned
from empathymodels.layout.arrangement import Arrangement, Scored
from empathymodels.layout.rows import latent_rows
from empathymodels.messages import did_you_mean, listed


@checked_arguments
def latents(fit: xr.DataTree, *, draws: int = 400) -> xr.Dataset:
    """Trial-wise latents of a fit with their posterior uncertainty.

    Parameters
    ----------
    fit : DataTree
        Result of `fit`.
    draws : int
        About how many posterior draws to use (evenly thinned over all chains).

    Returns
    -------
    Dataset (chain, draw, trial_row)
        One variable per latent of the model (``value``, ``prediction_error``, ...), in the
        order of the study's trials and with their keys as coordinates, as well as ``onset``
        and ``duration`` where the study has them; NaN on trials whose data the latent needs
        are missing.

    Examples
    --------
    >>> import empathymodels as em
    >>> em.latents(fit)["prediction_error"].mean(("chain", "draw"))  # doctest: +SKIP
    """
    compiled = evaluator_of_fit(fit)
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    found = evaluate_draws(compiled, posterior, "latent", description="Latents")
    arrangement = compiled.arrangement
    return xr.Dataset({n: latent_rows(arrangement, n, v) for n, v in found.items()})


def check_latent(model: Model, latent: str) -> None:
    """Raise KeyError for a latent that the model does not have."""
    if latent not in model.latents:
        raise KeyError(
            f"Model '{model.name}' has no latent '{latent}'. It has {listed(model.latents)}. "
            "Correct the name." + did_you_mean(latent, model.latents)
        )


def latent_at_rows(fit: xr.DataTree, scored: Scored, latent: str, draws: int) -> np.ndarray:
    """Posterior mean of a latent (or of a person's summary of it) at each observation."""
    model, compiled = model_of(fit), evaluator_of_fit(fit)
    arrangement: Arrangement = compiled.arrangement
    if scored.trial is not None:
        check_latent(model, latent)
        found = latents(fit, draws=draws)[latent].mean(("chain", "draw")).to_numpy()
        return found[arrangement.place[scored.trial]]
    known = [summary.name for summary in model.summaries]
    if latent not in known:
        raise KeyError(
            f"'{scored.response.name}' has one value per participant, and so needs a summary of "
            f"the model: {listed(known)}; found '{latent}'. Name a summary, or choose a response "
            "of trials or regions." + did_you_mean(latent, known)
        )
    posterior = thinned(fit["posterior"].to_dataset(), draws)
    values: Any = evaluate_draws(compiled, posterior, "summary", description="Summaries")[latent]
    return values.mean(axis=(0, 1))[scored.participant]
