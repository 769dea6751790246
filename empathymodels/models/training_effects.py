r"""Training effects: training empathy, then compassion, changes the response to suffering.

One group trains empathy and then compassion, another something else (memory, say) as often. Before
the first, between both and after the second training everybody sees videos of suffering and
neutral ones. Negative and positive affect, and betas of anterior insula (AI) and medial
orbitofrontal cortex (mOFC), may change with time in everybody, and with training in those who were
trained. With :math:`T = 1` in the group that is trained, :math:`p_1 = 1` after the first and
:math:`p_2 = 1` after the second training, for participant :math:`s` and video :math:`i` of kind
:math:`v`,

.. math::

    \eta_{s,t} &= a_{s,v(t)} + p_1\, (c_s + T_s\, E_{v(t)}) + p_2\, (c'_s + T_s\, C_{v(t)})
        + u_{i(t)} \\
    \text{negative}_t &\sim \text{Normal}(\eta_{s,t},\; \sigma_s)

and the same, with values of their own, for positive affect and both regions (these without
:math:`u`). The changes :math:`c` and :math:`c'` are those of people who are not trained;
:math:`E` and :math:`C` say how much more those change who train empathy, and then compassion.

Notes
-----
What was published: training empathy, but not memory, increased negative affect and the response of
anterior insula and midcingulate cortex to suffering; training compassion after it reversed the
increase of negative affect, and increased positive affect and the response of ventral striatum,
pregenual cingulate and medial orbitofrontal cortex. These were comparisons of condition means.
What is ours: the regression on single videos, the hierarchy with videos as crossed items, ratings
and regions in one likelihood, every prior and all rivals.
Traps: only the difference of changes between groups is interpretable. Within the trained group
training goes with time: videos become familiar, scanners less frightening. Without a control group
the changes of everybody and those by training are told apart by their priors alone. The second
effect is that of compassion training after empathy training, not of compassion training: what is
left of the first is in it, and nobody trained in the other order. Who was not assigned at random
may differ to begin with; `a` is everybody's own and holds that. Videos are items, since other
videos would do as well: with the same ones at all times their differences cancel, with others at
each time they do not. Betas must be divided by their standard deviation.
Effects on videos without suffering have values of their own; :math:`E` and :math:`C` of suffering
minus those of neutral videos are what is special to suffering.

References
----------
Klimecki, O. M., Leiberg, S., Ricard, M., & Singer, T. (2014). Differential pattern of functional
brain plasticity after compassion and empathy training. Social Cognitive and Affective
Neuroscience, 9, 873-879. doi:10.1093/scan/nst060
"""

import pymc as pm
import pytensor.tensor as pt

import empathymodels as em

MEASURES = {"negative_": "negative", "positive_": "positive", "ai_": "AI", "mofc_": "mOFC"}
EFFECTS = ("empathy_effect", "compassion_effect")


def _mean(parameters, data, prefix):
    """Return level, changes of everybody and what training adds, for the parameters of a prefix."""
    level, first, second, empathy, compassion = (
        getattr(parameters, prefix + name)
        for name in ("level", "first_change", "second_change", *EFFECTS)
    )
    after_first, after_second = pt.ge(data.phase, 1), pt.ge(data.phase, 2)
    trained = data.group
    changed = pt.where(after_first, first + trained * empathy, 0.0)
    return level + changed + pt.where(after_second, second + trained * compassion, 0.0)


def negative(latent, parameters, data):
    """Negative affect; every video adds something of its own."""
    mean = _mean(parameters, data, "negative_") + parameters.negative_item
    return pm.Normal.dist(mean, parameters.negative_noise)


def positive(latent, parameters, data):
    """Positive affect likewise."""
    mean = _mean(parameters, data, "positive_") + parameters.positive_item
    return pm.Normal.dist(mean, parameters.positive_noise)


def ai(latent, parameters, data):
    """Insula betas."""
    return pm.Normal.dist(_mean(parameters, data, "ai_"), em.measured(data.se, parameters.ai_noise))


def mofc(latent, parameters, data):
    """Medial orbitofrontal betas."""
    mean = _mean(parameters, data, "mofc_")
    return pm.Normal.dist(mean, em.measured(data.se, parameters.mofc_noise))


# --------------------------------------------------------------------- what else could hold


def _without(model, *effects):
    known = {p.name for p in model.parameters}
    names = [prefix + effect for prefix in MEASURES for effect in effects]
    return model.fix(**{name: 0.0 for name in names if name in known})


def no_training(model):
    """All change alike: with time, not by training."""
    return _without(model, *EFFECTS)


def empathy_only(model):
    """Training empathy changes something, training compassion after it nothing more."""
    return _without(model, "compassion_effect")


def compassion_only(model):
    """Training empathy changes nothing, training compassion after it does."""
    return _without(model, "empathy_effect")


def any_video(model):
    """Training changes the response to every video alike, suffering or not."""
    return model.pool(*(prefix + effect for prefix in MEASURES for effect in EFFECTS))


# ------------------------------------------------------------------------- declarations


def _change(response, later, earlier):
    """Change of the response to suffering, trained minus control."""

    def difference(table):
        seen = table[table.video == "suffering"]
        means = seen.groupby(["group", "phase"])[response].mean()
        changes = [
            means.get((group, later), float("nan")) - means.get((group, earlier), float("nan"))
            for group in ("training", "control")
        ]
        return changes[0] - changes[1]

    return difference


def _suffering(response):
    """Mean response to suffering minus that to neutral videos."""

    def difference(table):
        suffers = table.video == "suffering"
        return table[response][suffers].mean() - table[response][~suffers].mean()

    return difference


def _parameters(prefix, response, *, scaled, prime):
    """Declare what one measure has."""
    unit = 0.2 if scaled else 0.5
    scale = {"scale_of": response} if scaled else {}
    where, half, third = f" ({response})", unit / 2, unit / 3
    middle = 0.4 if scaled else 0.0

    def effect(name, meaning, symbol):
        return em.Parameter(
            prefix + name, meaning + where, location=(0, half), level="population", by="video",
            typical=(-half, half), symbol=symbol + prime, **scale,
        )

    def change(name, meaning, symbol):
        return em.Parameter(
            prefix + name, meaning + where, location=(0, half), spread=third,
            typical=(-third, third), symbol=symbol + prime, **scale,
        )

    declared = (
        em.Parameter(
            f"{prefix}level", f"before any training{where}", location=(middle, unit), spread=unit,
            by="video", typical=(middle - half, middle + half), symbol="a" + prime,
            role="location" if scaled else "scale", **scale,
        ),
        change("first_change", "change over the first training without any", "c"),
        change("second_change", "change over the second training without any", "c'"),
        effect("empathy_effect", "what training empathy adds to the first change", "E"),
        effect("compassion_effect", "what training compassion adds to the second change", "C"),
    )
    if not scaled:
        return (
            *declared,
            em.Parameter(
                f"{prefix}noise", f"standard deviation of betas{where}", location=(-0.3, 0.5),
                level="population", support="positive", typical=(0.4, 1.2),
                symbol=r"\sigma" + prime,
            ),
        )
    return (
        *declared,
        em.Parameter(
            f"{prefix}item", f"what a video adds{where}", location=(0, 1e-3), spread=0.1,
            level="item", typical=(-0.1, 0.1), symbol="u" + prime, **scale,
        ),
        em.Parameter(
            f"{prefix}noise", f"standard deviation of ratings{where}", location=(-2, 0.5),
            spread=0.3, support="positive", typical=(0.06, 0.25), symbol=r"\sigma" + prime, **scale,
        ),
    )


model = em.Model(
    columns=(
        em.Column("group", "what is trained", levels=("control", "training"), table="participants"),
        em.Column(
            "phase", "0: before any training; 1: after the first; 2: after the second",
            levels=(0, 1, 2),
        ),
        em.Column(
            "video", "what the video shows", levels=("neutral", "suffering"), default="suffering",
        ),
        em.Column("item", "which video it is", levels="any", default="all"),
        em.Column(
            "se", "known standard error of the beta", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=tuple(
        parameter
        for k, (prefix, response) in enumerate(MEASURES.items())
        for parameter in _parameters(prefix, response, scaled=k < 2, prime="_" + response[0])
    ),
    responses=(
        em.Response("negative", negative, "negative affect", range=(0, 10), unit="points"),
        em.Response("positive", positive, "positive affect", range=(0, 10), unit="points"),
        em.Response("AI", ai, "anterior-insula beta", table="regions", region="AI"),
        em.Response("mOFC", mofc, "medial orbitofrontal beta", table="regions", region="mOFC"),
    ),
    statistics=tuple(
        statistic
        for response in MEASURES.values()
        for statistic in (
            em.Statistic.mean(response),
            em.Statistic(f"{response}, suffering minus neutral", response, _suffering(response)),
            em.Statistic(
                f"{response} of suffering, first change, trained minus control", response,
                _change(response, 1, 0),
            ),
            em.Statistic(
                f"{response} of suffering, second change, trained minus control", response,
                _change(response, 2, 1),
            ),
        )
    ),
    rivals=(no_training, empathy_only, compassion_only, any_video, em.plain_normal),
)
