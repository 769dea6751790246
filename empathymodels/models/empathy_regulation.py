r"""Regulated empathy: choosing situations, attending to them, and appraising what they mean.

People regulate how another's suffering reaches them in three ways (Zaki 2014). They select
situations: they enter or avoid them. They deploy attention: it is a gain on what the stimulus
:math:`z_t` (its intensity) evokes. They reappraise: what would be personal distress becomes
empathic concern, or the reverse, whatever the intensity. Instructions to up-regulate
(:math:`u_t = 1`) or to down-regulate (:math:`v_t = 1`) change each of the three against just
viewing (both 0). For participant :math:`s` and story or scene :math:`i`,

.. math::

    P(\text{enter}_t) &= \text{logit}^{-1}(n_s + n'_s z_t + n^u_s u_t + n^v_s v_t) \\
    G_t &= 1 + g^u_s u_t + g^v_s v_t \\
    R_t &= r^u_s u_t + r^v_s v_t \\
    \text{distress}_t &\sim \text{Normal}(\mu_t,\; \sigma), \quad
        \mu_t = a_s + d_i + b_s\, G_t z_t - R_t \\
    \text{concern}_t &\sim \text{Normal}(\mu'_t,\; \sigma'), \quad
        \mu'_t = a'_s + d'_i + b'_s\, G_t z_t + R_t

What moves both ratings of one trial beyond this is a correlation :math:`\rho` of their residuals:
given its distress, concern is normal with mean :math:`\mu'_t + \rho\,\sigma'/\sigma\,
(\text{distress}_t - \mu_t)` and standard deviation :math:`\sigma' \sqrt{1 - \rho^2}`.

Notes
-----
What was published: the three strategies, in words (Zaki 2014), and that distress and concern are
two emotions (Batson et al. 1987). What is ours: all equations, every prior and every rival.
Any of the columns will do: without instructions, stimuli or stories their parameters are held at 0.
(With instructions but no stimulus, fix the gains of attention: they act on the stimulus alone.)
Trials that were avoided have no ratings: leave these cells empty. Distress and concern must be on
one scale, since reappraisal moves points from one to the other: with_range(distress=(1, 7),
concern=(1, 7)).
Traps: at one intensity a gain and a shift are the same but for the other rating, and with two
nothing tells whether the effect is linear in the stimulus: use three intensities or more, of which
0 or the weakest is one. Concern is scored where distress was rated too (its residual enters); the
rival `independent` scores each alone. Correlations of people (`correlation`), of stories
(`story_correlation`) and of residuals are three parts of the correlation of raw ratings.

References
----------
Zaki, J. (2014). Empathy: A motivated account. Psychological Bulletin, 140, 1608-1647.
doi:10.1037/a0037679

Weisz, E., & Zaki, J. (2018). Motivated empathy: A social neuroscience perspective. Current Opinion
in Psychology, 24, 67-71. doi:10.1016/j.copsyc.2018.05.005

Batson, C. D., Fultz, J., & Schoenrade, P. A. (1987). Distress and empathy: Two qualitatively
distinct vicarious emotions with different motivational consequences. Journal of Personality, 55,
19-39. doi:10.1111/j.1467-6494.1987.tb00426.x
"""


import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Attention as a gain on the stimulus, reappraisal as a shift from distress to concern."""
    gain = 1 + _instructed("attention", parameters, data)
    shift = _instructed("shift", parameters, data)
    seen = gain * data.stimulus
    return dict(
        gain=gain,
        shift=shift,
        felt_distress=parameters.distress_baseline + parameters.distress_slope * seen - shift,
        felt_concern=parameters.concern_baseline + parameters.concern_slope * seen + shift,
    )


def _instructed(strategy, parameters, data):
    up, down = (getattr(parameters, f"{strategy}_{way}") for way in ("up", "down"))
    return up * data.upregulate + down * data.downregulate


def enter(latent, parameters, data):
    """Who expects less of a situation avoids it (situation selection)."""
    utility = parameters.readiness + parameters.selection_slope * data.stimulus
    return em.Choice.dist(utility + _instructed("selection", parameters, data))


def distress(latent, parameters, data):
    """Personal distress, as attention lets the stimulus through and reappraisal leaves it."""
    return pm.Normal.dist(_distress(latent, parameters), parameters.distress_noise)


def _distress(latent, parameters):
    return latent.felt_distress + parameters.distress_story


def concern(latent, parameters, data):
    """Empathic concern, given what else moved distress on the same trial."""
    correlation, noise = parameters.residual_correlation, parameters.concern_noise
    surprise = (data.distress - _distress(latent, parameters)) / parameters.distress_noise
    mean = _concern(latent, parameters) + correlation * noise * surprise
    return pm.Normal.dist(mean, noise * pt.sqrt(1 - correlation**2))


def _concern(latent, parameters):
    return latent.felt_concern + parameters.concern_story


# --------------------------------------------------------------------- what else could hold


def attention_only(model):
    """Instructions change attention, and nothing is reappraised."""
    return model.fix(shift_up=0.0, shift_down=0.0)


def reappraisal_only(model):
    """Instructions change what the stimulus means, and attention stays as it is."""
    return model.fix(attention_up=0.0, attention_down=0.0)


def no_regulation(model):
    """Instructions change nothing."""
    ways = [f"{s}_{way}" for s in ("attention", "shift", "selection") for way in ("up", "down")]
    return model.fix(**dict.fromkeys(ways, 0.0))


def independent(model):
    """Beyond the means, distress and concern of one trial have nothing in common."""

    def concern(latent, parameters, data):
        return pm.Normal.dist(_concern(latent, parameters), parameters.concern_noise)

    model = model.with_response("concern", concern)
    return model.with_parameters(without=["residual_correlation"])


def no_stories(model):
    """Stories or scenes do not differ but by their intensity."""
    return model.fix(distress_story=0.0, concern_story=0.0)


# ------------------------------------------------------------------------- declarations


def _of_rating(rating, mark):
    """Parameters of one of the two ratings, in its units."""
    return (
        em.Parameter(
            f"{rating}_baseline", f"{rating} at stimulus 0, just viewing", location=(0.4, 0.2),
            spread=0.2, typical=(0.2, 0.6), symbol=f"a{mark}", scale_of=rating, role="location",
        ),
        em.Parameter(
            f"{rating}_slope", f"{rating} per unit of the stimulus, just viewing",
            location=(0.1, 0.1), spread=0.1, typical=(0.0, 0.2), symbol=f"b{mark}",
            scale_of=rating, weighs="stimulus",
        ),
        em.Parameter(
            f"{rating}_story", f"what a story or scene adds to {rating}", location=(0, 1e-3),
            spread=0.15, level="story", typical=(-0.2, 0.2), scale_of=rating, symbol=f"d{mark}",
            weighs="story",
        ),
        em.Parameter(
            f"{rating}_noise", f"standard deviation of {rating}", location=(-1.8, 0.5),
            level="population", support="positive", typical=(0.1, 0.3), scale_of=rating,
            symbol=rf"\sigma{mark}",
        ),
    )


def _of_instruction(column, way, symbol):
    """How one instruction changes each of the three strategies."""
    told = f"when told to {way}-regulate"
    return (
        em.Parameter(
            f"selection_{way}", f"change in the readiness to enter {told}, log odds",
            location=(0, 1), spread=0.5, typical=(-1, 1), symbol=f"n^{symbol}", weighs=column,
        ),
        em.Parameter(
            f"attention_{way}", f"gain that attention adds {told}, share of the slope",
            location=(0, 0.5), spread=0.3, typical=(-0.6, 0.6), symbol=f"g^{symbol}",
            weighs=column,
        ),
        em.Parameter(
            f"shift_{way}", f"what reappraisal moves from distress to concern {told}",
            location=(0, 0.15), spread=0.1, typical=(-0.2, 0.2), symbol=f"r^{symbol}",
            scale_of="distress", weighs=column,
        ),
    )


def _together(table):
    """Correlation of the two ratings over all rows."""
    return table["distress"].corr(table["concern"])


model = em.Model(
    title="empathy is regulated by selecting, attending and reappraising",
    step=step,
    latents={
        "gain": "how much of the stimulus attention lets through, 1 when just viewing",
        "shift": "what reappraisal moves from distress to concern",
        "felt_distress": "personal distress expected, before what the story adds",
        "felt_concern": "empathic concern expected, before what the story adds",
    },
    columns=(
        em.Column("stimulus", "intensity of what is shown, 0 for none", default=0.0),
        em.Column("upregulate", "1: told to let it affect oneself more", range=(0, 1), default=0.0),
        em.Column(
            "downregulate", "1: told to let it affect oneself less", range=(0, 1), default=0.0
        ),
        em.Column("story", "story or scene shown", levels="any", default="all"),
    ),
    parameters=(
        em.Parameter(
            "readiness", "log odds of entering at stimulus 0",
            location=(0, 1), spread=1, typical=(-1, 2), symbol="n",
        ),
        em.Parameter(
            "selection_slope", "change in the log odds of entering per unit of the stimulus",
            location=(0, 0.5), spread=0.5, typical=(-1, 0.3), symbol="n'", weighs="stimulus",
        ),
        *_of_rating("distress", ""),
        *_of_rating("concern", "'"),
        *_of_instruction("upregulate", "up", "u"),
        *_of_instruction("downregulate", "down", "v"),
        em.Parameter(
            "residual_correlation",
            "correlation of distress and concern within a trial, beyond their means",
            location=(0, 0.5), level="population", support="signed", typical=(-0.3, 0.5),
            symbol=r"\rho",
        ),
    ),
    responses=(
        em.Response("enter", enter, "1: entered the situation; 0: avoided it", levels=(0, 1)),
        em.Response("distress", distress, "personal distress", range=(0, 100), unit="points"),
        em.Response("concern", concern, "empathic concern", range=(0, 100), unit="points"),
    ),
    correlate=(
        "distress_baseline",
        "concern_baseline",
        "attention_down",
        "shift_down",
        "distress_story",
        "concern_story",
    ),
    statistics=(
        em.Statistic.mean("enter", "share of entering"),
        em.Statistic.mean("distress"),
        em.Statistic.mean("concern"),
        em.Statistic.between_people("distress"),
        em.Statistic.between_people("concern"),
        em.Statistic("correlation of distress and concern", "concern", _together),
    ),
    rivals=(
        attention_only, reappraisal_only, no_regulation, independent, no_stories, em.plain_normal,
    ),
)
