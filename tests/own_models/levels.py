r"""Levels: everybody has a level, around which scores scatter with a known noise.

.. math::

    y_{s,t} \sim \text{Normal}(\theta_s, 1), \qquad \theta_s \sim \text{Normal}(\mu, \tau)
"""

import pymc as pm

from empathymodels import Model, Parameter, Prior, Reference, Response


def score(latent, parameters, data):
    """Score of one trial."""
    return pm.Normal.dist(parameters.height, 1.0)


model = Model(
    title="everybody has a level",
    parameters=(
        Parameter(
            "height",
            "level of a person's scores",
            location=Prior("Normal", mu=0, sigma=1),
            spread=Prior("HalfNormal", sigma=1),
            typical=(-1, 1),
        ),
    ),
    responses=(Response("score", score, "score", range=(-100, 100), resolution=None),),
    references=(
        Reference(
            "Gelman, A., et al. (2013). Bayesian data analysis (3rd ed.), chapter 5.",
            "10.1201/b16018",
        ),
    ),
)
