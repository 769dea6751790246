r"""Neurofeedback tuning: feedback of one's own brain teaches to tune its response, run by run.

Every run of a training has one number :math:`y`: a response of the anterior insula during empathy,
or the expression of care minus distress. Some people get feedback of it
(:math:`\text{real}_s = 1`), others a sham (0). For participant :math:`s`, :math:`n_t` runs of
training by then, and feedback that is shown in the run or not (:math:`o_t = 1`: transfer),

.. math::

    \text{learned}_{s,t} &= \ell_s \, \text{real}_s \, (1 - e^{-n_t / \tau}) \\
    y_t &\sim \text{Normal}\big(a_s + p_s\, n_t / 10
        + (1 - o_t + \kappa\, o_t)\, \text{learned}_{s,t} + w\, o_t,\; \sigma_s\big)

:math:`\ell` is what feedback can teach in the end, :math:`\tau` how many runs bring 63 % of it,
:math:`p` what 10 runs of practice change whatever is fed back, :math:`w` what a run without
feedback changes by itself, and :math:`\kappa` the share of what was learned that is left there.

Notes
-----
What was published: with feedback of the right anterior insula, 10 people regulated it better in a
second session than 10 with a sham, people low in trait empathy more so (16 runs of feedback and 4
of transfer). These were comparisons of sessions and groups.
What is ours: the curve, practice, transfer as a share, the hierarchy, every prior and all rivals.
Trait empathy is a covariate of what is learned:
``fit(model, study, covariates={"learning": "empathy"})``.
Traps: without a sham group practice and learning are told apart by the shape of the curve alone.
People of the sham group say nothing of what they would have learned: their `learning` follows the
population. A training that is short beside the time constant shows a line, of which only the slope
(learning / time constant) is known; a level that is reached at once is part of the baseline unless
there are runs with `runs` 0 before. Hence one time constant for all people, and with 10 people
per group even that is hardly known, nor what trait empathy changes: plan more (see the study's
README). Transfer needs transfer runs of the real group late in training. Standardise over all
runs, never within a session: that takes the learning out. Real and sham groups are compared as
randomised; nothing here tells what participants believed.
`signature_tracking` follows the score within runs, `Filter` feeds it back, and
`simulate_feedback` shows how long a training may take.

References
----------
Kanel, D., Al-Wasity, S., Stefanov, K., & Pollick, F. E. (2019). Empathy to emotional voices and
the use of real-time fMRI to enhance activation of the anterior insula. NeuroImage, 198, 53-62.
doi:10.1016/j.neuroimage.2019.05.021
"""

from dataclasses import replace

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em

PRACTICE = 10  # runs, to which practice refers


def step(state, parameters, data):
    """What feedback has taught, and the response that it lets expect."""
    taught = _exponential(parameters, data)
    return _latents(parameters, data, parameters.learning * data.feedback * taught)


def _exponential(parameters, data):
    return 1 - pt.exp(-data.runs / parameters.time_constant)


def _latents(parameters, data, learned):
    kept = pt.where(pt.eq(data.transfer, 1), parameters.transfer_share, 1.0)
    practised = parameters.practice * data.runs / PRACTICE
    level = parameters.baseline + practised + parameters.transfer_effect * data.transfer
    return dict(learned=learned, expected=level + kept * learned)


def response(latent, parameters, data):
    """Responses scatter around what training lets expect."""
    return pm.Normal.dist(latent.expected, parameters.noise)


# --------------------------------------------------------------------- what else could hold


def no_learning(model):
    """Feedback teaches nothing; practice may."""
    return model.fix(learning=0.0, time_constant=5.0, transfer_share=1.0)


def any_feedback(model):
    """A sham teaches as much: what looks like learning from feedback is training as such."""

    def step(state, parameters, data):
        return _latents(parameters, data, parameters.learning * _exponential(parameters, data))

    return replace(model, step=step)


def linear_learning(model):
    """Feedback teaches as much in every run: learning is then the change over ten runs."""

    def step(state, parameters, data):
        learned = parameters.learning * data.feedback * data.runs / PRACTICE
        return _latents(parameters, data, learned)

    return replace(model, step=step).with_parameters(without=["time_constant"])


def no_practice(model):
    """Practice without feedback changes nothing."""
    return model.fix(practice=0.0)


def no_transfer(model):
    """What was learned is gone where feedback is."""
    return model.fix(transfer_share=0.0)


def full_transfer(model):
    """What was learned stays as it is without feedback."""
    return model.fix(transfer_share=1.0)

# ------------------------------------------------------------------------- declarations


def _trained(last):
    """Mean response in the last, or the first, quarter of the runs of training."""

    def mean(rows):
        training = rows[rows.transfer < 0.5]
        quarter = training.runs.quantile(0.75 if last else 0.25)
        chosen = training.runs >= quarter if last else training.runs <= quarter
        return training.response[chosen].mean()

    return mean


def _of_group(group, value):
    return lambda table: value(table[table.feedback == group])


def _gain(rows):
    """Last minus first quarter of training."""
    return _trained(last=True)(rows) - _trained(last=False)(rows)


def _transfer(rows):
    """Mean response of transfer runs minus that late in training."""
    return rows.response[rows.transfer > 0.5].mean() - _trained(last=True)(rows)


def _real_minus_sham(table):
    """Gain of those with feedback of their own minus that of the sham group."""
    return _of_group("real", _gain)(table) - _of_group("sham", _gain)(table)


model = em.Model(
    title="feedback of one's own brain teaches to tune its response, run by run",
    step=step,
    latents={
        "learned": "what feedback has taught so far",
        "expected": "response that is expected",
    },
    columns=(
        em.Column("runs", "runs with feedback by then, this one included", range=(0, 1000)),
        em.Column(
            "feedback", "whose signal was fed back", table="participants",
            levels=("sham", "real"), default="real",
        ),
        em.Column("transfer", "1: no feedback is shown; 0: it is", levels=(0, 1), default=0),
    ),
    parameters=(
        em.Parameter(
            "baseline", "response before training", location=(0, 0.5), spread=0.5,
            typical=(-0.5, 0.5), symbol="a",
        ),
        em.Parameter(
            "learning", "what feedback can teach in the end", location=(0.3, 0.5), spread=0.4,
            typical=(-0.2, 1.2), symbol=r"\ell",
        ),
        em.Parameter(
            "time_constant", "runs that bring 63 % of it", location=(1.6, 0.6),
            level="population", support="positive", typical=(2, 12), symbol=r"\tau", unit="runs",
        ),
        em.Parameter(
            "practice", "change over 10 runs whatever is fed back", location=(0, 0.3),
            spread=0.2, typical=(-0.3, 0.3), symbol="p",
        ),
        em.Parameter(
            "transfer_effect", "what a run without feedback changes by itself",
            location=(0, 0.3), level="population", typical=(-0.3, 0.3), symbol="w",
            weighs="transfer",
        ),
        em.Parameter(
            "transfer_share", "share of what was learned that is left without feedback",
            location=(0.5, 0.5), level="population", typical=(0, 1), symbol=r"\kappa",
            weighs="transfer", if_absent=1.0,
        ),
        em.Parameter(
            "noise", "standard deviation between runs", location=(-0.7, 0.5), spread=0.3,
            support="positive", typical=(0.3, 0.8), symbol=r"\sigma",
        ),
    ),
    responses=(
        em.Response("response", response, "what is trained, one number per run; standardised"),
    ),
    correlate=("baseline", "learning"),
    statistics=(
        em.Statistic.mean("response", "mean response"),
        em.Statistic.sd("response", "sd of responses"),
        em.Statistic.between_people("response", "sd of people's means"),
        em.Statistic("gain, real", "response", _of_group("real", _gain)),
        em.Statistic("gain, sham", "response", _of_group("sham", _gain)),
        em.Statistic("gain, real minus sham", "response", _real_minus_sham),
        em.Statistic("transfer, real", "response", _of_group("real", _transfer)),
    ),
    rivals=(
        no_learning, any_feedback, linear_learning, no_practice, no_transfer, full_transfer,
    ),
)
