r"""Two feelings: how pleasant and how arousing a picture is, as a pair of ordered ratings.

.. math::

    \text{pleasant}^*_t \sim \text{Normal}(v_s\, x_t,\; 1), \qquad
    \text{aroused}^*_t \sim \text{Normal}(a_s\, x_t,\; 1), \qquad
    \text{cor} = \rho

cut at -1, 0 and 1.
"""

import empathymodels as em

CUTS = em.thresholds(-1.0, 1.0, 1.0)


def step(state, parameters, data):
    """What the picture does to both."""
    valence, arousal = (
        slope * data.intensity for slope in (parameters.valence_slope, parameters.arousal_slope)
    )
    return dict(valence=valence, arousal=arousal)


def pleasant(latent, parameters, data):
    """The one rating."""
    return em.OrdinalProbit.dist(latent.valence, CUTS)


def aroused(latent, parameters, data):
    """The other, given the one."""
    return em.OrdinalGiven.dist(
        latent.arousal,
        CUTS,
        other=data.pleasant,
        other_location=latent.valence,
        other_cutpoints=CUTS,
        correlation=parameters.shared,
    )


def nothing_shared(model):
    """Beyond the picture the ratings have nothing in common."""
    return model.fix(shared=0.0)


def _slope(name):
    return em.Parameter(
        f"{name}_slope", f"of {name}", location=(0, 1), spread=0.5, typical=(-1.5, 1.5)
    )


model = em.Model(
    step=step,
    latents={"valence": "what makes it pleasant", "arousal": "what makes it arousing"},
    columns=(em.Column("intensity", "of the picture", range=(-5, 5)),),
    parameters=(
        _slope("valence"),
        _slope("arousal"),
        em.Parameter(
            "shared",
            "correlation beyond the picture",
            location=(0, 0.75),
            level="population",
            support="signed",
            typical=(-0.7, 0.7),
        ),
    ),
    responses=(
        em.Response("pleasant", pleasant, "how pleasant", levels=(1, 2, 3, 4)),
        em.Response("aroused", aroused, "how arousing", levels=(1, 2, 3, 4)),
    ),
    rivals=(nothing_shared,),
)
