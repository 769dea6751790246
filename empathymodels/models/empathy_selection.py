r"""Empathy selection: whether to empathise is chosen, and empathy is avoided where it is hard work.

On every trial a participant chooses between empathising and something else (describing the
person, say). Empathy is worth less the more effortful and the more aversive it seems, and more the
more one thinks to be good at it. For participant :math:`s`, with appraisals (standardised) and the
share :math:`\tau_t` of the session that is gone,

.. math::

    U_{s,t} &= b_s + d_s\, \tau_t
        + w_e\, \text{effort}_{s,t} + w_a\, \text{aversion}_{s,t} + w_f\, \text{efficacy}_{s,t} \\
        &\quad + m\, \text{manipulation}_{s,t} + c\, \text{closeness}_{s,t} \\
    P(\text{engage}_t) &= \text{logit}^{-1}(U_{s,t})

People are nested in studies: readiness in study :math:`j` lies around a mean of its own,

.. math::

    b_s \sim \text{Normal}(\mu_b + v_{j(s)},\; \sigma_b)

with :math:`v = 0` for one of them. In words of the package, the study is a covariate of
readiness: a column of the table `participants`.

The rival `discounting` is for choices in which money is offered for empathising: with the offer
:math:`x_t` and the weight :math:`\mu_s > 0` of money,

.. math::

    P(\text{engage}_t) = \text{logit}^{-1}(U_{s,t} + \mu_s\, x_t), \qquad
    \text{price}_{s,t} = -\frac{U_{s,t}}{\mu_s}

The price is the offer at which empathy is chosen as often as not: above 0 it must be paid for.

Notes
-----
What was published: in 11 studies (1,204 participants) and their meta-analysis people preferred to
avoid empathy; avoidance went with empathy seeming more effortful, more aversive and less
efficacious, and raising efficacy removed it (2019).
What is ours: the utility on single trials, studies as a covariate of readiness, the price, every
prior and every rival. Signs are not assumed. An earlier preprint of the same authors has an empathy
discounting paradigm; its equations are not confirmed here.
Appraisals may be rated once per participant (the same number in all of the person's rows) or on
every trial; what the study does not have is left out. It is a special case of `motivated_empathy`
with weights that all participants share, and with studies.
Traps: a rating made once per participant explains differences between people, which readiness
explains as well: `compare`, which asks about the same people's trials, hardly sees it; its weight
is the answer. A rating made on every trial differs between people and within them, and one weight
serves both: to ask about situations alone, subtract every participant's mean. Where efficacy is
rated after it was raised, part of the manipulation acts through the rating, and
`manipulation_effect` is what is left: without the column `efficacy` it is all of it. Studies are
a covariate, `readiness ~ study`: give `study` in the table of participants, once per person. How
much two studies differ is em.contrast(fit, "readiness", {"study": "one"}, {"study": "two"}); what
is expected of a study that the fit has not seen is not inferred. Other covariates come beside
it: covariates={"readiness": "study + age"}.
Prices divide by the weight of money: where that is not known to be well above 0 they have long
tails, so report medians and intervals. The prior of `money_weight` expects offers of a few units
at most: give money in dollars rather than cents.

References
----------
Cameron, C. D., Hutcherson, C. A., Ferguson, A. M., Scheffer, J. A., Hadjiandreou, E., & Inzlicht,
M. (2019). Empathy is hard work: People choose to avoid empathy because of its cognitive costs.
Journal of Experimental Psychology: General, 148, 962-976. doi:10.1037/xge0000595

Zaki, J. (2014). Empathy: a motivated account. Psychological Bulletin, 140, 1608-1647.
doi:10.1037/a0037679
"""

from dataclasses import replace

import empathymodels as em

APPRAISALS = {
    "effort": "how much effort empathising seems to take",
    "aversion": "how unpleasant empathising seems",
    "efficacy": "how good one thinks one is at empathising",
}
WEIGHTS = tuple(f"{name}_weight" for name in APPRAISALS)
SITUATION = ("manipulation_effect", "closeness_weight")


def step(state, parameters, data):
    """Utility of empathising."""
    return dict(utility=_utility(parameters, data))


def _utility(parameters, data):
    appraised = sum(
        getattr(parameters, f"{name}_weight") * getattr(data, name) for name in APPRAISALS
    )
    situation = parameters.manipulation_effect * data.efficacy_manipulation
    situation = situation + parameters.closeness_weight * data.closeness
    own = parameters.readiness + parameters.exhaustion * data.time
    return own + appraised + situation


def engage(latent, parameters, data):
    """Empathy is chosen the more often the higher its utility."""
    return em.Choice.dist(latent.utility)


# --------------------------------------------------------------------- what else could hold


def intercept_only(model):
    """People and studies differ; appraisals, situations and time do not matter."""
    return _without(model, *WEIGHTS, *SITUATION, "exhaustion")


def no_appraisals(model):
    """How effortful, aversive and efficacious empathy seems does not matter."""
    return _without(model, *WEIGHTS)


def appraisals_only(model):
    """Appraisals are all there is: no manipulation, no closeness, no exhaustion."""
    return _without(model, *SITUATION, "exhaustion")


def no_manipulation(model):
    """Raising efficacy does nothing beyond what the appraisals say."""
    return _without(model, "manipulation_effect")


def no_exhaustion(model):
    """Readiness does not change over the session."""
    return _without(model, "exhaustion")


def no_studies(model):
    """Studies differ only by their people."""
    return replace(model, covariates={})


def _without(model, *names):
    return model.fix(**dict.fromkeys(names, 0.0))


def own_weights(model):
    """Everybody weighs appraisals and closeness in a way of their own."""
    weights = [model.parameter(name) for name in (*WEIGHTS, "closeness_weight")]
    return model.with_parameters(*(replace(p, level="participant", spread=0.3) for p in weights))


def discounting(model):
    """Empathy has a price: money offered for it adds to its utility."""

    def step(state, parameters, data):
        unpaid = _utility(parameters, data)
        price = -unpaid / parameters.money_weight
        return dict(price=price, utility=unpaid + parameters.money_weight * data.money)

    money = em.Column(
        "money", "money offered for empathising, minus that for the alternative", range=(-1e4, 1e4),
        unit="units",
    )
    weight = em.Parameter(
        "money_weight", "change in utility per unit of money",
        location=(0, 1), spread=0.5, typical=(0.3, 3), symbol=r"\mu", support="positive",
    )
    return replace(
        model,
        step=step,
        latents={"price": "offer at which empathy is as good as the alternative"} | model.latents,
        columns=(*model.columns, money),
        parameters=(*model.parameters, weight),
    )


# ------------------------------------------------------------------------- declarations


def _shared(name, meaning, typical, symbol, weighs, motive=None):
    return em.Parameter(
        name, meaning,
        location=(0, 0.75), level="population", typical=typical, symbol=symbol, weighs=weighs,
        motive=motive,
    )


def _appraisal(name, typical, symbol, motive):
    return _shared(f"{name}_weight", f"utility per sd of {name}", typical, symbol, name, motive)


def _difference(column):
    """Share of engaging above the middle of a column minus the share below."""

    def difference(table):
        if column not in table:
            return float("nan")
        middle = (table[column].min() + table[column].max()) / 2
        high, low = table[column] > middle, table[column] < middle
        return table.engage[high].mean() - table.engage[low].mean()

    return difference


def _spread(key):
    """Standard deviation of the share of engaging between participants, or between studies."""

    def spread(table):
        return table.groupby(key)["engage"].mean().std() if key in table else float("nan")

    return spread


model = em.Model(
    title="whether to empathise is chosen by how effortful, aversive and efficacious empathy seems",
    step=step,
    latents={"utility": "utility of empathising, in log odds of choosing it"},
    columns=(
        *(
            em.Column(name, f"{meaning}, standardised", unit="sd", default=0.0)
            for name, meaning in APPRAISALS.items()
        ),
        em.Column(
            "efficacy_manipulation", "1: efficacy was raised by the experimenter; 0: not",
            levels=(0, 1), default=0.0,
        ),
        em.Column(
            "closeness",
            "closeness to the target: standardised, or 0 (a stranger) and 1 (a loved one)",
            default=0.0,
        ),
        em.Column(
            "time", "share of the session that is gone, from -0.5 to 0.5", range=(-1, 1),
            default=0.0,
        ),
        em.Column(
            "study", "study that the participant took part in", table="participants", levels="any",
        ),
    ),
    parameters=(
        em.Parameter(
            "readiness", "utility where everything else is at 0",
            location=(0, 1), spread=1, typical=(-2, 1), symbol="b", effect=0.7,
        ),
        em.Parameter(
            "exhaustion", "change of utility from the first to the last trial",
            location=(0, 0.5), spread=0.5, typical=(-1, 0.3), symbol="d", weighs="time",
        ),
        _appraisal("effort", (-0.8, 0.2), "w_e", "avoidance"),
        _appraisal("aversion", (-0.8, 0.2), "w_a", "avoidance"),
        _appraisal("efficacy", (-0.2, 0.8), "w_f", "approach"),
        _shared(
            "manipulation_effect", "utility where efficacy was raised minus where it was not",
            (-0.2, 1), "m", "efficacy_manipulation",
        ),
        _shared(
            "closeness_weight", "utility per unit of closeness", (-0.2, 1.5), "c", "closeness",
            "approach",
        ),
    ),
    responses=(
        em.Response("engage", engage, "1: chose to empathise; 0: the alternative", levels=(0, 1)),
    ),
    covariates={"readiness": "study"},
    statistics=(
        em.Statistic.mean("engage", "share of engaging"),
        em.Statistic("sd of people's engaging", "engage", _spread("participant")),
        em.Statistic("sd of studies' engaging", "engage", _spread("study")),
        em.Statistic("engaging, high minus low effort", "engage", _difference("effort")),
        em.Statistic("engaging, high minus low aversion", "engage", _difference("aversion")),
        em.Statistic("engaging, high minus low efficacy", "engage", _difference("efficacy")),
        em.Statistic(
            "engaging, efficacy raised minus not", "engage", _difference("efficacy_manipulation"),
        ),
        em.Statistic("engaging, late minus early", "engage", _difference("time")),
    ),
    rivals=(
        intercept_only, no_appraisals, appraisals_only, no_manipulation, no_exhaustion, no_studies,
        own_weights, discounting,
    ),
)
