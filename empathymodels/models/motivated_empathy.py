r"""Motivated empathy: motives to approach and to avoid make it worth empathising, or not.

A situation does not act on empathy directly. Its attributes speak to motives: positive affect,
affiliation and social desirability invite empathy (the motives to approach, :math:`m \in A`);
others' suffering, material cost, interference with competition and effort discourage it (the
motives to avoid, :math:`m \in D`). How much each motive weighs, :math:`w_{s,m}`, is a property of
the participant :math:`s`, and so is how fast the readiness to empathise is exhausted. With
attributes :math:`x_{t,m}` and the share :math:`\tau_t` of the session that is gone,

.. math::

    U_{s,t} &= w_{s,0} + \underbrace{\sum_{m \in A} w_{s,m} x_{t,m}}_{\text{approach}}
        + \underbrace{\sum_{m \in D} w_{s,m} x_{t,m}}_{\text{avoidance}} + d_s\, \tau_t \\
    P(\text{engage}_t) &= \text{logit}^{-1}(U_{s,t})

Who engages also feels more, attends more, helps more, and responds more in the regions of the three
systems: experience sharing (AI) with the empathy that utility and stimulus :math:`z` give rise to,
mentalizing (TPJ) with the utility, empathic concern (VS) with the approach:

.. math::

    E_{s,t} &= U_{s,t} + b_s\, z_t \\
    \text{rating}_t &\sim \text{Normal}(r_s + \rho\, E_{s,t},\; \sigma_s) \\
    \text{attention}_t &\sim \text{Normal}(a_s + \alpha\, U_{s,t},\; \sigma_a) \\
    P(\text{help}_t) &= \text{logit}^{-1}(h_s + \eta\, E_{s,t}) \\
    \text{AI}_t &\sim \text{Normal}(c_s + \lambda_s\, E_{s,t},\; \sigma') \\
    \text{TPJ}_t &\sim \text{Normal}(c'_s + \lambda'_s\, U_{s,t},\; \sigma'') \\
    \text{VS}_t &\sim \text{Normal}(c''_s + \lambda''_s\, \text{approach}_{s,t},\; \sigma''')

A weight is how much one standard deviation of its attribute changes the log odds of engaging.

Given all this, responses of one trial are independent. The rival ``shared_residuals`` lets what
else moves a rating, :math:`z_t = (\text{rating}_t - r_s - \rho\, E_{s,t}) / \sigma_s`, move the
others of its trial: :math:`\kappa\, z_t` is added to the mean of attention and of each region, and
to the log odds of helping, each with a :math:`\kappa` of its own. A region's residual then
correlates with that of the rating by :math:`\kappa / \sqrt{\kappa^2 + \sigma'^2}`.

Notes
-----
What was published: the motives, and that they act by choosing situations, by attention and by
appraisal. No equations were published.
What is ours: all equations, every prior and every rival. That motives to avoid have negative and
motives to approach positive weights is not assumed: it is a rival, and a posterior probability.
Any of the attributes and of the responses will do; a weight whose column is absent is held at 0.
`context_directly` and `both` need a column `context` (a label such as the target's group).
Traps: only one response anchors the scale of the utility. That ratings and attention rise with it
is taken for granted: were their slopes free, turning the signs of all weights and slopes would fit
the ratings as well, and chains would stay there against all choices. Attributes that always change
together share their weights: look at diagnose_design before fitting. Where the context fixes every
attribute, context and motives cannot be told apart. Attributes must be standardised (priors are per
sd) and `time` runs from -0.5 to 0.5. Attention at its ends (0 or 1) is better left out; dwell times
fit as well: with_range(attention=(0, 5000)) for milliseconds. Betas are z-scored within region.
`shared_residuals` scores attention, helping and regions where the trial was rated too, and needs
ratings for that. It is no path by which ratings act: it says what goes with them beyond the
motives. Two regions are then related by way of the rating alone. It has no variant with
`censored`: of a rating at an end nobody knows the residual.

References
----------
Zaki, J. (2014). Empathy: a motivated account. Psychological Bulletin, 140(6), 1608-1647.
doi:10.1037/a0037679

Weisz, E., & Zaki, J. (2018). Motivated empathy: a social neuroscience perspective. Current Opinion
in Psychology, 24, 67-71. doi:10.1016/j.copsyc.2018.05.005
"""

from dataclasses import replace

import pymc as pm

import empathymodels as em

APPROACH = {  # meaning, and what is an ordinary weight
    "positive_affect": ("how pleasant it would be to share the feeling", (0, 1)),
    "affiliation": ("closeness to the target, or the wish for it", (0, 1.4)),
    "desirability": ("how far others would see and approve of empathy", (-0.2, 0.8)),
}
AVOIDANCE = {
    "suffering": ("how painful it would be to share the feeling", (-1, 0.2)),
    "cost": ("what empathy would lead one to give up", (-1.4, 0)),
    "competition": ("how far empathy would interfere with competing", (-1.2, 0.2)),
    "effort": ("how much effort empathy would take", (-1.2, 0)),
}
MOTIVES = AVOIDANCE | APPROACH
WEIGHTS = {name: f"{name}_weight" for name in MOTIVES}


def step(state, parameters, data):
    """Utility of empathising, what of it invites and what discourages, and empathy itself."""
    approach, avoidance = (_weighed(motives, parameters, data) for motives in (APPROACH, AVOIDANCE))
    return _latents(approach, avoidance, parameters, data)


def _weighed(motives, parameters, data):
    return sum(getattr(parameters, WEIGHTS[name]) * getattr(data, name) for name in motives)


def _latents(approach, avoidance, parameters, data):
    drift = parameters.exhaustion * data.time
    utility = parameters.readiness + approach + avoidance + drift
    empathy = utility + parameters.stimulus_effect * data.stimulus
    return dict(approach=approach, avoidance=avoidance, utility=utility, empathy=empathy)


def engage(latent, parameters, data):
    """Who expects more of empathy engages (situation selection)."""
    return em.Choice.dist(latent.utility)


def rating(latent, parameters, data):
    """Rated empathy follows empathy."""
    return pm.Normal.dist(_rated(latent, parameters), parameters.rating_noise)


def _rated(latent, parameters):
    return parameters.rating_baseline + parameters.rating_slope * latent.empathy


def attention(latent, parameters, data):
    """Attention to the target follows the utility."""
    mean = parameters.attention_baseline + parameters.attention_slope * latent.utility
    return pm.Normal.dist(mean, parameters.attention_noise)


def helping(latent, parameters, data):
    """Helping follows empathy."""
    return em.Choice.dist(parameters.help_baseline + parameters.help_slope * latent.empathy)


def ai(latent, parameters, data):
    """Experience sharing follows empathy."""
    return _beta(latent.empathy, "ai", parameters, data)


def tpj(latent, parameters, data):
    """Mentalizing follows the utility, as attention does."""
    return _beta(latent.utility, "tpj", parameters, data)


def vs(latent, parameters, data):
    """Empathic concern follows what invites empathy."""
    return _beta(latent.approach, "vs", parameters, data)


def _beta(latent, region, parameters, data):
    baseline, slope, noise = (
        getattr(parameters, f"{region}_{part}") for part in ("baseline", "slope", "noise")
    )
    return pm.Normal.dist(baseline + slope * latent, em.measured(data.se, noise))


# --------------------------------------------------------------------- what else could hold


def intercept_only(model):
    """Neither motives nor context: people differ, situations do not."""
    return _without(model, *WEIGHTS)


def context_directly(model):
    """Context acts on empathy directly, whatever the motives."""
    return _by_context(_without(model, *WEIGHTS))


def both(model):
    """Context acts through motives, and directly as well."""
    return _by_context(model)


def approach_only(model):
    """Only motives to approach count."""
    return _without(model, *AVOIDANCE)


def avoidance_only(model):
    """Only motives to avoid count."""
    return _without(model, *APPROACH)


def _without(model, *motives):
    """Hold the weights of motives at 0, and what only motives to approach inform with them."""
    held = {WEIGHTS[name]: 0.0 for name in motives}
    if set(APPROACH) <= set(motives):
        held["vs_slope"] = 0.0
    return model.fix(**held)


def _by_context(model):
    """Let readiness depend on the column `context`, and be held by no motive."""
    return replace(model.split("context", "readiness"), rivals={})


def signed(model):
    """What invites empathy only invites, what discourages only discourages: avoid < 0 < approach.

    Weights are then sizes, all positive; those of motives to avoid are subtracted.
    """

    def step(state, parameters, data):
        approach = _weighed(APPROACH, parameters, data)
        avoidance = -_weighed(AVOIDANCE, parameters, data)
        return _latents(approach, avoidance, parameters, data)

    sizes = dict(location=(-0.7, 0.7), spread=0.5, support="positive", typical=(0.2, 1.2))
    free = [p for p in model.parameters if p.name in WEIGHTS.values() and p.fixed is None]
    return replace(model, step=step).with_parameters(*(replace(p, **sizes) for p in free))


def shared_residuals(model):
    """What moves a rating beyond its mean moves the other responses of its trial as well."""

    def sharing(response):
        name = response.name.lower()

        def function(latent, parameters, data):
            residual = (data.rating - _rated(latent, parameters)) / parameters.rating_noise
            baseline, slope = (getattr(parameters, f"{name}_{x}") for x in ("baseline", "residual"))
            moved = parameters.also(**{f"{name}_baseline": baseline + slope * residual})
            return response.function(latent, moved, data)

        return function

    for response in (r for r in model.responses if r.name in RESIDUALS):
        model = model.with_response(response.name, sharing(response))
    return model.with_parameters(*RESIDUALS.values())


# ------------------------------------------------------------------------- declarations


def _weight(motive):
    told = motive.replace("_", " ")
    return em.Parameter(
        WEIGHTS[motive], f"what {told} adds to the utility",
        location=(0, 1), spread=0.5, typical=MOTIVES[motive][1],
        symbol=rf"w_{{\text{{{told}}}}}", weighs=motive,
        motive="approach" if motive in APPROACH else "avoidance", unit="utility per sd",
    )


def _of_scale(name, of, slope, typical, symbols):
    """Baseline and slope of a response with a range, as fractions of it."""
    return (
        em.Parameter(
            f"{name}_baseline", f"{name} at utility 0", location=(0.5, 0.2), spread=0.2,
            typical=(0.3, 0.7), symbol=symbols[0], scale_of=name, role="location",
        ),
        _shared(
            f"{name}_slope", f"{name} per unit of {of}", (slope, 0.7), typical, symbols[1],
            scale_of=name, support="positive",
        ),
    )


def _region(name, marks, of):
    beta, name = f"{name} beta", name.lower()
    return (
        em.Parameter(
            f"{name}_baseline", f"{beta} at utility 0", location=(0, 0.5), spread=0.5,
            typical=(-0.5, 0.5), symbol=f"c{marks}",
        ),
        em.Parameter(
            f"{name}_slope", f"{beta} per unit of {of}", location=(0, 0.5), spread=0.25,
            typical=(-0.2, 0.6), symbol=rf"\lambda{marks}",
        ),
        _shared(
            f"{name}_noise", f"standard deviation of {beta}s", (-0.3, 0.5), (0.4, 1.2),
            rf"\sigma{marks}'", support="positive",
        ),
    )


def _residual(name, what, sigma, typical, **more):
    return _shared(
        f"{name.lower()}_residual", f"{what} per sd of the rating's residual", (0, sigma), typical,
        rf"\kappa_{{\text{{{name}}}}}", **more,
    )


def _shared(name, meaning, location, typical, symbol, **more):
    return em.Parameter(
        name, meaning, location=location, level="population", typical=typical, symbol=symbol, **more
    )


def _late(table):
    """Share of engaging in the second half of everybody's trials minus that in the first."""
    order = table.groupby("participant").cumcount()
    half = table.groupby("participant")["engage"].transform("size") / 2
    return table.engage[order >= half].mean() - table.engage[order < half].mean()


REGIONS = (
    ("AI", ai, "anterior-insula"),
    ("TPJ", tpj, "temporo-parietal junction"),
    ("VS", vs, "ventral-striatum"),
)
RESIDUALS = {  # by response
    "attention": _residual("attention", "attention", 0.1, (-0.05, 0.08), scale_of="attention"),
    "help": _residual("help", "log odds of helping", 1, (-0.5, 1)),
    **{name: _residual(name, f"{name} beta", 0.5, (-0.3, 0.6)) for name, *_ in REGIONS},
}
model = em.Model(
    step=step,
    latents={
        "approach": "what of the utility invites empathy",
        "avoidance": "what of the utility discourages it",
        "utility": "utility of empathising, in log odds of engaging",
        "empathy": "empathy that utility and stimulus give rise to",
    },
    columns=(
        *(
            em.Column(name, f"{meaning}, standardised", unit="sd", default=0.0)
            for name, (meaning, _) in MOTIVES.items()
        ),
        em.Column(
            "time", "share of the session that is gone, from -0.5 to 0.5",
            range=(-1, 1), default=0.0,
        ),
        em.Column("stimulus", "intensity of what the target shows, standardised", default=0.0),
        em.Column(
            "se", "known standard error of the beta", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=(
        em.Parameter(
            "readiness", "utility where every attribute is at 0",
            location=(0, 1), spread=1, typical=(-1, 1), symbol="w_0",
        ),
        *map(_weight, MOTIVES),
        em.Parameter(
            "exhaustion", "change of utility from the first to the last trial",
            location=(0, 0.5), spread=0.5, typical=(-1, 0.3), symbol="d", weighs="time",
        ),
        em.Parameter(
            "stimulus_effect", "empathy per sd of the stimulus",
            location=(0, 1), spread=0.5, typical=(0, 1), symbol="b", weighs="stimulus",
        ),
        *_of_scale("rating", "empathy", -2.3, (0.03, 0.3), ("r", r"\rho")),
        em.Parameter(
            "rating_noise", "standard deviation of ratings", location=(-2, 0.5), spread=0.3,
            typical=(0.06, 0.25), symbol=r"\sigma", scale_of="rating", support="positive",
        ),
        *_of_scale("attention", "utility", -3, (0.02, 0.15), ("a", r"\alpha")),
        _shared(
            "attention_noise", "standard deviation of attention", (-2, 0.5), (0.06, 0.25),
            r"\sigma_a", scale_of="attention", support="positive",
        ),
        em.Parameter(
            "help_baseline", "log odds of helping at utility 0",
            location=(0, 1), spread=1, typical=(-1, 1), symbol="h",
        ),
        _shared("help_slope", "log odds of helping per unit of empathy", (0, 1), (0, 1.5), r"\eta"),
        *_region("AI", "", "empathy"),
        *_region("TPJ", "'", "utility"),
        *_region("VS", "''", "approach"),
    ),
    responses=(
        em.Response("engage", engage, "1: chose to empathise; 0: avoided it", levels=(0, 1)),
        em.Response("rating", rating, "empathy felt", range=(0, 100), unit="points"),
        em.Response("attention", attention, "share of time at the target", range=(0, 1)),
        em.Response("help", helping, "1: helped; 0: did not", levels=(0, 1)),
        *(
            em.Response(name, follows, f"{area} beta, z-scored", "regions", region=name, unit="z")
            for name, follows, area in REGIONS
        ),
    ),
    anchors={
        "engage": {},
        "rating": {"rating_slope": 0.1, "rating_baseline": 0.5},
        "AI": {"ai_slope": 0.5, "ai_baseline": 0.0},
        "TPJ": {"tpj_slope": 0.5, "tpj_baseline": 0.0},
    },
    correlate=(*WEIGHTS.values(), "ai_slope", "tpj_slope", "vs_slope"),
    statistics=(
        em.Statistic.mean("engage", "share of engaging"),
        em.Statistic.between_people("engage", "sd of people's engaging"),
        em.Statistic("engaging, second minus first half", "engage", _late),
        em.Statistic.mean("rating"),
        em.Statistic.between_people("rating"),
        em.Statistic.mean("help", "share of helping"),
        em.Statistic.mean("attention"),
    ),
    rivals=(
        intercept_only, context_directly, both, approach_only, avoidance_only, signed,
        em.plain_normal, shared_residuals,
    ),
)
