r"""Followed choice: the outcome is seen for the chosen option only.

.. math::

    V_{t+1} = V_t + \alpha\, c_t (\lambda_t - V_t), \qquad
    P(c_t = 1) = \frac{1}{1 + e^{-(\beta V_t + \kappa H_t)}}

with :math:`H_t` the previous choice (+1 or -1), and a rating of the mood that follows the
outcome of the trial before.

References
----------
Lockwood et al. (2016), PNAS 113:9763-9768, doi:10.1073/pnas.1603198113.
"""

import pymc as pm
import pytensor.tensor as pt

from empathymodels import Choice, Column, Model, Parameter, Prior, Reference, Response, State


def step(state, parameters, data):
    """Help or not, see what comes of it, and remember what one did."""
    chosen = pt.eq(data.choice, 1)
    error = data.outcome - state.value
    next_state = dict(
        value=state.value + pt.where(chosen, parameters.learning_rate * error, 0.0),
        habit=pt.where(chosen, 1.0, -1.0),
    )
    utility = parameters.inverse_temperature * state.value + parameters.habit_weight * state.habit
    return next_state, dict(utility=utility, value=state.value)


def choice(latent, parameters, data):
    """Helping (1) rather than not (0)."""
    return Choice.dist(latent.utility)


def mood(latent, parameters, data):
    """Mood follows the expected outcome, and is better on trials of helping."""
    return pm.Normal.dist(latent.value + parameters.glow * data.choice, 0.5)


def person(name, meaning, mu, **settings):
    """Return a parameter with weak priors."""
    location, spread = Prior("Normal", mu=mu, sigma=0.7), Prior("HalfNormal", sigma=0.5)
    return Parameter(name, meaning, location=location, spread=spread, **settings)


model = Model(
    title="helping, learned from its outcome",
    step=step,
    states=(State("value", 0.2), State("habit", 0.0)),
    latents={"utility": "weighted value and habit", "value": "outcome expected from helping"},
    sequence=("block",),
    columns=(Column("outcome", "what came of the choice", range=(-1, 1), follows="choice"),),
    parameters=(
        person(
            "learning_rate", "share of the error learned", -0.5, support="unit", typical=(0.2, 0.8)
        ),
        person("inverse_temperature", "weight of value", 0.7, support="positive", typical=(1, 4)),
        person("habit_weight", "weight of the previous choice", 0.3, typical=(-0.5, 1)),
        person("glow", "mood on trials of helping", 0.5, typical=(0, 1)),
    ),
    responses=(
        Response("choice", choice, "helped or not", levels=(0, 1)),
        Response("mood", mood, "mood after the choice", range=(-2, 2), unit="points"),
    ),
    references=(
        Reference(
            "Lockwood, P. L., et al. (2016). Neurocomputational mechanisms of prosocial learning "
            "and links to empathy. PNAS, 113, 9763-9768.",
            "10.1073/pnas.1603198113",
        ),
    ),
)
