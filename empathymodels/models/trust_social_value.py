r"""Trust and social value: money is entrusted to partners by what they return, and by who they are.

On every trial an investor chooses between two amounts, the lower :math:`l` and the higher
:math:`h`, for a partner :math:`k`: a friend, a stranger or a computer. What is sent grows, and the
partner returns :math:`g` (1.5, say) for each unit sent, or nothing. The belief :math:`P_k` that
partner :math:`k` returns it is learned (Rescorla-Wagner) from what was shown, and it is shown only
if something was sent:

.. math::

    \delta_t = r_t - P_{k,t}, \qquad P_{k,t+1} = P_{k,t} + \alpha\, \delta_t

with :math:`r_t` 1 for a return and 0 for none, and beliefs that begin at .5. A return from a person
is worth more than its money: its social value :math:`\theta_k` is a share of the money that comes
on top, and a computer has none. Per unit sent, and for the choice,

.. math::

    W_t &= g\, P_{k,t}\, (1 + \theta_k) - 1, \qquad \theta_\text{computer} = 0 \\
    P(\text{choice}_t = h) &= \frac{1}{1 + e^{-\beta (h_t - l_t) W_t - b}}

where :math:`b` is how gladly somebody sends more, to whomever.

Notes
-----
What was published: more is entrusted to a friend than to a stranger or a computer although all
return equally often, and a reward for a friend's return that grows with closeness describes
investments best (2015). Its exact form there is not confirmed here.
What is ours: a social value in proportion to what returns, which does not cancel between two
amounts above 0; the bias; every prior, the hierarchy and the rivals. Without the bias, beliefs
would have to explain that more is sent than money is worth, and could not be learned.
What cannot be told apart: a social value, a belief that starts higher (`prior_trust`) and a plain
preference for a partner (`partner_bias`) all raise what a partner is sent. They differ in how much
the preference changes with what is at stake and with what is learned, and where partners return on
half of the trials, beliefs hardly move: look at `compare` and at the intervals of the learning rate
before any of them is named. A person's inverse temperature, bias and social values trade off, too.
`by_closeness` takes a column `closeness` with one value per person and partner (0 for a computer).
`four_amounts` is for designs in which one of four amounts is chosen: the column `option` has its
position, 0 to 3, `amount_0` to `amount_3` what these are, and the bias goes with the position.
Traps: where nothing was sent `returned` is missing or unused; to simulate whole studies, fill in
what would have come back. Give amounts in a unit of which few are at stake (dollars, not cents):
the prior of the inverse temperature is per unit. A missed choice is a missing value: nothing is
learned from it. Beliefs go on from run to run and start anew with `session` only. Two friends who
both take part depend on each other; the model takes them for independent.

References
----------
Fareri, D. S., Chang, L. J., & Delgado, M. R. (2015). Computational substrates of social value in
interpersonal collaboration. Journal of Neuroscience, 35, 8170-8180.
doi:10.1523/JNEUROSCI.4775-14.2015

Fareri, D. S., Hackett, K., Tepfer, L. J., Kelly, V., Henninger, N., Reeck, C., Giovannetti, T., &
Smith, D. V. (2022). Age-related differences in ventral striatal and default mode network function
during reciprocated trust. NeuroImage, 256, 119267. doi:10.1016/j.neuroimage.2022.119267
"""

from dataclasses import replace

import pytensor.tensor as pt

import empathymodels as em

PARTNERS = ("friend", "stranger", "computer")


def step(state, parameters, data):
    """Choose by the worth of what is sent; update the belief about the partner where shown."""
    return _decided(state, parameters, data, _social_value(parameters, data))


def _social_value(parameters, data):
    values = (parameters.social_value_friend, parameters.social_value_stranger, pt.constant(0.0))
    return em.pick(values, data.partner)


def _decided(state, parameters, data, social_value, *, rate=None):
    """Return next beliefs and latents, for a social value and a rate of each error."""
    sent = pt.where(pt.eq(data.choice, 1), data.high, data.low)
    beliefs, latents = _believed(state, parameters, data, social_value, sent, rate=rate)
    at_stake = data.high - data.low
    utility = parameters.inverse_temperature * at_stake * latents["worth"]
    utility = utility + parameters.bias
    return beliefs, latents | {"utility": utility}


def _believed(state, parameters, data, social_value, sent, *, rate=None):
    belief = em.pick(state.belief, data.partner)
    error = data.returned - belief
    share = parameters.learning_rate if rate is None else rate(error)
    learned = pt.where(pt.gt(sent, 0), belief + share * error, belief)
    worth = data.gain * belief * (1 + social_value) - 1
    latents = {"belief": belief, "prediction_error": error, "worth": worth}
    return {"belief": em.put(state.belief, data.partner, learned)}, latents


def choice(latent, parameters, data):
    """The higher amount is sent the more often the more it is worth to send."""
    return em.Choice.dist(latent.utility)


# --------------------------------------------------------------------- what else could hold

SOCIAL = ("social_value_friend", "social_value_stranger")


def no_social_value(model):
    """Only money counts, whoever returns it."""
    return model.fix(**dict.fromkeys(SOCIAL, 0.0))


def friend_only(model):
    """A friend's return has a social value, a stranger's has none."""
    return model.fix(social_value_stranger=0.0)


def any_person(model):
    """Returns of friend and stranger have the same social value: that of a person's."""

    def step(state, parameters, data):
        is_person = pt.lt(data.partner, PARTNERS.index("computer"))
        return _decided(state, parameters, data, parameters.social_value * is_person)

    meaning = "social value of a person's return"
    return _with_social_value(model, step, meaning)


def by_closeness(model):
    """The social value of a return is in proportion to the closeness of who returns it."""

    def step(state, parameters, data):
        return _decided(state, parameters, data, parameters.social_value * data.closeness)

    closeness = em.Column("closeness", "closeness to the partner, 0 for a computer", range=(0, 10))
    changed = replace(model, columns=(*model.columns, closeness))
    meaning = "social value of a return per unit of closeness"
    return _with_social_value(changed, step, meaning, width=0.2)


def _with_social_value(model, step, meaning, *, width=0.5):
    """Return the model with one social value in place of two."""
    value = replace(
        model.parameter("social_value_friend"), name="social_value", meaning=meaning,
        location=(0, width), spread=width, typical=(0, 1.2 * width), symbol=r"\theta",
    )
    changed = replace(model, step=step, correlate=("inverse_temperature", "bias", "social_value"))
    return changed.with_parameters(value, without=SOCIAL)


def estimated_start(model):
    """What is believed of any partner before the first return is everybody's own."""
    return model.with_parameters(replace(model.parameter("start_belief"), fixed=None))


def prior_trust(model):
    """Partners differ in what is believed of them before the first return, not in social value."""
    start = replace(model.parameter("start_belief"), fixed=None, by="partner")
    return model.with_parameters(start).fix(**dict.fromkeys(SOCIAL, 0.0))


def partner_bias(model):
    """Partners differ in how gladly one sends them more, whatever is at stake and believed."""
    return model.fix(**dict.fromkeys(SOCIAL, 0.0)).split("partner", "bias")


def rates_by_valence(model):
    """Learning differs after better-than-believed and worse-than-believed returns."""

    def step(state, parameters, data):
        def rate(error):
            better, worse = parameters.learning_rate_better, parameters.learning_rate_worse
            return pt.where(pt.gt(error, 0), better, worse)

        return _decided(state, parameters, data, _social_value(parameters, data), rate=rate)

    rate = model.parameter("learning_rate")
    rates = [
        replace(rate, name=f"{rate.name}_{name}", meaning=f"{rate.meaning}, after {name} returns")
        for name in ("better", "worse")
    ]
    return replace(model, step=step).with_parameters(*rates, without=["learning_rate"])


def forgetting(model):
    """Beliefs about those who are not met return to where they began."""

    def step(state, parameters, data):
        following, latents = model.step(state, parameters, data)
        back = tuple(
            pt.where(
                pt.eq(data.partner, k),
                following["belief"][k],
                belief + parameters.forgetting * (parameters.start_belief - belief),
            )
            for k, belief in enumerate(state.belief)
        )
        return {"belief": back}, latents

    share = em.Parameter(
        "forgetting", "share of the way back, per trial with somebody else", location=(-3, 1),
        spread=0.5, support="unit", typical=(0.01, 0.2), symbol=r"\phi",
    )
    return replace(model, step=step).with_parameters(share)


def no_learning(model):
    """Beliefs stay what they were before the first return."""
    return model.fix(learning_rate=0.0)


def four_amounts(model):
    """One of four amounts is chosen, by what each is worth."""

    def step(state, parameters, data):
        sent = em.pick(_amounts(data), data.option)
        social_value = _social_value(parameters, data)
        beliefs, latents = _believed(state, parameters, data, social_value, sent)
        return beliefs, latents | {"utility": parameters.inverse_temperature * latents["worth"]}

    def option(latent, parameters, data):
        utilities = [latent.utility * amount for amount in _amounts(data)]
        gladly = [k * parameters.bias for k in range(len(utilities))]
        return em.SoftmaxChoice.dist([u + b for u, b in zip(utilities, gladly, strict=True)])

    amounts = [
        em.Column(f"amount_{k}", f"amount of option {k}", default=float(amount))
        for k, amount in enumerate((0, 2, 4, 8))
    ]
    kept = [column for column in model.columns if column.name not in ("low", "high")]
    meaning = "position of the amount chosen among those offered"
    return replace(
        model,
        step=step,
        columns=(*kept, *amounts),
        responses=(em.Response("option", option, meaning, levels=(0, 1, 2, 3)),),
        latents=model.latents | {"utility": "log odds of sending one unit more"},
        statistics=tuple(
            em.Statistic(f"option chosen for a {who}", "option", _mean_of("option", who))
            for who in PARTNERS
        ),
    )


def _amounts(data):
    return (data.amount_0, data.amount_1, data.amount_2, data.amount_3)


# ------------------------------------------------------------------------- declarations


def _mean_of(response, partner):
    return lambda table: table[response][table.partner == partner].mean()


def _after(returned):
    """Share of higher amounts sent after a partner's last return, or failure to.

    What the table says was returned, whatever the choices that are predicted: these follow what
    was seen. It counts where nothing was sent, too, if a study fills it in there.
    """

    def share(table):
        keys = [key for key in ("participant", "session", "partner") if key in table]
        before = table["returned"].groupby([table[key] for key in keys], observed=True).ffill()
        last = before.groupby([table[key] for key in keys], observed=True).shift()
        return table.choice[last == returned].mean()

    return share


model = em.Model(
    step=step,
    states=(
        em.State("belief", "start_belief", over="partner", meaning="that the partner returns"),
    ),
    latents={
        "belief": "believed probability that this partner returns, before the choice",
        "prediction_error": "return (1, else 0) minus belief",
        "worth": "worth of sending one unit to this partner",
        "utility": "log odds of sending the higher amount",
    },
    columns=(
        em.Column("partner", "who is trusted", levels=PARTNERS),
        em.Column("low", "lower amount offered", unit="money"),
        em.Column("high", "higher amount offered", unit="money"),
        em.Column("returned", "1: something came back; 0: nothing", levels=(0, 1)),
        em.Column("gain", "what comes back for one unit sent", default=1.5),
    ),
    parameters=(
        em.Parameter(
            "learning_rate", "share of the prediction error that changes the belief",
            location=(-1.5, 1), spread=0.75, support="unit", typical=(0.04, 0.5), symbol=r"\alpha",
        ),
        em.Parameter(
            "inverse_temperature", "how strongly worth decides, per unit of money",
            location=(-0.5, 0.75), spread=0.5, support="positive", typical=(0.2, 2),
            symbol=r"\beta",
        ),
        em.Parameter(
            "start_belief", "believed probability of a return before the first",
            location=(0, 0.75), spread=0.75, support="unit", typical=(0.3, 0.8), symbol="P_1",
            fixed=0.5,
        ),
        em.Parameter(
            "bias", "log odds of sending more, beside what it is worth", location=(0, 1),
            spread=0.75, typical=(-1, 1.5), symbol="b",
        ),
        *(
            em.Parameter(
                f"social_value_{who}", f"what a {who}'s return is worth beside its money",
                location=(0, 0.5), spread=0.5, typical=(0, 1),
                symbol=rf"\theta_\text{{{who}}}", unit="share of the money returned",
                motive="approach",
            )
            for who in ("friend", "stranger")
        ),
    ),
    responses=(
        em.Response("choice", choice, "1: the higher amount is sent; 0: the lower", levels=(0, 1)),
    ),
    sequence=("session",),
    correlate=("inverse_temperature", "bias", *SOCIAL),
    statistics=(
        *(
            em.Statistic(f"higher amounts to a {who}", "choice", _mean_of("choice", who))
            for who in PARTNERS
        ),
        em.Statistic("higher amounts after a return", "choice", _after(1)),
        em.Statistic("higher amounts after none", "choice", _after(0)),
        em.Statistic.between_people("choice", "sd of people's shares of higher amounts"),
    ),
    rivals=(
        no_social_value, friend_only, any_person, by_closeness, estimated_start, prior_trust,
        partner_bias, rates_by_valence, forgetting, no_learning, four_amounts,
    ),
)
