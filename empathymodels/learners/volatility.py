"""Learners that learn how volatile the world is: one trial of each, for `step` of any model."""

from __future__ import annotations

from typing import Any, Protocol

import pytensor.tensor as pt

# e to this is a variance at which log odds tell nothing from one trial to the next; an expectation
# of volatility beyond it, which no data speak for, must not make numbers infinite
LARGEST_LOG_VARIANCE = 20.0

Symbols = dict[str, Any]


class HGFBelief(Protocol):
    """What `hgf_binary` holds of what may happen, and of how fast that changes."""

    mean: Any
    variance: Any
    volatility_mean: Any
    volatility_variance: Any


class KalmanBelief(Protocol):
    """What `volatile_kalman` holds of what may happen, and of how fast that changes."""

    mean: Any
    variance: Any
    volatility: Any


def hgf_binary(
    state: HGFBelief,
    outcome: Any,
    *,
    tonic_volatility: Any,
    meta_volatility: Any,
    coupling: Any = 1.0,
) -> tuple[Symbols, Symbols]:
    r"""One trial of a binary hierarchical Gaussian filter of three levels, in its enhanced form.

    Level 2 holds the log odds of the outcome (mean :math:`\mu_2`, variance :math:`\sigma_2`), level
    3 the log of how fast these change (:math:`\mu_3, \sigma_3`). With :math:`s` the logistic
    function, :math:`v = e^{\kappa \mu_3 + \omega}` and :math:`\hat\sigma_2 = \sigma_2 + v`:

    .. math::

        \delta_1 &= u - s(\mu_2), \qquad
        \sigma_2' = \frac{1}{1 / \hat\sigma_2 + s(\mu_2) (1 - s(\mu_2))}, \qquad
        \mu_2' = \mu_2 + \sigma_2'\, \delta_1 \\
        \delta_2 &= \frac{\sigma_2' + (\mu_2' - \mu_2)^2}{\hat\sigma_2} - 1, \qquad
        \hat\sigma_3 = \sigma_3 + \vartheta, \qquad
        \mu_3' = \mu_3 + \tfrac12\, \hat\sigma_3\, \kappa\, \frac{v}{\hat\sigma_2}\, \delta_2 \\
        \frac{1}{\sigma_3'} &= \frac{1}{\hat\sigma_3} + \max\Big(0,\,
            \tfrac12 \kappa^2\, w \big(w + (2w - 1)\, \delta_2^*\big)\Big)

    where :math:`w = v^* / (\sigma_2 + v^*)` and :math:`\delta_2^*` are :math:`v / \hat\sigma_2` and
    :math:`\delta_2` with the volatility :math:`v^*` that follows from :math:`\mu_3'`. That the mean
    of level 3 comes first and its precision never falls below the predicted one is the enhanced
    form, in which variances stay positive at any parameters. The log of :math:`v` is cut off at
    20, a step of the log odds that no outcome could tell from a larger one.

    Parameters
    ----------
    state : states of a model, or anything with these attributes
        ``mean``, ``variance``, ``volatility_mean``, ``volatility_variance``.
    outcome : symbol
        1 or 0. Where it is missing, states stay as they are.
    tonic_volatility, meta_volatility, coupling : symbol or float
        :math:`\omega` (real), :math:`\vartheta` (positive), :math:`\kappa`. With a `coupling` of 0
        volatility is the same on all trials.

    Returns
    -------
    next_state : dict
        The four values after the outcome, by name.
    latents : dict
        ``probability`` of outcome 1 and ``volatility`` (:math:`\mu_3`), both before the outcome;
        ``prediction_error`` (:math:`\delta_1`) and ``volatility_error`` (:math:`\delta_2`);
        ``weighted_error`` and ``weighted_volatility_error``, what these change the two means by.

    Notes
    -----
    Levels and updates: Mathys et al. (2014); enhanced form: as in the HGF toolbox. Only
    :math:`\omega + \kappa \mu_3` is known of its two parts, so let ``volatility_mean`` start at 0,
    or fix :math:`\omega`. :math:`\vartheta` is hardly known from choices.

    References
    ----------
    Mathys, C. D., Lomakina, E. I., Daunizeau, J., Iglesias, S., Brodersen, K. H., Friston, K. J., &
    Stephan, K. E. (2014). Uncertainty in perception and the hierarchical Gaussian filter. Frontiers
    in Human Neuroscience, 8, 825. doi:10.3389/fnhum.2014.00825

    Examples
    --------
    >>> import empathymodels as em
    >>> def step(state, parameters, data):
    ...     following, latents = em.hgf_binary(
    ...         state,
    ...         data.advice_right,
    ...         tonic_volatility=parameters.tonic_volatility,
    ...         meta_volatility=parameters.meta_volatility,
    ...     )
    ...     return following, latents | {"utility": state.mean}
    """
    likely, unlikely = pt.sigmoid(state.mean), pt.sigmoid(-state.mean)
    error = outcome * unlikely - (1 - outcome) * likely  # exact where one of them is nearly 1
    predicted, share = _diffused(state, state.volatility_mean, coupling, tonic_volatility)
    variance = 1 / (1 / predicted + likely * unlikely)
    change = variance * error
    volatility_error = (variance + change**2) / predicted - 1

    predicted_above = state.volatility_variance + meta_volatility
    change_above = predicted_above * coupling * share * volatility_error / 2
    volatility_mean = state.volatility_mean + change_above
    then_predicted, then_share = _diffused(state, volatility_mean, coupling, tonic_volatility)
    then_error = (variance + change**2) / then_predicted - 1
    gained = coupling**2 * then_share * (then_share + (2 * then_share - 1) * then_error) / 2
    following = {
        "mean": state.mean + change,
        "variance": _if_seen(outcome, variance, state.variance),
        "volatility_mean": volatility_mean,
        "volatility_variance": 1 / (1 / predicted_above + pt.maximum(0.0, gained)),
    }
    return following, {
        "probability": likely,
        "volatility": state.volatility_mean,
        "prediction_error": error,
        "weighted_error": change,
        "volatility_error": volatility_error,
        "weighted_volatility_error": change_above,
    }


def _diffused(state: HGFBelief, volatility: Any, coupling: Any, tonic: Any) -> tuple[Any, Any]:
    """Variance that is predicted for a trial, and the share of volatility in it."""
    log_variance = pt.minimum(coupling * volatility + tonic, LARGEST_LOG_VARIANCE)
    step = pt.exp(log_variance)
    return state.variance + step, step / (state.variance + step)


def _if_seen(outcome: Any, then: Any, otherwise: Any) -> Any:
    """Have a value read an outcome that it does not follow from: nothing is learned without one."""
    return pt.where(pt.or_(pt.ge(outcome, 0), pt.lt(outcome, 0)), then, otherwise)


def volatile_kalman(
    state: KalmanBelief, outcome: Any, *, volatility_rate: Any, noise: Any, binary: bool = True
) -> tuple[Symbols, Symbols]:
    r"""One trial of a volatile Kalman filter.

    It holds a mean :math:`m` (of binary outcomes the log odds, as :math:`s` is the logistic
    function), its variance :math:`w` and a volatility :math:`v`:

    .. math::

        k &= \frac{w + v}{w + v + \omega}, \qquad
        m' = m + \begin{cases}
            \sqrt{w + v}\, \big(u - s(m)\big) & \text{binary} \\
            k\, (u - m) & \text{otherwise}
        \end{cases} \\
        w' &= (1 - k) (w + v), \qquad
        v' = v + \lambda\, \big((m' - m)^2 + w + w' - 2 (1 - k)\, w - v\big)

    Parameters
    ----------
    state : states of a model, or anything with these attributes
        ``mean``, ``variance``, ``volatility``. The published filter starts its variance at the
        noise.
    outcome : symbol
        What happened; 1 or 0 if `binary`. Where it is missing, states stay as they are.
    volatility_rate, noise : symbol or float
        :math:`\lambda` (0 to 1) and :math:`\omega` (positive).
    binary : bool, default True
        Outcomes are 1 or 0.

    Returns
    -------
    next_state : dict
        The three values after the outcome, by name.
    latents : dict
        ``expectation`` (the probability of 1, if `binary`) and ``volatility``, both before the
        outcome; ``prediction_error``; ``weighted_error``, what it changes the mean by;
        ``volatility_error``, of which a share of `volatility_rate` is learned.

    References
    ----------
    Piray, P., & Daw, N. D. (2020). A simple model for learning in volatile environments. PLoS
    Computational Biology, 16, e1007963. doi:10.1371/journal.pcbi.1007963

    Examples
    --------
    >>> import empathymodels as em
    >>> def step(state, parameters, data):
    ...     following, latents = em.volatile_kalman(
    ...         state,
    ...         data.advice_right,
    ...         volatility_rate=parameters.volatility_rate,
    ...         noise=parameters.noise,
    ...     )
    ...     return following, latents | {"utility": state.mean}
    """
    predicted = state.variance + state.volatility
    gain = predicted / (predicted + noise)
    if binary:
        expectation, unlikely = pt.sigmoid(state.mean), pt.sigmoid(-state.mean)
        error = outcome * unlikely - (1 - outcome) * expectation
        change = pt.sqrt(predicted) * error
    else:
        expectation, error = state.mean, outcome - state.mean
        change = gain * error
    # w + w' - 2 (1 - k) w - v, without the differences of equals that it holds
    volatility_error = change**2 + gain * state.variance - gain * state.volatility
    following = {
        "mean": state.mean + change,
        "variance": _if_seen(outcome, noise * gain, state.variance),  # (1 - k) (w + v)
        "volatility": state.volatility + volatility_rate * volatility_error,
    }
    return following, {
        "expectation": expectation,
        "volatility": state.volatility,
        "prediction_error": error,
        "weighted_error": change,
        "volatility_error": volatility_error,
    }
