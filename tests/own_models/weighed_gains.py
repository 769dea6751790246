r"""Weighed gains: helping by one's own loss, the other's gain, and by how much inequity it removes.

.. math::

    P(\text{help}_t) = \text{logit}^{-1}\left(b + w_L\, \frac{L_t}{100} + w_G\, \frac{G_t}{100}
        + w_I\, \frac{I_t}{100}\right)

The weight of a column that a study does not have is held at 0.

References
----------
Saulin et al. (2022), NeuroImage 118827, doi:10.1016/j.neuroimage.2021.118827.
"""

from empathymodels import Choice, Column, Model, Parameter, Prior, Reference, Response

UNIT = 100  # points


def step(state, parameters, data):
    """Utility of helping."""
    loss = parameters.loss_weight * data.own_loss
    gain = parameters.gain_weight * data.other_gain
    inequity = parameters.inequity_weight * data.inequity
    return dict(utility=parameters.bias + (loss + gain + inequity) / UNIT)


def helping(latent, parameters, data):
    """Helping becomes likelier with its utility."""
    return Choice.dist(latent.utility)


def _of_person(name, meaning, **more):
    return Parameter(
        name,
        meaning,
        location=Prior("Normal", mu=0, sigma=1),
        spread=Prior("HalfNormal", sigma=0.5),
        **more,
    )


model = Model(
    title="own loss, the other's gain and inequity have a weight each",
    step=step,
    latents={"utility": "log odds of helping"},
    columns=(
        Column("own_loss", "what helping costs oneself", unit="points", default=0.0),
        Column("other_gain", "what the other gets", unit="points", default=0.0),
        Column("inequity", "how much inequity helping removes", unit="points", default=0.0),
    ),
    parameters=(
        _of_person("bias", "log odds of helping where nothing is at stake"),
        _of_person("loss_weight", "change per 100 points lost", weighs="own_loss"),
        _of_person("gain_weight", "change per 100 points gained", weighs="other_gain"),
        _of_person("inequity_weight", "change per 100 points of inequity", weighs="inequity"),
    ),
    responses=(Response("help", helping, "1: helped, 0: did not", levels=(0, 1)),),
    references=(
        Reference(
            "Saulin, A., Horn, U., Lotze, M., Kaiser, J., & Hein, G. (2022). The neural "
            "computation of human prosocial choices in complex motivational states. NeuroImage, "
            "118827.",
            "10.1016/j.neuroimage.2021.118827",
        ),
    ),
)
