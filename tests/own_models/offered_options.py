r"""Offered options: one of three is chosen by what it brings, among those that are offered.

.. math::

    P(\text{choice}_t = k) = \frac{o_{k,t} e^{\beta x_{k,t}}}{\sum_j o_{j,t} e^{\beta x_{j,t}}}

References
----------
None: an example. doi:10.0000/example
"""

import empathymodels as em


def step(state, parameters, data):
    """Worth of every option, offered or not."""
    worths = (data.gain_0, data.gain_1, data.gain_2)
    return {f"utility_{k}": parameters.weight * worth for k, worth in enumerate(worths)}


def choice(latent, parameters, data):
    """The option of more worth is chosen the more often, if it is offered."""
    utilities = [latent.utility_0, latent.utility_1, latent.utility_2]
    offered = [1, data.offers_1, data.offers_2]
    return em.SoftmaxChoice.dist(utilities, parameters.lapse, offered=offered)


model = em.Model(
    title="one of three options is chosen, of those that are offered",
    step=step,
    latents={f"utility_{k}": f"utility of option {k}" for k in range(3)},
    columns=(
        *(em.Column(f"gain_{k}", f"what option {k} brings", range=(-5, 5)) for k in range(3)),
        *(
            em.Column(f"offers_{k}", f"1: option {k} is offered; 0: not", levels=(0, 1), default=1)
            for k in (1, 2)
        ),
    ),
    parameters=(
        em.Parameter(
            "weight",
            "what a unit brought adds to the log odds",
            location=(1, 0.5),
            spread=0.5,
            typical=(0.5, 2),
            symbol=r"\beta",
        ),
        em.Parameter(
            "lapse",
            "share of choices at random",
            location=(-3, 1),
            level="population",
            support="unit",
            typical=(0.01, 0.2),
            symbol=r"\ell",
        ),
    ),
    responses=(em.Response("choice", choice, "option chosen", levels=(0, 1, 2)),),
)
