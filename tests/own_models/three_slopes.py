r"""Closeness makes warm, warmth makes concerned, concern makes people give; with ways beside.

.. math::

    \text{warmth}_t = a_s\, x_t, \qquad \text{concern}_t = b_s\, \text{warmth}_t + b'_s\, x_t, \\
    \mu_t = c_s\, \text{concern}_t + c'_s\, \text{warmth}_t + c''_s\, x_t, \qquad
    \text{gift}_t \sim \text{Normal}(\mu_t, \sigma), \qquad
    P(\text{help}_t) = \text{logit}^{-1}(\mu_t), \\
    P(\text{thanked}_t) = \text{logit}^{-1}(e\, \text{help}_t + f\, \text{concern}_t)

References
----------
Avin, Shpitser & Pearl (2005), Identifiability of path-specific effects, Proc IJCAI 19:357-363.
Zaki (2014), Psychological Bulletin 140:1608-1647, doi:10.1037/a0037679.
"""

import pymc as pm

from empathymodels import Choice, Column, Model, Parameter, Prior, Reference, Response


def step(state, parameters, data):
    """Warmth follows closeness; concern follows both."""
    warmth = parameters.warming * data.closeness
    concern = parameters.caring * warmth + parameters.pity * data.closeness
    return dict(warmth=warmth, concern=concern)


def _worth(latent, parameters, data):
    felt = parameters.giving * latent.concern + parameters.liking * latent.warmth
    return felt + parameters.duty * data.closeness


def gift(latent, parameters, data):
    """Gifts follow concern, warmth, and closeness directly."""
    return pm.Normal.dist(_worth(latent, parameters, data), parameters.noise)


def help_(latent, parameters, data):
    """So does helping, as a choice."""
    return Choice.dist(_worth(latent, parameters, data))


def thanked(latent, parameters, data):
    """Who helps is thanked, and so is who is concerned."""
    return Choice.dist(parameters.reward * data.help + parameters.grace * latent.concern)


def _person(name, meaning):
    normal, half = Prior("Normal", mu=0, sigma=1), Prior("HalfNormal", sigma=0.5)
    return Parameter(name, meaning, location=normal, spread=half)


def _shared(name, meaning, support="real"):
    normal = Prior("Normal", mu=0, sigma=1)
    typical = (0.5, 2)
    return Parameter(
        name, meaning, location=normal, level="population", support=support, typical=typical
    )


model = Model(
    title="closeness makes people give by warmth and concern",
    step=step,
    latents={"warmth": "warmth felt", "concern": "concern felt"},
    columns=(Column("closeness", "closeness to the recipient", range=(-3, 3), unit="sd"),),
    parameters=(
        _person("warming", "warmth per sd of closeness"),
        _person("caring", "concern per unit of warmth"),
        _person("pity", "concern per sd of closeness"),
        _person("giving", "gift per unit of concern"),
        _person("liking", "gift per unit of warmth"),
        _person("duty", "gift per sd of closeness"),
        _shared("noise", "standard deviation of gifts", support="positive"),
        _shared("reward", "log odds of thanks for help"),
        _shared("grace", "log odds of thanks per unit of concern"),
    ),
    responses=(
        Response("gift", gift, "gift given"),
        Response("help", help_, "1: helped; 0: did not", levels=(0, 1)),
        Response("thanked", thanked, "1: was thanked; 0: was not", levels=(0, 1)),
    ),
    references=(
        Reference(
            "Zaki, J. (2014). Empathy: A motivated account. Psychological Bulletin, 140, "
            "1608-1647.",
            "10.1037/a0037679",
        ),
    ),
)
