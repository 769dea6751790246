r"""Empathy learning: closeness to another person is learned from the pain they are seen to have.

Before every trial participants rate how close they feel to another person, then see whether that
person gets pain (:math:`R = 1`) or not (:math:`R = 0`). Closeness :math:`C` moves toward what the
outcome calls for. How much each outcome calls for is a person's own recalibration
:math:`\omega`:

.. math::

    \delta_t = S\,|R_t - \omega| - C_t, \qquad C_{t+1} = C_t + \alpha \delta_t

with :math:`S` the span of the closeness scale (here from 0). With :math:`\omega = 0` pain pulls
closeness to its top and its absence to the bottom (Rescorla-Wagner); with larger :math:`\omega`
closeness settles in between, and above one half it is the other's relief that brings one closer.
Ratings scatter around it:

.. math::

    \text{closeness}_t &\sim \text{Normal}(C_t,\; s) \\
    \text{emotion}_t &\sim \text{Normal}(a + b R_t + d\,\delta_t / S,\; s_e)

Notes
-----
What was published: the recalibration model, its rivals with one or two learning rates, a start at
the first rating of each block, and a standard deviation of 0.4 of the scale that was not
estimated (the rival `published`).
What is ours: an estimated start and noise, the hierarchy, emotion ratings in the same
likelihood, every prior.
Traps: a slow learner tells nothing about the recalibration, so the two trade off and low rates
lean on the population. Check the direction of the closeness scale: more points mean closer.

References
----------
Saulin, A., Ting, C.-C., Engelmann, J. B., & Hein, G. (2024). Connected in bad times and in good
times: Empathy induces stable social closeness. Journal of Neuroscience, 44, e1108232024.
doi:10.1523/JNEUROSCI.1108-23.2024
"""

from dataclasses import replace

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def _update(state, rate, called_for, data):
    """Move closeness toward what is called for, a share of the scale from 0 to 1."""
    span = data.closeness_highest - data.closeness_lowest
    error = data.closeness_lowest + span * called_for - state.closeness
    latents = dict(closeness=state.closeness, prediction_error=error / span)
    return dict(closeness=state.closeness + rate * error), latents


def step(state, parameters, data):
    """Move closeness toward what the outcome calls for."""
    called_for = pt.abs(data.pain - parameters.recalibration)
    return _update(state, parameters.learning_rate, called_for, data)


def closeness(latent, parameters, data):
    """Rated closeness scatters around the closeness learned."""
    return pm.Normal.dist(latent.closeness, parameters.closeness_noise)


def emotion(latent, parameters, data):
    """Emotion follows the other's pain, and the surprise about it."""
    mean = (
        parameters.emotion_baseline
        + parameters.emotion_pain * data.pain
        + parameters.emotion_error * latent.prediction_error
    )
    return pm.Normal.dist(mean, parameters.emotion_noise)


def rescorla_wagner(model):
    """Pain calls for full closeness and its absence for none."""
    return model.fix(recalibration=0.0)


def no_learning(model):
    """Closeness stays where it started."""
    # without learning closeness does not depend on what an outcome calls for
    return model.fix(learning_rate=0.0, recalibration=0.0)


def separate_rates(model):
    """Learning from pain and from its absence differ in speed (without recalibration)."""

    def step(state, parameters, data):
        rate = pt.where(
            pt.gt(data.pain, 0.5), parameters.learning_rate_pain, parameters.learning_rate_relief
        )
        return _update(state, rate, data.pain, data)

    rate = model.parameter("learning_rate")
    rates = [
        replace(rate, name=f"learning_rate_{name}", meaning=f"{rate.meaning}, after {after}")
        for name, after in (("pain", "pain"), ("relief", "no pain"))
    ]
    model = replace(model, step=step)
    return model.with_parameters(*rates, without=["learning_rate", "recalibration"])


def recalibration_by_phase(model):
    """What an outcome calls for differs between phases of the study (column `phase`)."""
    return model.split("phase", "recalibration")


def first_rating_start(model):
    """Closeness starts at the first rating of each block, which is then not scored."""
    closeness = replace(model.states[0], start=em.FirstResponse("closeness", scored=False))
    return replace(model, states=(closeness,)).with_parameters(without=["start_closeness"])


def published(model):
    """As published: the first rating starts each block, and noise is 0.4 of the scale."""
    return em.plain_normal(first_rating_start(model)).fix_share(closeness_noise=0.4)


def _after(column):
    """Mean change in closeness on trials after pain minus after no pain."""

    def difference(table):
        people = table.groupby([k for k in ("participant", "session", "block") if k in table])
        change = people[column].diff()
        before = people["pain"].shift()
        return change[before > 0.5].mean() - change[before < 0.5].mean()

    return difference


def _emotion_effect(table):
    """Mean emotion on trials with pain minus trials without."""
    return table.emotion[table.pain > 0.5].mean() - table.emotion[table.pain < 0.5].mean()


model = em.Model(
    title="closeness is learned from the pain that another person is seen to have",
    step=step,
    states=(em.State("closeness", "start_closeness", meaning="closeness felt before the outcome"),),
    latents={
        "closeness": "closeness before the outcome, in points",
        "prediction_error": "what the outcome called for minus closeness, as a share of the scale",
    },
    columns=(em.Column("pain", "1: the other person got pain; 0: did not", levels=(0, 1)),),
    parameters=(
        em.Parameter(
            "learning_rate", "share of the prediction error that changes closeness",
            location=(-2.5, 1.2), spread=1, support="unit", typical=(0.02, 0.5), symbol=r"\alpha",
        ),
        em.Parameter(
            "recalibration", "where between the outcomes' extremes closeness is drawn to",
            location=(-0.4, 1), spread=0.75, support="unit", typical=(0.1, 0.8), symbol=r"\omega",
        ),
        em.Parameter(
            "start_closeness", "closeness before the first trial of a block",
            location=(0, 0.75), spread=0.75, support="unit", scale_of="closeness", role="location",
            typical=(0.2, 0.8), symbol="C_1",
        ),
        em.Parameter(
            "closeness_noise", "standard deviation of closeness ratings",
            location=(-2.2, 0.5), spread=0.4, support="positive", scale_of="closeness",
            typical=(0.04, 0.3), symbol="s",
        ),
        em.Parameter(
            "emotion_baseline", "emotion at the sight of no pain",
            location=(0.5, 0.2), spread=0.15, scale_of="emotion", role="location",
            typical=(0.4, 0.7), symbol="a",
        ),
        em.Parameter(
            "emotion_pain", "change in emotion at the sight of pain",
            location=(0, 0.2), spread=0.15, scale_of="emotion", typical=(-0.4, 0), symbol="b",
        ),
        em.Parameter(
            "emotion_error", "change in emotion per prediction error of the whole scale",
            location=(0, 0.15), spread=0.1, scale_of="emotion", typical=(-0.2, 0.2), symbol="d",
        ),
        em.Parameter(
            "emotion_noise", "standard deviation of emotion ratings",
            location=(-2, 0.5), spread=0.3, support="positive", scale_of="emotion",
            typical=(0.06, 0.25), symbol="s_e",
        ),
    ),
    responses=(
        em.Response(
            "closeness", closeness, "closeness to the other person, rated before the outcome",
            range=(0, 100), unit="points",
        ),
        em.Response(
            "emotion", emotion, "own emotion after the outcome (low: bad)", range=(0, 100),
            unit="points",
        ),
    ),
    statistics=(
        em.Statistic.mean("closeness"),
        em.Statistic.sd("closeness"),
        em.Statistic("change after pain minus no pain", "closeness", _after("closeness")),
        em.Statistic("emotion, pain minus no pain", "emotion", _emotion_effect),
        em.Statistic.sd("emotion"),
    ),
    rivals=(
        rescorla_wagner, no_learning, separate_rates, recalibration_by_phase, first_rating_start,
        published, em.plain_normal,
    ),
)
