"""What a signature expresses, followed online: a filter for the scanner room, in NumPy alone."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from empathymodels.neuro.kalman import (
    Parameters,
    State,
    advance,
    feedback,
    refuse_impossible,
    start,
    summarised,
)

if TYPE_CHECKING:
    import xarray as xr

LATENT = "care_minus_distress"
FORMAT = "empathymodels filter 1"
PARAMETERS = [field.name for field in fields(Parameters)]


class Step(NamedTuple):
    """What is known after a volume.

    Attributes
    ----------
    mean, sd : float
        Mean and standard deviation of the latent, in units of the scores.
    feedback : float
        What to show, from -1 to 1.
    p_above_target : float
        Probability that the latent is above the target.
    """

    mean: float
    sd: float
    feedback: float
    p_above_target: float


class Filter:
    r"""Follow a latent volume by volume, and say what to feed back.

    A filter is made from a fit of `signature_tracking` before a session, and saved as text. In the
    scanner room it needs NumPy alone, takes well under a millisecond per volume, and raises nothing
    whatever it is given.

    Parameters
    ----------
    fit : DataTree
        Fit of `signature_tracking`, to earlier runs of this participant or of others.
    latent : str
        What is followed: ``care_minus_distress``.
    participant : str, optional
        A participant of the fit. Otherwise somebody new: parameters are drawn from the population,
        covariates as those of the fit's participants.
    target : float
        What the latent is to exceed, in units of the scores.
    rule : {"graded", "sign"}
        How feedback follows from the probability p that the latent is above the target: 2 p - 1, or
        1 where p > .5 and otherwise -1.
    draws : int
        Posterior draws of the parameters that are carried along.
    seed : int
        Which draws, and of whom.

    Attributes
    ----------
    seen, missing : int
        Scores taken since the start of the run, and volumes without one that could be used: none,
        no number, or more than 8 standard deviations from what was expected.

    Raises
    ------
    ValueError
        A fit of another model, a latent or participant that it lacks.

    Notes
    -----
    With the equations of the model, each draw d of the parameters has its own Kalman filter; what
    is returned is the mixture of their normal distributions, with equal weights. So parameters are
    as uncertain as before the session, and are not learned in it: run one on which to calibrate,
    fit, and name the participant. Feedback is of the volume's own score and those before.

    References
    ----------
    Kalman, R. E. (1960). A new approach to linear filtering and prediction problems. Journal of
    Basic Engineering, 82, 35-45. doi:10.1115/1.3662552

    See Also
    --------
    simulate_feedback : Sessions with a filter in the loop, before anybody is scanned.
    signature_scores : Scores of images.

    Examples
    --------
    >>> import empathymodels as em
    >>> online = em.Filter(fit, participant="sub-01", target=0.2)  # doctest: +SKIP
    >>> online.update(0.4).feedback  # doctest: +SKIP
    >>> text = online.to_json()  # doctest: +SKIP
    """

    def __init__(
        self,
        fit: xr.DataTree,
        latent: str = LATENT,
        *,
        participant: str | None = None,
        target: float = 0.0,
        rule: Literal["graded", "sign"] = "graded",
        draws: int = 200,
        seed: int = 0,
    ) -> None:
        from empathymodels.neuro.filter_parameters import parameters_of  # needs a compiler's stack

        if latent != LATENT:
            raise ValueError(
                f"latent must be '{LATENT}', which a filter follows; found {latent!r}."
            )
        self._set(parameters_of(fit, participant, draws, seed), float(target), rule)

    def _set(self, parameters: Parameters, target: float, rule: str) -> None:
        if rule not in ("graded", "sign"):
            raise ValueError(f"rule must be 'graded' or 'sign'; found {rule!r}.")
        if not math.isfinite(target):
            raise ValueError(f"target must be a number; found {target!r}.")
        refuse_impossible(parameters)
        self.parameters, self.target, self.rule = parameters, target, rule
        self.reset()

    def reset(self) -> None:
        """Begin a new run."""
        self._state = start(self.parameters)
        self._regulate = 1.0
        self.seen = self.missing = 0

    def update(self, value: Any, *, regulate: Any = 1.0) -> Step:
        """Take the score of the next volume.

        Parameters
        ----------
        value : float or None
            Score in the units of the fit; None or NaN where there is none.
        regulate : float
            Share of regulation in this volume, 0 to 1, as in the study of the fit. The one before
            is kept where it is no number.

        Returns
        -------
        Step
            ``mean``, ``sd``, ``feedback``, ``p_above_target``.
        """
        score, share = _number(value), _number(regulate)
        if math.isfinite(share):
            self._regulate = min(max(share, 0.0), 1.0)
        found = advance(self.parameters, self._state, score, self._regulate)
        self._state = found.state
        self.seen, self.missing = (
            self.seen + bool(found.is_used),
            self.missing + (not found.is_used),
        )
        mean, sd, above = summarised(found.mean, found.variance, self.target)
        return Step(float(mean), float(sd), float(feedback(above, self.rule)), float(above))

    def to_json(self) -> str:
        """Return all of the filter, and where it stands in its run, as text.

        Returns
        -------
        str
            JSON, for `from_json`.
        """
        arrays = {name: getattr(self.parameters, name).tolist() for name in PARAMETERS}
        state = {f.name: getattr(self._state, f.name).tolist() for f in fields(State)}
        about = {"format": FORMAT, "latent": LATENT, "target": self.target, "rule": self.rule}
        stands = {"regulate": self._regulate, "seen": self.seen, "missing": self.missing}
        return json.dumps(about | {"parameters": arrays, "state": state} | stands)

    @classmethod
    def from_json(cls, text: str) -> Filter:
        """Read a filter from text.

        Parameters
        ----------
        text : str
            What `to_json` returned.

        Returns
        -------
        Filter
            As it was, in the middle of its run if it was there.

        Raises
        ------
        ValueError
            Text that is no filter, or one with values that are none.
        """
        try:
            found = json.loads(text)
            if not isinstance(found, dict) or found.get("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT!r}")
            parameters = Parameters(
                **{name: _draws(found["parameters"][name]) for name in PARAMETERS}
            )
            state = State(**{f.name: _draws(found["state"][f.name]) for f in fields(State)})
            sizes = {len(x) for x in (*vars(parameters).values(), *vars(state).values())}
            if len(sizes) != 1:
                raise ValueError(f"its arrays differ in length: {sorted(sizes)}")
            one = cls.__new__(cls)
            one._set(parameters, float(found["target"]), found["rule"])
            one._state, one._regulate = state, min(max(float(found["regulate"]), 0.0), 1.0)
            one.seen, one.missing = int(found["seen"]), int(found["missing"])
        except (KeyError, TypeError, ValueError) as fault:
            raise ValueError(
                f"text must be what Filter.to_json returned; {fault}. Make the filter again from "
                "its fit."
            ) from None
        return one


def _number(value: Any) -> float:
    """Return a value as a number, NaN where it is none."""
    try:
        found = float(value)
    except Exception:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _draws(values: Any) -> np.ndarray:
    """Return a list of numbers as an array."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError("an array must hold finite numbers, one per draw")
    return array
