r"""Social discounting: what is forgone for another person falls with their social distance.

Imagine a list of the people closest to you: number 1 is the closest, number :math:`N` is at social
distance :math:`N`. Sharing gives that person the reward :math:`R` and costs oneself the amount
:math:`A`. How much :math:`R` for this person is worth of one's own money falls hyperbolically. For
participant :math:`s`, in dollars,

.. math::

    v_{s,t} = \frac{V_s\, R_t / 75}{1 + k_s N_t}

where :math:`V` is what 75 dollars would be worth for somebody at no distance. Two responses show
it, either or both: choices whether to share, and the amount that one would just forgo, of which
the answer sheet shows only what lies between its ends :math:`l` and :math:`h`:

.. math::

    P(\text{share}_t) &= \text{logit}^{-1}\big(\beta_s (v_{s,t} - A_t)\big) \\
    y_t &\sim \text{Normal}(v_{s,t},\; \sigma_s), \qquad
    \text{amount}_t = \min\big(\max(y_t, l), h\big)

Generosity has two sides: how much close people are worth (:math:`V`), and how far it reaches
(:math:`k`: at distance :math:`1/k` half of it is left).

Notes
-----
What was published: the amount of money that a person forgoes to give 75 dollars to another falls as
a hyperbola of social distance.
What is ours: single choices with an inverse temperature, amounts cut off at the ends of the answer
sheet, the hierarchy, every prior, all rivals, and that the worth of a reward is proportional to its
size (which only studies with several sizes can tell).
Traps: distances are places on a list, not steps of equal size: space them evenly on a log scale (1,
2, 5, 10, 20, 50, 100). Rate and undiscounted value trade off where near people are not asked about,
rate and shape (`power`, `q_exponential`) always do. Who shares with everybody has a rate near zero;
who never shares may have any undiscounted value that is low. Both lean on the population. An
amount at an end of the range stands for all beyond it: say where your answer sheet ends,
model.with_range(amount=(0, 85)). Where one keeps something even when sharing, `amount_self` is what
one would have more by not sharing. Priors are in dollars: with other money bring rewards and
amounts near a hundred, or give other priors.

References
----------
Jones, B., & Rachlin, H. (2006). Social discounting. Psychological Science, 17, 283-286.
doi:10.1111/j.1467-9280.2006.01699.x
"""

from dataclasses import replace

import pymc as pm

import empathymodels as em

REWARD = 75  # dollars, which undiscounted values are stated for


def step(state, parameters, data):
    """Worth of the other's reward, and of sharing above keeping."""
    return _worth(1 / (1 + parameters.discount_rate * data.distance), parameters, data)


def _worth(left, parameters, data):
    """Return the latents; `left` is the share of the value that is left at this distance."""
    value = parameters.undiscounted_value * data.reward / REWARD * left
    utility = parameters.inverse_temperature * (value - data.amount_self)
    return dict(value=value, utility=utility)


def share(latent, parameters, data):
    """Sharing becomes likelier with what the other's reward is worth above one's own amount."""
    return em.Choice.dist(latent.utility)


def amount(latent, parameters, data):
    """The amount one would just forgo is the worth of the other's reward, with noise."""
    return pm.Normal.dist(latent.value, parameters.noise)


def exponential(model):
    """Every step of distance takes the same share of what is left: v = V exp(-k N)."""

    def step(state, parameters, data):
        return _worth(1 / (parameters.discount_rate * data.distance).exp(), parameters, data)

    rate = replace(model.parameter("discount_rate"), location=(-3.3, 1), typical=(0.005, 0.1))
    model = replace(model, step=step, rivals=_of_any_shape(model))
    return model.with_parameters(rate)


def power(model):
    """Distance is felt as a power of it: v = V / (1 + k N^s)."""

    def step(state, parameters, data):
        felt = data.distance**parameters.distance_exponent
        return _worth(1 / (1 + parameters.discount_rate * felt), parameters, data)

    meaning = "exponent of the distance; below 1 far people differ less than near ones"
    return _with_shape(model, step, "distance_exponent", meaning)


def q_exponential(model):
    """Between exponential and hyperbola, and beyond: v = V (1 + s k N)^(-1 / s)."""

    def step(state, parameters, data):
        fall = 1 + parameters.curvature * parameters.discount_rate * data.distance
        return _worth(fall ** (-1 / parameters.curvature), parameters, data)

    meaning = "1 minus q: near 0 the fall is exponential, at 1 hyperbolic, above 1 flatter far out"
    return _with_shape(model, step, "curvature", meaning)


def _with_shape(model, step, name, meaning):
    """Exchange the step, for one with a shape that all people share and that is 1 in the model."""
    shape = em.Parameter(
        name, meaning,
        location=(0, 0.5), level="population", support="positive", typical=(0.5, 2), symbol="s",
    )
    model = replace(model, step=step, rivals=_of_any_shape(model))
    return model.with_parameters(shape)


def _of_any_shape(model):
    """Rivals that go with another step: one that exchanges the step would undo the other."""
    shapes = ("exponential", "power", "q_exponential")
    return {name: rival for name, rival in model.rivals.items() if name not in shapes}


def no_discounting(model):
    """Whoever gets the reward, it is worth the same."""
    return model.fix(discount_rate=0.0)


def plain_normal(model):
    """Amounts have neither steps nor ends: densities of a normal, as most analyses take them."""
    return model.with_resolution(None)


def _near_minus_far(response):
    """Mean of a response up to the geometric middle of the distances, minus that beyond."""

    def difference(table):
        observed = table.dropna(subset=[response])
        distance = observed.distance.clip(lower=0.5)
        near = distance <= (distance.min() * distance.max()) ** 0.5
        return observed[response][near].mean() - observed[response][~near].mean()

    return difference


def _by_amount(table):
    """Share of sharing above the middle of one's own amount minus the share below."""
    high = table.amount_self > (table.amount_self.min() + table.amount_self.max()) / 2
    return table.share[high].mean() - table.share[~high].mean()


def _spread(response):
    """Standard deviation between participants of their mean response."""
    return lambda table: table.groupby("participant")[response].mean().std()


model = em.Model(
    step=step,
    latents={
        "value": "worth of the other's reward, in dollars of one's own",
        "utility": "log odds of sharing",
    },
    columns=(
        em.Column(
            "distance", "social distance of the recipient: place on one's list of closest people",
            range=(0, 100), unit="places",
        ),
        em.Column("amount_self", "what sharing costs oneself", range=(0, 500), unit="dollars"),
        em.Column(
            "reward", "what sharing gives the recipient", range=(0, 500), unit="dollars",
            default=float(REWARD),
        ),
    ),
    parameters=(
        em.Parameter(
            "discount_rate",
            "how fast the worth of another's reward falls, per place of social distance",
            location=(-2.5, 1), spread=1, support="positive", typical=(0.01, 0.3), symbol="k",
        ),
        em.Parameter(
            "undiscounted_value",
            f"worth of {REWARD} dollars for somebody at no distance, in dollars of one's own",
            location=(4.3, 0.5), spread=0.5, support="positive", typical=(40, 120), symbol="V",
        ),
        em.Parameter(
            "inverse_temperature", "change in the log odds of sharing per dollar",
            location=(-2.3, 0.75), spread=0.5, support="positive", typical=(0.03, 0.3),
            symbol=r"\beta",
        ),
        em.Parameter(
            "noise", "standard deviation of the amounts forgone",
            location=(-2.3, 0.5), spread=0.5, support="positive", scale_of="amount",
            typical=(0.05, 0.2), symbol=r"\sigma",
        ),
    ),
    responses=(
        em.Response("share", share, "1: shared; 0: kept the amount", levels=(0, 1)),
        em.Response("amount", amount, "amount one would just forgo", range=(0, 85), unit="dollars"),
    ),
    correlate=("discount_rate", "undiscounted_value"),
    statistics=(
        em.Statistic.mean("share", "share of sharing"),
        em.Statistic("sharing, near minus far", "share", _near_minus_far("share")),
        em.Statistic("sharing, high minus low cost", "share", _by_amount),
        em.Statistic("sd of people's sharing", "share", _spread("share")),
        em.Statistic.mean("amount"),
        em.Statistic("amount, near minus far", "amount", _near_minus_far("amount")),
        em.Statistic("sd of people's amounts", "amount", _spread("amount")),
    ),
    rivals=(exponential, power, q_exponential, no_discounting, plain_normal),
)
