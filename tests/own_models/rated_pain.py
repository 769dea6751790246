r"""Rated pain: empathy for another's pain follows its intensity, without any learning.

.. math::

    \text{rating}_t \sim \text{Normal}(a + b\, x_t,\; s)

References
----------
Lamm, Decety & Singer (2011), NeuroImage 54:2492-2502, doi:10.1016/j.neuroimage.2010.10.014.
"""

import pymc as pm

from empathymodels import Column, Model, Parameter, Prior, Reference, Response, Statistic


def rating(latent, parameters, data):
    """Rating rises with the intensity of the pain seen."""
    return pm.Normal.dist(parameters.baseline + parameters.slope * data.intensity, parameters.noise)


def no_slope(model):
    """Ratings do not follow the pain."""
    return model.fix(slope=0.0)


model = Model(
    title="rated empathy follows the intensity of the pain seen",
    columns=(Column("intensity", "intensity of the pain seen", range=(-1, 1)),),
    parameters=(
        Parameter(
            "baseline",
            "rating at mean intensity",
            location=Prior("Normal", mu=0.5, sigma=0.25),
            spread=Prior("HalfNormal", sigma=0.3),
            scale_of="rating",
            role="location",
            typical=(0.3, 0.7),
        ),
        Parameter(
            "slope",
            "change in rating per unit of intensity",
            location=Prior("Normal", mu=0, sigma=0.25),
            spread=Prior("HalfNormal", sigma=0.2),
            scale_of="rating",
            typical=(-0.1, 0.3),
        ),
        Parameter(
            "noise",
            "standard deviation of ratings",
            location=Prior("Normal", mu=-2.3, sigma=0.5),
            level="population",
            support="positive",
            scale_of="rating",
            typical=(0.05, 0.2),
        ),
    ),
    responses=(
        Response("rating", rating, "empathy felt", range=(0, 10), resolution=None, unit="points"),
    ),
    rivals={"no_slope": no_slope},
    statistics=(
        Statistic("mean rating", "rating", lambda table: table.rating.mean()),
        Statistic("sd of ratings", "rating", lambda table: table.rating.std()),
    ),
    references=(
        Reference(
            "Lamm, C., Decety, J., & Singer, T. (2011). Meta-analytic evidence for common and "
            "distinct neural networks associated with directly experienced pain and empathy for "
            "pain. NeuroImage, 54, 2492-2502.",
            "10.1016/j.neuroimage.2010.10.014",
        ),
    ),
)
