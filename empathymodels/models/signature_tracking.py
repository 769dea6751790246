r"""Signature tracking: what brain signatures express, volume by volume, seen through noise.

Each volume :math:`t` of a run has a score :math:`y_t`: the expression of a care signature minus
that of a distress signature, or any other score that is to be fed back. It shows a slow state that
regulation shifts, and noise of the scanner and the score:

.. math::

    x_t &= b + g\, u_t + d_t, \qquad y_t \sim \text{Normal}(x_t, r) \\
    d_{t+1} &\sim \text{Normal}\left(\phi\, d_t, \; f \sqrt{1 - \phi^2}\right), \qquad
        d_1 \sim \text{Normal}(0, f)

with :math:`u_t` the share of regulation in the volume (1 asked to regulate, 0 rest). States are
integrated out exactly: given the past, :math:`y_t \sim \text{Normal}(b + g u_t + m_t,
\sqrt{f^2 p_t + r^2})`, where the Kalman filter gives the mean :math:`m_t` and the share of variance
:math:`p_t` that are left:

.. math::

    K_t &= \frac{f^2 p_t}{f^2 p_t + r^2}, \qquad
        m_{t+1} = \phi (m_t + K_t (y_t - b - g u_t - m_t)) \\
    p_{t+1} &= \phi^2 (1 - K_t) p_t + 1 - \phi^2

Notes
-----
What was published: the filter. Feedback of signals of the anterior insula changed them (Kanel
2019), feedback of patterns of affiliative emotion, too (Moll 2014). No published study known to us
feeds back care minus distress, which the review of motivated empathy proposes: the model is ours.
`em.Filter` takes a fit of this model into the scanner room.
Traps: haemodynamics are slow, so `regulate` is the instruction convolved with a response (from 0 to
1), not the instruction itself. Without persistence, state and noise cannot be told apart: see
whether `persistence` is away from 0. A drift of the scanner is a state, too: take it out first.
A volume that was lost is a row with `lost` 1 and no score, so that time goes on; where a score is
missing and `lost` is 0, the state stays as it is. Scores are in standard units of the study or of
a run to calibrate on: their scale differs by scanner and by what was done to the images.

References
----------
Kalman, R. E. (1960). A new approach to linear filtering and prediction problems. Journal of Basic
Engineering, 82, 35-45. doi:10.1115/1.3662552

Moll, J., Weingartner, J. H., Bado, P., Basilio, R., Sato, J. R., Melo, B. R., Bramati, I. E.,
de Oliveira-Souza, R., & Zahn, R. (2014). Voluntary enhancement of neural signatures of affiliative
emotion using fMRI neurofeedback. PLoS ONE, 9, e97343. doi:10.1371/journal.pone.0097343
"""

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Expect the next score; learn from this one how far the state is from its level."""
    persistence, variance = parameters.persistence, parameters.fluctuation**2 * state.share
    uncertainty = variance + parameters.noise**2
    care_minus_distress = _level(parameters, data) + state.deviation
    gain = pt.where(pt.eq(data.lost, 1), 0.0, variance / uncertainty)
    surprise = data.score - care_minus_distress
    following = {
        "deviation": persistence * (state.deviation + gain * surprise),
        "share": persistence**2 * (1 - gain) * state.share + 1 - persistence**2,
    }
    latents = {
        "care_minus_distress": care_minus_distress,
        "uncertainty": pt.sqrt(uncertainty),
        "surprise": surprise,
    }
    return following, latents


def _level(parameters, data):
    """Where the state is drawn to."""
    return parameters.baseline + parameters.regulation * data.regulate


def score(latent, parameters, data):
    """Scores scatter around what the past lets expect."""
    return pm.Normal.dist(latent.care_minus_distress, latent.uncertainty)


def no_regulation(model):
    """Being asked to regulate changes nothing."""
    return model.fix(regulation=0.0)


def no_persistence(model):
    """Nothing is carried from volume to volume; noise is all that scatters."""
    return model.fix(persistence=0.0, fluctuation=0.0)


def direct_scores(model):
    """Scores are the state itself, without noise."""
    return model.fix(noise=0.0)


def _while(regulating):
    """Mean score at rest or while regulating."""

    def mean(table):
        return table.score[(table.regulate > 0.5) == regulating].mean()

    return mean


def _with_regulation(table):
    """Correlation of scores, around people's means, with the share of regulation."""
    around = table.score - table.groupby("participant")["score"].transform("mean")
    return around.corr(table.regulate)


model = em.Model(
    title="care minus distress in the brain, tracked for feedback",
    step=step,
    states=(
        em.State("deviation", 0.0, meaning="expected distance of the state from its level"),
        em.State("share", 1.0, meaning="share of the state's variance that is not known"),
    ),
    latents={
        "care_minus_distress": "expression that the scores before let expect",
        "uncertainty": "standard deviation of the score around it",
        "surprise": "score minus what was expected",
    },
    columns=(
        em.Column("regulate", "share of regulation in the volume; 0: rest", range=(0, 1)),
        em.Column("lost", "1: the volume has no score", levels=(0, 1), default=0),
    ),
    parameters=(
        em.Parameter(
            "baseline", "mean score at rest", location=(0, 0.5), spread=0.5, typical=(-0.8, 0.8),
            symbol="b",
        ),
        em.Parameter(
            "regulation", "how far being asked to regulate shifts the state",
            location=(0.2, 0.5), spread=0.4, typical=(-0.2, 0.9), symbol="g",
        ),
        em.Parameter(
            "persistence", "how much of the state is left one volume later", location=(1.5, 1),
            spread=0.75, support="unit", typical=(0.6, 0.97), symbol=r"\phi",
        ),
        em.Parameter(
            "fluctuation", "standard deviation of the state around its level",
            location=(-0.5, 0.5), spread=0.4, support="positive", typical=(0.3, 1.1), symbol="f",
        ),
        em.Parameter(
            "noise", "standard deviation of scores around the state", location=(-0.3, 0.5),
            spread=0.3, support="positive", typical=(0.4, 1.2), symbol="r",
        ),
    ),
    responses=(
        em.Response(
            "score", score, "care minus distress, or another score; in standard units",
        ),
    ),
    correlate=("baseline", "regulation"),
    statistics=(
        em.Statistic.mean("score", "mean score"),
        em.Statistic.sd("score", "sd of scores"),
        em.Statistic("mean while regulating", "score", _while(True)),
        em.Statistic("mean at rest", "score", _while(False)),
        em.Statistic("correlation with regulation", "score", _with_regulation),
        em.Statistic.between_people("score", "sd of people's means"),
    ),
    rivals=(no_regulation, no_persistence, direct_scores),
)
