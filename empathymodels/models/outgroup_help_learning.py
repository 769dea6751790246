r"""Out-group help learning: help from an out-group member updates empathy.

A participant expects help from a partner, sees on every trial whether the partner helps, and
learns from the surprise (Rescorla-Wagner):

.. math::

    \delta_t = \lambda_t - V_t, \qquad V_{t+1} = V_t + \alpha \delta_t

with the outcome :math:`\lambda_t` coded +1 (helped) and -1 (did not). The expectation shows in
trial-wise feelings toward the partner, the prediction error in the anterior insula:

.. math::

    \text{feeling}_t &\sim \text{Normal}(a + k V_t,\; s) \\
    \text{insula}_t &\sim \text{StudentT}(\nu,\; c + d\,\delta_t,\; \sqrt{s_I^2 + se_t^2})

Empathy toward *another* member of the partner's group is measured before and after, as two noisy
looks at one level that learning may have shifted:

.. math::

    \text{before} &\sim \text{Normal}(E, m) \\
    \text{after} &\sim \text{Normal}(E + \tau + \gamma_V (V_{end} - V_1)
                     + \gamma_I\, d\, \overline{|\delta|},\; m)

Notes
-----
What was published: help from an out-group member evokes a prediction error in the anterior
insula, and that signal predicts a later rise of empathy for a different out-group member (2016).
The companion paper from the same scanning session (2018, pain relief) used this Rescorla-Wagner
learner for its fMRI regressors with the learning rate held at 0.3 and compared no rivals; how the
2016 paper set its learning rate is not confirmed.
What is ours: estimating the learning rate, the hierarchy, the joint likelihood of feelings,
insula and empathy, every prior, and all rivals.
What the model says of the insula and the change of empathy: the second follows a person's insula
response to prediction errors (`insula_error`) times the mean surprise. It does not read recorded
betas; the path from outcomes goes by `prediction_error` and `mean_surprise` (em.path_effects).
A study with other measures of people is entered as it was published: impressions of each group
before and after, relief, one anterior-insula effect per person, each in its own range. Leave out
what it lacks and add what it has (columns of the table of participants):
``model.without("insula", "empathy_before", "empathy_after")``, then
``.with_outcome("impression", before="impression_before", on=["value_change", "insula_error"],
by="partner_group", range=(5, 35))``, ``.with_outcome("relief", on=["value_change"],
range=(0, 10))`` and ``.with_outcome("insula_effect", measures="insula_error")``. Without known
errors (`insula_effect_se`) one effect per person tells error and spread between people by their
priors alone.
Traps: with 20 trials learning rate and start value trade off. Outcomes coded -1 and 1 put the
asymptote at 0.5 under 75 % help. Within help trials (and within no-help trials) value and
prediction error are perfectly negatively related, so an insula effect of one is told from an
effect of the other through the difference between outcomes only. Priors of insula parameters
assume betas z-scored within the region.

References
----------
Hein, G., Engelmann, J. B., Vollberg, M. C., & Tobler, P. N. (2016). How learning shapes the
empathic brain. PNAS, 113, 80-85. doi:10.1073/pnas.1514539112

Hein, G., Engelmann, J. B., & Tobler, P. N. (2018). Pain relief provided by an outgroup member
enhances analgesia. Proc R Soc B, 285, 20180501. doi:10.1098/rspb.2018.0501
"""

from dataclasses import replace

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Update the expected help by a share of the prediction error."""
    prediction_error = data.outcome - state.value
    value = state.value + parameters.learning_rate * prediction_error
    return dict(value=value), dict(value=state.value, prediction_error=prediction_error)


def feeling(latent, parameters, data):
    """Feeling toward the partner follows the expected help."""
    location = parameters.baseline + parameters.sensitivity * latent.value
    return pm.Normal.dist(location, parameters.feeling_noise)


def insula(latent, parameters, data):
    """Anterior-insula beta of the trial follows the prediction error."""
    location = parameters.insula_baseline + parameters.insula_error * latent.prediction_error
    scale = em.measured(data.se, parameters.insula_noise)
    return pm.StudentT.dist(nu=parameters.insula_tails, mu=location, sigma=scale)


def empathy_before(latent, parameters, data):
    """First look at the empathy for another member of the partner's group."""
    return pm.Normal.dist(parameters.empathy, parameters.empathy_noise)


def empathy_after(latent, parameters, data):
    """Second look, shifted by what was learned and by the insula's prediction-error response."""
    shift = (
        parameters.empathy_shift
        + parameters.generalisation * latent.value_change
        + parameters.insula_link * parameters.insula_error * latent.mean_surprise
    )
    return pm.Normal.dist(parameters.empathy + shift, parameters.empathy_noise)


def no_learning(model):
    """Nothing is learned: feelings do not follow help, the insula sees outcomes only."""
    # with a constant value, its start, its slope and its generalisation have no effect to show
    return model.fix(learning_rate=0.0, start_value=0.0, sensitivity=0.0, generalisation=0.0)


def separate_rates(model):
    """Learning differs after better-than-expected and worse-than-expected outcomes."""

    def step(state, parameters, data):
        prediction_error = data.outcome - state.value
        rate = pt.where(
            pt.gt(prediction_error, 0),
            parameters.learning_rate_positive,
            parameters.learning_rate_negative,
        )
        latents = dict(value=state.value, prediction_error=prediction_error)
        return dict(value=state.value + rate * prediction_error), latents

    rate = model.parameter("learning_rate")
    rates = [
        replace(rate, name=f"learning_rate_{sign}", meaning=f"{rate.meaning}, after {sign} errors")
        for sign in ("positive", "negative")
    ]
    covariates = dict(model.covariates)
    formula = covariates.pop("learning_rate", "")
    if formula:
        covariates |= {r.name: formula for r in rates}
    model = replace(
        model,
        step=step,
        correlate=(*(r.name for r in rates), "sensitivity", "insula_error"),
        covariates=covariates,
    )
    return model.with_parameters(*rates, without=["learning_rate"])


def hybrid_pearce_hall(model):
    """The learning rate follows recent surprise (associability), as in fear learning."""

    def step(state, parameters, data):
        prediction_error = data.outcome - state.value
        rate = parameters.learning_rate * state.associability
        associability = (
            parameters.associability_rate * pt.abs(prediction_error) / 2
            + (1 - parameters.associability_rate) * state.associability
        )
        latents = dict(value=state.value, prediction_error=prediction_error)
        value = state.value + rate * prediction_error
        return dict(value=value, associability=associability), latents

    associability_rate = em.Parameter(
        "associability_rate", "weight of the latest surprise in the associability",
        location=(0, 1), spread=0.5, support="unit", typical=(0.1, 0.9), symbol=r"\eta",
    )
    associability = em.State("associability", 1.0, meaning="recent unsigned surprise, 0 to 1")
    first, *others = model.parameters
    return replace(
        model,
        step=step,
        states=(*model.states, associability),
        parameters=(first, associability_rate, *others),
    )


def individual_only(model):
    """What is learned stays with the partner: value change does not reach the group."""
    return model.fix(generalisation=0.0)


def no_empathy_link(model):
    """Empathy is unrelated to learning, so that it cannot inform the learning rate."""
    return model.fix(generalisation=0.0, insula_link=0.0)


def prior_difference(model):
    """In- and out-group partners differ in the help expected at first, not in learning."""
    return replace(model, covariates={"start_value": "partner_group"})


def learning_rate_difference(model):
    """In- and out-group partners differ in the learning rate, not in the first expectation."""
    return replace(model, covariates={"learning_rate": "partner_group"})


def _learning_curve(table):
    """Mean feeling in the last third of trials minus the first third."""
    position = table.groupby("participant")["trial"].rank(pct=True)
    return table.feeling[position > 2 / 3].mean() - table.feeling[position <= 1 / 3].mean()


def _after_help(table):
    """Mean feeling on trials that follow help minus those that follow no help."""
    parts = [key for key in ("participant", "session", "block") if key in table]
    previous = table.groupby(parts)["outcome"].shift()
    return table.feeling[previous > 0].mean() - table.feeling[previous < 0].mean()


def _insula_contrast(table):
    """Mean insula beta on trials with help minus trials without."""
    return table.insula[table.outcome > 0].mean() - table.insula[table.outcome < 0].mean()


model = em.Model(
    title="help from an out-group member updates feelings, insula and empathy",
    step=step,
    states=(em.State("value", "start_value", meaning="help expected from the partner's group"),),
    latents={
        "value": "help expected before the outcome, -1 to 1",
        "prediction_error": "outcome minus expected help",
    },
    summaries=(
        em.Summary("value_change", of="value", kind="change"),
        em.Summary("mean_surprise", of="prediction_error", kind="mean_absolute"),
    ),
    sequence=("session", "block"),
    columns=(
        em.Column("outcome", "1: the partner helped; -1: did not help", levels=(-1, 1)),
        em.Column(
            "partner_group", "group of the partner who may help", table="participants",
            levels=("in", "out"),
        ),
        em.Column(
            "se", "known standard error of the insula beta", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=(
        em.Parameter(
            "learning_rate", "share of the prediction error that changes the expectation",
            location=(-1.5, 1), spread=0.75, support="unit", typical=(0.05, 0.7), symbol=r"\alpha",
        ),
        em.Parameter(
            "start_value", "help expected before the first trial",
            location=(0, 0.4), spread=0.3, typical=(-0.6, 0.6), symbol="V_1",
        ),
        em.Parameter(
            "baseline", "feeling where neither help nor its absence is expected",
            location=(0.5, 0.2), spread=0.15, scale_of="feeling", role="location",
            typical=(0.3, 0.7), symbol="a",
        ),
        em.Parameter(
            "sensitivity", "change in feeling per unit of expected help",
            location=(-1.2, 0.7), spread=0.5, support="positive", scale_of="feeling",
            typical=(0.1, 0.6), symbol="k",
        ),
        em.Parameter(
            "feeling_noise", "standard deviation of feelings around their expectation",
            location=(-2, 0.5), spread=0.3, support="positive", scale_of="feeling",
            typical=(0.06, 0.25), symbol="s",
        ),
        em.Parameter(
            "insula_baseline", "insula beta where the outcome is expected",
            location=(0, 0.5), spread=0.5, typical=(-0.8, 0.8), symbol="c",
        ),
        em.Parameter(
            "insula_error", "change in insula beta per unit of prediction error",
            location=(0, 0.5), spread=0.3, typical=(-0.5, 0.8), symbol="d",
        ),
        em.Parameter(
            "insula_noise", "scale of insula betas around their expectation",
            location=(-0.3, 0.5), level="population", support="positive", typical=(0.4, 1.2),
            symbol="s_I",
        ),
        em.Parameter(
            "insula_tails", "degrees of freedom of the insula betas (few: outliers)",
            location=(2.7, 0.7), level="population", support="positive", typical=(5, 40),
            symbol=r"\nu",
        ),
        em.Parameter(
            "empathy", "empathy for another member of the group before learning",
            location=(0.5, 0.25), spread=0.2, scale_of="empathy_after", role="location",
            typical=(0.3, 0.7), symbol="E",
        ),
        em.Parameter(
            "empathy_shift", "change in empathy that learning does not explain",
            location=(0, 0.1), level="population", scale_of="empathy_after", typical=(-0.1, 0.1),
            symbol=r"\tau",
        ),
        em.Parameter(
            "generalisation", "change in empathy per unit of change in expected help",
            location=(0, 0.15), level="population", scale_of="empathy_after", typical=(-0.2, 0.3),
            symbol=r"\gamma_V",
        ),
        em.Parameter(
            "insula_link", "change in empathy per unit of insula response to mean surprise",
            location=(0, 0.25), level="population", scale_of="empathy_after", typical=(-0.3, 0.4),
            symbol=r"\gamma_I",
        ),
        em.Parameter(
            "empathy_noise", "standard deviation of one empathy measurement",
            location=(-2.3, 0.4), level="population", support="positive", scale_of="empathy_after",
            typical=(0.05, 0.2), symbol="m",
        ),
    ),
    responses=(
        em.Response("feeling", feeling, "feeling toward the partner", range=(1, 9), unit="rating"),
        em.Response(
            "insula", insula, "anterior-insula beta of the trial, z-scored", table="regions",
            region="AI", unit="z",
        ),
        em.Response(
            "empathy_before", empathy_before, "empathy for another group member, before learning",
            table="participants", range=(1, 9), unit="rating",
        ),
        em.Response(
            "empathy_after", empathy_after, "empathy for another group member, after learning",
            table="participants", range=(1, 9), unit="rating",
        ),
    ),
    correlate=("learning_rate", "sensitivity", "insula_error"),
    covariates={"learning_rate": "partner_group", "start_value": "partner_group"},
    statistics=(
        em.Statistic.mean("feeling"),
        em.Statistic.sd("feeling", "sd of feelings"),
        em.Statistic("feeling, late minus early", "feeling", _learning_curve),
        em.Statistic("feeling after help minus no help", "feeling", _after_help),
        em.Statistic("insula, help minus no help", "insula", _insula_contrast),
        em.Statistic.sd("insula", "sd of insula betas"),
        em.Statistic.mean("empathy_after", "mean empathy after"),
        em.Statistic.sd("empathy_after", "sd of empathy after"),
    ),
    rivals=(
        no_learning, separate_rates, hybrid_pearce_hall, individual_only, no_empathy_link,
        prior_difference, learning_rate_difference, em.plain_normal,
    ),
)
