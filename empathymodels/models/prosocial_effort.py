r"""Prosocial effort: the value of a reward for oneself or another falls with the effort it costs.

On every trial a participant works (effort :math:`E` for reward :math:`R`, which goes to oneself
or to somebody else) or rests (for a small reward that costs nothing, the baseline :math:`B`).
Effort is discounted with its square, at a rate of its own for each recipient:

.. math::

    V_t = R_t - k_{\text{recipient}}\, E_t^2, \qquad
    P(\text{work}_t) = \frac{1}{1 + e^{-\beta_{\text{recipient}} (V_t - B)}}

The motive to help shows in :math:`k`: the larger it is for another person compared to oneself,
the less effort one puts in for others.

Notes
-----
What was published: the parabolic discount with a rate per recipient; the lesion study (2024) also
lets the inverse temperature differ by recipient, and its two linear and hyperbolic counterparts
are among its rivals. There, parameters were bounded and fitted by expectation maximisation.
What is ours: the positive (unbounded) supports, every prior, sampling the whole hierarchy, and the
rivals with lapses and with a reward that bends.
Traps: who accepts everything has a discount near zero and an inverse temperature that nothing
informs, so that both lean on the population. Discounts depend on the units of reward and
effort: the priors expect levels between about 1 and 10. Missed trials are missing values, not a
third choice.

References
----------
Lockwood, P. L., Hamonet, M., Zhang, S. H., Ratnavel, A., Salmony, F. U., Husain, M., & Apps, M. A.
J. (2017). Prosocial apathy for helping others when effort is required. Nature Human Behaviour, 1,
0131. doi:10.1038/s41562-017-0131

Lockwood, P. L., Cutler, J., Drew, D., Abdurahman, A., Jeyaretna, D. S., Apps, M. A. J., Husain, M.,
& Manohar, S. G. (2024). Human ventromedial prefrontal cortex is necessary for prosocial motivation.
Nature Human Behaviour, 8, 1403-1416. doi:10.1038/s41562-024-01899-4
"""

from dataclasses import replace

import empathymodels as em


def step(state, parameters, data):
    """Value of working, and what it is worth over resting."""
    value = data.reward - parameters.discount * data.effort**2
    return _worth(value, parameters, data)


def _worth(value, parameters, data, rest=None):
    rest = data.baseline if rest is None else rest
    return dict(value=value, utility=parameters.inverse_temperature * (value - rest))


def work(latent, parameters, data):
    """Working becomes likelier with the value that it has over resting."""
    return em.Choice.dist(latent.utility)


def linear(model):
    """Effort is discounted in proportion: V = R - k E."""

    def step(state, parameters, data):
        return _worth(data.reward - parameters.discount * data.effort, parameters, data)

    return _with_shape(model, step, mu=-0.9, typical=(0.1, 1.2))


def hyperbolic(model):
    """Effort divides the reward: V = R / (1 + k E)."""

    def step(state, parameters, data):
        return _worth(data.reward / (1 + parameters.discount * data.effort), parameters, data)

    return _with_shape(model, step, mu=-1.8, typical=(0.02, 0.6))


def _with_shape(model, step, *, mu, typical):
    """Exchange the step; a rate of another shape is another number, with a prior of its own."""
    discount = replace(model.parameter("discount"), location=(mu, 1), typical=typical)
    model = replace(model, step=step, rivals=_of_any_shape(model))
    return model.with_parameters(discount)


def _of_any_shape(model):
    """Rivals that go with another step: one that exchanges the step would undo the other."""
    shapes = ("linear", "hyperbolic", "curved_reward")
    return {name: rival for name, rival in model.rivals.items() if name not in shapes}


def curved_reward(model):
    """The worth of a reward bends with its size: V = R^rho (in units of the reward) - k E^2."""

    def step(state, parameters, data):
        def bent(reward):
            return (reward / data.reference) ** parameters.curvature

        # what the reference is worth above resting does not depend on the curvature: otherwise
        # discounts and inverse temperatures would have to follow it
        unit = (data.reference - data.baseline) / (1 - bent(data.baseline))
        value = unit * bent(data.reward) - parameters.discount * data.effort**2
        return _worth(value, parameters, data, rest=unit * bent(data.baseline))

    curvature = em.Parameter(
        "curvature", "exponent of the reward; below 1 each further level adds less",
        location=(0, 0.5), level="population", support="positive", typical=(0.3, 1.5),
        symbol=r"\rho",
    )
    reference = em.Column(
        "reference", "reward that is worth its amount whatever the curvature; above the baseline",
        range=(0, 100), unit="levels", default=4.0,
    )
    return replace(
        model,
        step=step,
        columns=(*model.columns, reference),
        parameters=(*model.parameters, curvature),
        rivals=_of_any_shape(model),
    )


def one_discount(model):
    """Effort counts the same whoever gets the reward."""
    return model.pool("discount")


def one_temperature(model):
    """Choices for oneself and for others are equally consistent."""
    return model.pool("inverse_temperature")


def lapses(model):
    """Some choices are made without regard to value, at random."""

    def work(latent, parameters, data):
        return em.Choice.dist(latent.utility, parameters.lapse)

    lapse = em.Parameter(
        "lapse", "share of choices made at random",
        location=(-3, 1), level="population", support="unit", typical=(0.01, 0.2), symbol=r"\ell",
    )
    return model.with_response("work", work).with_parameters(lapse)


def _share(column, value):
    """Share of work on trials with this value of a column."""
    return lambda table: table.work[table[column] == value].mean()


def _slope(column):
    """Share of work above the middle of a column minus the share below."""

    def difference(table):
        middle = (table[column].min() + table[column].max()) / 2
        high, low = table[column] > middle, table[column] < middle
        return table.work[high].mean() - table.work[low].mean()

    return difference


def _spread(table):
    """Standard deviation between participants of the share of work."""
    return table.groupby("participant")["work"].mean().std()


model = em.Model(
    title="effort is put in for oneself and for others by how it is discounted",
    step=step,
    latents={
        "value": "value of working, in units of the reward",
        "utility": "inverse temperature times the value over that of resting",
    },
    columns=(
        em.Column("reward", "reward offered for work", range=(0, 100), unit="levels"),
        em.Column("effort", "effort that work would cost", range=(0, 10), unit="levels"),
        em.Column("recipient", "who gets the reward", levels=("self", "other")),
        em.Column("baseline", "reward of resting", range=(0, 100), unit="levels", default=1.0),
    ),
    parameters=(
        em.Parameter(
            "discount", "reward given up per squared level of effort",
            location=(-2.3, 1), spread=1, support="positive", by="recipient", typical=(0.02, 0.5),
            symbol="k",
        ),
        em.Parameter(
            "inverse_temperature", "how consistently the more valuable option is chosen",
            location=(0.4, 0.75), spread=0.75, support="positive", by="recipient", typical=(0.4, 4),
            symbol=r"\beta",
        ),
    ),
    responses=(em.Response("work", work, "1: worked; 0: rested", levels=(0, 1)),),
    statistics=(
        em.Statistic("work for oneself", "work", _share("recipient", "self")),
        em.Statistic("work for another", "work", _share("recipient", "other")),
        em.Statistic("work, high minus low effort", "work", _slope("effort")),
        em.Statistic("work, high minus low reward", "work", _slope("reward")),
        em.Statistic("sd of people's share of work", "work", _spread),
    ),
    rivals=(linear, hyperbolic, curved_reward, one_discount, one_temperature, lapses),
)
