r"""Cue expectation learning: what a cue leads one to expect colours the pain one perceives.

Before each stimulus a cue suggests how strong the pain (one's own, or another person's) will be.
The percept mixes the stimulus with the expectation that goes with the cue, and the expectation
moves toward the percept:

.. math::

    P_t &= (1 - w) N_{stimulus} + w E_{cue,t} \\
    \delta_t &= P_t - E_{cue,t}, \qquad E_{cue,t+1} = E_{cue,t} + \alpha \delta_t

The expectation of the cue that was not shown stays. Both are rated:

.. math::

    \text{expectation rating}_t \sim \text{Normal}(E_{cue,t}, s_E), \qquad
    \text{outcome rating}_t \sim \text{Normal}(P_t, s_O)

Notes
-----
The equations are those of the modelling scripts of the Spacetop cue task (model 1), whose paper
is not confirmed here; the idea that expectations learn from the person's own percept is that of
the reference. The scripts plug in two things computed from the very ratings they then score: the
mean rating per stimulus and the first rating as start value. Here both are parameters. The noises
have a population, so that nobody's (someone with two alike ratings, say) can collapse to zero.
Start expectations and stimulus intensities lie between the ends of the scale: without bounds a
person whose percept is nearly all expectation could have any stimulus intensity.
Traps: ratings are bounded and often pile up near zero, which a normal distribution cannot show
(see the share at 0 in the checks). The person learns from the own percept, so a learning rate of
zero is a plausible answer; with one near zero the start value is all there is.

References
----------
Jepma, M., Koban, L., van Doorn, J., Jones, M., & Wager, T. D. (2018). Behavioural and neural
evidence for self-reinforcing expectancy effects on pain. Nature Human Behaviour, 2, 838-855.
doi:10.1038/s41562-018-0455-8
"""

from dataclasses import replace

import pymc as pm

import empathymodels as em


def step(state, parameters, data):
    """Perceive a mixture of stimulus and expectation; move the expectation toward it."""
    expectation = em.pick(state.expectation, data.cue)
    weight = parameters.expectation_weight
    percept = (1 - weight) * parameters.stimulus_intensity + weight * expectation
    prediction_error = percept - expectation
    updated = expectation + parameters.learning_rate * prediction_error
    latents = dict(expectation=expectation, percept=percept, prediction_error=prediction_error)
    return dict(expectation=em.put(state.expectation, data.cue, updated)), latents


def expectation_rating(latent, parameters, data):
    """Rated expectation scatters around the expectation that goes with the cue."""
    return pm.Normal.dist(latent.expectation, parameters.expectation_noise)


def outcome_rating(latent, parameters, data):
    """Rated experience scatters around the percept."""
    return pm.Normal.dist(latent.percept, parameters.outcome_noise)


def no_learning(model):
    """Expectations of the cues differ but never change."""
    return model.fix(learning_rate=0.0)


def no_expectation_effect(model):
    """The percept is the stimulus alone."""
    return model.fix(expectation_weight=0.0)


def first_rating_start(model):
    """Expectations start at the first rating after each cue, which is then not scored."""
    start = em.FirstResponse("expectation_rating", scored=False)
    model = replace(model, states=(replace(model.states[0], start=start),))
    return model.with_parameters(without=["start_expectation"])


def _cue_effect(response):
    """Mean rating after the last cue label minus the first."""

    def difference(table):
        means = table.groupby("cue")[response].mean().sort_index()
        return means.iloc[-1] - means.iloc[0]

    return difference


def _stimulus_spread(table):
    """Largest minus smallest mean outcome rating of the stimuli."""
    means = table.groupby("stimulus").outcome_rating.mean()
    return means.max() - means.min()


model = em.Model(
    title="expectations of one's own or another's pain, learned from cues",
    step=step,
    states=(
        em.State(
            "expectation", "start_expectation", over="cue", meaning="pain expected after each cue",
        ),
    ),
    latents={
        "expectation": "pain expected after the cue shown",
        "percept": "pain perceived: stimulus and expectation mixed",
        "prediction_error": "percept minus expectation",
    },
    sequence=(),
    columns=(
        em.Column("cue", "label of the cue before the stimulus", levels="any"),
        em.Column("stimulus", "label of the stimulus intensity", levels="any"),
    ),
    parameters=(
        em.Parameter(
            "learning_rate", "share of the prediction error that changes the expectation",
            location=(-2, 1.5), spread=1, support="unit", typical=(0.02, 0.6), symbol=r"\alpha",
        ),
        em.Parameter(
            "expectation_weight", "weight of the expectation in the percept",
            location=(-1.5, 1), spread=0.75, support="unit", typical=(0.05, 0.6), symbol="w",
        ),
        em.Parameter(
            "start_expectation", "pain expected after a cue at first",
            location=(-1, 1.5), spread=0.75, support="unit", by="cue",
            scale_of="expectation_rating", role="location", typical=(0.1, 0.6), symbol="E_1",
        ),
        em.Parameter(
            "stimulus_intensity", "pain that the stimulus alone would cause",
            location=(-1, 1.5), spread=0.75, support="unit", by="stimulus",
            scale_of="outcome_rating", role="location", typical=(0.1, 0.6), symbol="N",
        ),
        em.Parameter(
            "expectation_noise", "standard deviation of expectation ratings",
            location=(-2.2, 0.5), spread=0.4, support="positive", scale_of="expectation_rating",
            typical=(0.05, 0.2), symbol="s_E",
        ),
        em.Parameter(
            "outcome_noise", "standard deviation of outcome ratings",
            location=(-2.2, 0.5), spread=0.4, support="positive", scale_of="outcome_rating",
            typical=(0.05, 0.2), symbol="s_O",
        ),
    ),
    responses=(
        em.Response(
            "expectation_rating", expectation_rating, "pain expected after the cue", range=(0, 180),
            unit="degrees",
        ),
        em.Response(
            "outcome_rating", outcome_rating, "pain experienced or seen", range=(0, 180),
            unit="degrees",
        ),
    ),
    statistics=(
        em.Statistic.mean("expectation_rating", "mean expectation"),
        em.Statistic.sd("expectation_rating", "sd of expectations"),
        em.Statistic(
            "cue effect, expectation", "expectation_rating", _cue_effect("expectation_rating"),
        ),
        em.Statistic.mean("outcome_rating", "mean outcome"),
        em.Statistic.sd("outcome_rating", "sd of outcomes"),
        em.Statistic("cue effect, outcome", "outcome_rating", _cue_effect("outcome_rating")),
        em.Statistic("stimulus effect, outcome", "outcome_rating", _stimulus_spread),
        em.Statistic(
            "share of outcomes at or below 0", "outcome_rating",
            lambda t: (t.outcome_rating <= 0).mean(),
        ),
    ),
    rivals=(no_learning, no_expectation_effect, first_rating_start, em.plain_normal),
)
