r"""Advice taking: whom to believe is learned from how often advice was right, and how that changes.

On every trial a participant sees own evidence, a chance :math:`c` that the option advised is right
(a pie chart, say), and takes or rejects another person's advice; then it is seen whether that was
right (:math:`u = 1`) or wrong (:math:`u = 0`). A binary hierarchical Gaussian filter holds the log
odds :math:`\mu_2` that advice is right, with variance :math:`\sigma_2`, and the log volatility
:math:`\mu_3` of the adviser's intentions (`em.hgf_binary` has all of its equations):

.. math::

    \delta_1 &= u_t - \frac{1}{1 + e^{-\mu_2}}, \qquad
        \mu_2 \leftarrow \mu_2 + \sigma_2'\, \delta_1, \qquad
        \frac{1}{\sigma_2'} = \frac{1}{\sigma_2 + e^{\kappa \mu_3 + \omega}}
        + \hat\mu_1 (1 - \hat\mu_1) \\
    \mu_3 &\leftarrow \mu_3 + \tfrac12\, (\sigma_3 + \vartheta)\, \kappa\,
        \frac{e^{\kappa \mu_3 + \omega}}{\sigma_2 + e^{\kappa \mu_3 + \omega}}\, \delta_2

with :math:`\hat\mu_1 = 1 / (1 + e^{-\mu_2})` before the outcome. What advice and own evidence say
is mixed, and decides:

.. math::

    b_t = \zeta\, \hat\mu_{1,t} + (1 - \zeta)\, c_t, \qquad
    P(\text{take}_t) = \frac{1}{1 + e^{-\beta\, \text{logit}(b_t)}}

Notes
-----
What was published: people's advice taking followed an adviser's changing intentions by such a
filter; volatility also changed how variable decisions were, and advice was integrated with other
cues (2014, by its abstract). The filter is that of Mathys et al., in the enhanced form of their
toolbox; the rival `volatile_kalman` is that of Piray and Daw.
What is ours: the forms of the mixture and of the rival `volatile_decisions` (recalled, not
confirmed here), the starts, the hierarchy, every prior and the other rivals.
Traps: what is shown to be found again here is `no_volatility` (point estimates of 30 people
correlate with the truth by .61 to .89); a fit of all three levels has not been followed to its end.
`meta_volatility` is the same for everybody, since choices say little of it; do not correlate it,
nor the latent `volatility`, with anything before `recover` says that it can be found. Only the sum
of the first :math:`\mu_3` and :math:`\omega` is known, so :math:`\mu_3` starts at 0; :math:`\kappa`
is held at 1. Own evidence that hardly varies leaves the weight of advice unknown. Where advice is
followed whatever it was, weight and start trade off. Whether advice was right must be seen where it
was rejected, too. Let own evidence be between 0 and 1: at these ends `own_evidence_only` is
certain. The likelihood has bends, where a precision meets its bound, at which the search of
`fit(method="map")` ended without a mode in the bundled study; that of `no_volatility` did not.

References
----------
Diaconescu, A. O., Mathys, C., Weber, L. A. E., Daunizeau, J., Kasper, L., Lomakina, E. I., Fehr,
E., & Stephan, K. E. (2014). Inferring on the intentions of others by hierarchical Bayesian
learning. PLoS Computational Biology, 10, e1003810. doi:10.1371/journal.pcbi.1003810

Mathys, C. D., Lomakina, E. I., Daunizeau, J., Iglesias, S., Brodersen, K. H., Friston, K. J., &
Stephan, K. E. (2014). Uncertainty in perception and the hierarchical Gaussian filter. Frontiers in
Human Neuroscience, 8, 825. doi:10.3389/fnhum.2014.00825

Piray, P., & Daw, N. D. (2020). A simple model for learning in volatile environments. PLoS
Computational Biology, 16, e1007963. doi:10.1371/journal.pcbi.1007963
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Take advice by what was learned of the adviser; see whether it was right."""
    following, latents = _filtered(state, parameters, data)
    return following, latents | {"utility": _decided(parameters, data, state.mean)}


def _filtered(state, parameters, data):
    return em.hgf_binary(
        state, data.advice_right, tonic_volatility=parameters.tonic_volatility,
        meta_volatility=parameters.meta_volatility, coupling=parameters.coupling,
    )


def _decided(parameters, data, log_odds):
    """Log odds of taking advice that is right with these log odds, against own evidence."""
    weight = parameters.advice_weight
    right = weight * pt.sigmoid(log_odds) + (1 - weight) * data.own_evidence
    wrong = weight * pt.sigmoid(-log_odds) + (1 - weight) * (1 - data.own_evidence)
    return parameters.inverse_temperature * (pt.log(right) - pt.log(wrong))


def take(latent, parameters, data):
    """Advice is taken or rejected."""
    return em.Choice.dist(latent.utility)


# --------------------------------------------------------------------- what else could hold


def no_volatility(model):
    """Intentions change at the same speed always (two levels)."""
    return model.fix(coupling=0.0, meta_volatility=1.0)


def volatile_decisions(model):
    """Decisions follow beliefs the less, the more volatile intentions seem."""

    def step(state, parameters, data):
        following, latents = _filtered(state, parameters, data)
        utility = _decided(parameters, data, state.mean) * pt.exp(-state.volatility_mean)
        return following, latents | {"utility": utility}

    return replace(model, step=step)


def volatile_kalman(model):
    """A volatile Kalman filter: volatility has one rate of learning, and no variance."""

    def step(state, parameters, data):
        following, latents = em.volatile_kalman(
            state, data.advice_right, volatility_rate=parameters.volatility_rate,
            noise=parameters.noise,
        )
        latents["probability"] = latents.pop("expectation")
        return following, latents | {"utility": _decided(parameters, data, state.mean)}

    parameters = (
        em.Parameter(
            "volatility_rate", "share of its error that changes the volatility", location=(-1.5, 1),
            spread=0.5, support="unit", typical=(0.05, 0.5), symbol=r"\lambda",
        ),
        em.Parameter(
            "start_volatility", "volatility before the first outcome", location=(-1, 1),
            level="population", support="positive", typical=(0.1, 1), symbol="v_0",
        ),
        em.Parameter(
            "noise", "variance that is taken for noise", location=(0, 1), level="population",
            support="positive", typical=(0.3, 3), symbol=r"\omega",
        ),
    )
    mean, *_ = model.states
    states = (
        mean,
        em.State("variance", "noise", meaning="variance of these log odds"),
        em.State("volatility", "start_volatility", meaning="variance that a trial adds"),
    )
    kept = [name for name in model.latents if name != "weighted_volatility_error"]
    latents = {name: model.latents[name] for name in kept}
    latents["volatility"] = "variance that a trial is expected to add, before the outcome"
    changed = replace(model, step=step, states=states, latents=latents)
    return changed.with_parameters(*parameters, without=FILTER)


FILTER = ("tonic_volatility", "meta_volatility", "coupling")


def rescorla_wagner(model):
    """The probability that advice is right is learned at a rate that stays."""

    def step(state, parameters, data):
        error = data.advice_right - state.probability
        log_odds = pt.log(state.probability) - pt.log(1 - state.probability)
        latents = {
            "probability": state.probability,
            "prediction_error": error,
            "utility": _decided(parameters, data, log_odds),
        }
        return {"probability": state.probability + parameters.learning_rate * error}, latents

    parameters = (
        em.Parameter(
            "learning_rate", "share of the prediction error that is learned", location=(-1.5, 1),
            spread=0.75, support="unit", typical=(0.04, 0.5), symbol=r"\alpha",
        ),
        em.Parameter(
            "start_probability", "that advice is right, before the first", location=(0.5, 0.75),
            spread=0.5, support="unit", typical=(0.4, 0.8), symbol="P_1",
        ),
    )
    state = em.State("probability", "start_probability", meaning="that advice is right")
    latents = {n: model.latents[n] for n in ("probability", "prediction_error", "utility")}
    changed = replace(model, step=step, states=(state,), latents=latents)
    return changed.with_parameters(*parameters, without=(*FILTER, "start_log_odds"))


def own_evidence_only(model):
    """Advice counts for nothing."""
    held = {"tonic_volatility": 0.0, "meta_volatility": 1.0, "start_log_odds": 0.0}
    return model.fix(advice_weight=0.0, **held)


# ------------------------------------------------------------------------- declarations


def _taken_after(right):
    """Share of advice taken after advice that was right, or wrong."""

    def share(table):
        keys = [table[key] for key in ("participant", "session") if key in table]
        before = table["advice_right"].groupby(keys).shift()
        return table["take"][before == right].mean()

    return share


def _against_evidence(table):
    """Share of advice taken that own evidence speaks against."""
    return table["take"][table["own_evidence"] < 0.5].mean()


model = em.Model(
    step=step,
    states=(
        em.State("mean", "start_log_odds", meaning="log odds that advice is right"),
        em.State("variance", 1.0, meaning="variance of these log odds"),
        em.State("volatility_mean", 0.0, meaning="log volatility of intentions, relative"),
        em.State("volatility_variance", 1.0, meaning="variance of this log volatility"),
    ),
    latents={
        "probability": "probability that advice is right, before the outcome",
        "volatility": "log volatility of the adviser's intentions, before the outcome",
        "prediction_error": "advice was right (1, else 0) less this probability",
        "weighted_error": "precision-weighted prediction error: what it changes the log odds by",
        "volatility_error": "how much more than expected the log odds changed",
        "weighted_volatility_error": "what this changes the log volatility by",
        "utility": "log odds of taking the advice",
    },
    columns=(
        em.Column("own_evidence", "chance that the option advised is right", range=(0, 1)),
        em.Column("advice_right", "1: advice was right, 0: wrong", levels=(0, 1)),
    ),
    parameters=(
        em.Parameter(
            "advice_weight", "weight of advice against own evidence", location=(0, 1), spread=0.75,
            support="unit", typical=(0.25, 0.85), symbol=r"\zeta", motive="approach",
        ),
        em.Parameter(
            "tonic_volatility", "log variance that a trial adds, at first", location=(-2.5, 1.5),
            spread=0.75, typical=(-4.5, -0.5), symbol=r"\omega",
        ),
        em.Parameter(
            "meta_volatility", "variance that a trial adds to the log volatility",
            location=(-2, 1), level="population", support="positive", typical=(0.03, 0.5),
            symbol=r"\vartheta",
        ),
        em.Parameter(
            "coupling", "how far volatility speeds up learning", location=(1, 0.5), spread=0.3,
            typical=(0.5, 1.5), symbol=r"\kappa", fixed=1.0,
        ),
        em.Parameter(
            "start_log_odds", "log odds that advice is right, before the first",
            location=(0.5, 0.75), spread=0.5, typical=(-0.5, 1.5), symbol=r"\mu_2^{(0)}",
        ),
        em.Parameter(
            "inverse_temperature", "how consistently beliefs decide", location=(0.7, 0.75),
            spread=0.5, support="positive", typical=(0.8, 5), symbol=r"\beta",
        ),
    ),
    responses=(em.Response("take", take, "1: the advice is taken, 0: rejected", levels=(0, 1)),),
    sequence=("session",),
    statistics=(
        em.Statistic.mean("take", "advice taken"),
        em.Statistic("advice taken after it was right", "take", _taken_after(1)),
        em.Statistic("advice taken after it was wrong", "take", _taken_after(0)),
        em.Statistic("advice taken against own evidence", "take", _against_evidence),
        em.Statistic.between_people("take", "sd of people's shares of advice taken"),
    ),
    rivals=(
        no_volatility, volatile_decisions, volatile_kalman, rescorla_wagner, own_evidence_only,
    ),
)
