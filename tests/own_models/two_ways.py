r"""Two ways to help: closeness makes warm, and warmth and closeness make people help.

.. math::

    \text{warmth}_t = w_s\, x_t, \qquad
    P(\text{help}_t) = \text{logit}^{-1}(b_s + g_s\, \text{warmth}_t + d_{s,c(t)}\, x_t),
    \qquad \text{rating}_t \sim \text{CensoredNormal}(r + \rho\, \text{warmth}_t,\, \sigma)

References
----------
Zaki (2014), Psychological Bulletin 140:1608-1647, doi:10.1037/a0037679.
"""

from empathymodels import (
    CensoredNormal,
    Choice,
    Column,
    Model,
    Parameter,
    Prior,
    Reference,
    Response,
)


def step(state, parameters, data):
    """Warmth follows closeness."""
    return dict(warmth=parameters.warming * data.closeness)


def help_(latent, parameters, data):
    """Helping follows warmth, and closeness directly."""
    utility = parameters.readiness + parameters.giving * latent.warmth
    return Choice.dist(utility + parameters.duty * data.closeness)


def rating(latent, parameters, data):
    """Rated warmth, on a scale with ends."""
    mean = parameters.baseline + parameters.reach * latent.warmth
    return CensoredNormal.dist(mean, parameters.noise, data.lowest, data.highest)


def _person(name, meaning, **more):
    normal, half = Prior("Normal", mu=0, sigma=1), Prior("HalfNormal", sigma=0.5)
    return Parameter(name, meaning, location=normal, spread=half, **more)


def _shared(name, meaning, mu, support="real"):
    return Parameter(
        name,
        meaning,
        location=Prior("Normal", mu=mu, sigma=0.5),
        level="population",
        support=support,
        typical=(0.1, 1),
        scale_of="rating",
        role="location" if name == "baseline" else "scale",
    )


model = Model(
    title="closeness makes people help by warmth and by duty",
    step=step,
    latents={"warmth": "warmth felt"},
    columns=(
        Column("closeness", "closeness to the recipient", range=(-3, 3), unit="sd"),
        Column("context", "who the recipient is", levels=("in", "out")),
    ),
    parameters=(
        _person("warming", "warmth per sd of closeness"),
        _person("readiness", "log odds of helping"),
        _person("giving", "log odds per unit of warmth"),
        _person("duty", "log odds per sd of closeness", by="context"),
        _shared("baseline", "rating without warmth", 0.5),
        _shared("reach", "rating per unit of warmth", 0.3),
        _shared("noise", "standard deviation of ratings", -1, support="positive"),
    ),
    responses=(
        Response("help", help_, "1: helped; 0: did not", levels=(0, 1)),
        Response("rating", rating, "warmth as rated", range=(0, 10), unit="points"),
    ),
    references=(
        Reference(
            "Zaki, J. (2014). Empathy: A motivated account. Psychological Bulletin, 140, "
            "1608-1647.",
            "10.1037/a0037679",
        ),
    ),
)
