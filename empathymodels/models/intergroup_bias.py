r"""Intergroup bias: others' pain moves us more when they are of our own group.

Ratings of empathy and the betas of anterior insula (AI) and anterior cingulate (ACC) follow the
pain seen, the group of the one who suffers, and their product, the bias. With
:math:`p` the pain (0: none, 1: pain) and :math:`g` the group
(:math:`+\tfrac12`: own, :math:`-\tfrac12`: other), for participant :math:`s` and picture or scene
:math:`i`:

.. math::

    \eta_{s,t} &= a_s + b_s\, p_t + c_s\, g_t + h_s\, p_t\, g_t + u_{i(t)} \\
    \text{rating}_t &\sim \text{Normal}(\eta_{s,t},\; s) \\
    \text{AI}_t &\sim \text{Normal}(a'_s + b'_s p_t + c'_s g_t + h'_s p_t g_t,\; s')

and the same for ACC. Whether a participant helps somebody depends on the insula's response to the
pain of that person's group:

.. math::

    P(\text{help}_t) = \text{logit}^{-1}\big(k_s + m_s g_t
        + \gamma\, (b'_s + h'_s g_t)\big)

The effects are differences on the scale of the rating; :math:`h` is how much more pain moves one
when it is the own group's.

Notes
-----
What was published: anterior-insula activity at the sight of an in-group member's pain predicts
helping that person (2010); anterior cingulate responses to pain are smaller for another
race (2009). Both are comparisons of condition means.
What is ours: the regression on single trials, the hierarchy with pictures as crossed items, the
joint likelihood of ratings, regions and helping, every prior, and all rivals.
Traps: pictures treated as fixed inflate effects of groups, hence `item`; where pictures are not
known, `item_effect` is held at 0. With one group only, leave `group` out and hold what it cannot
tell: model.fix(group_effect=0, bias=0), and likewise for AI, ACC and helping. With one condition
`pain` may hold one number: its effects then follow their priors, and you are warned. Betas of
conditions in place of trials: give one row of trials per condition. Priors of the regions assume
betas z-scored within the region.

References
----------
Hein, G., Silani, G., Preuschoff, K., Batson, C. D., & Singer, T. (2010). Neural responses to
ingroup and outgroup members' suffering predict individual differences in costly helping. Neuron,
68, 149-160. doi:10.1016/j.neuron.2010.09.003

Xu, X., Zuo, X., Wang, X., & Han, S. (2009). Do you feel my pain? Racial group membership modulates
empathic neural responses. Journal of Neuroscience, 29, 8525-8529.
doi:10.1523/JNEUROSCI.2418-09.2009
"""

from dataclasses import replace

import pymc as pm

import empathymodels as em


def _response_to_pain(parameters, data, prefix=""):
    """Return baseline, pain, group and their product, for the parameters with a prefix."""
    baseline, pain, group, bias = (
        getattr(parameters, prefix + name)
        for name in ("baseline", "pain_effect", "group_effect", "bias")
    )
    own = 0.5 - data.group
    return baseline + pain * data.pain + group * own + bias * data.pain * own


def _rated(parameters, data):
    return _response_to_pain(parameters, data) + parameters.item_effect


def rating(latent, parameters, data):
    """Rated empathy follows pain and group; every picture adds something of its own."""
    return pm.Normal.dist(_rated(parameters, data), parameters.rating_noise)


def ai(latent, parameters, data):
    """Insula betas follow pain and group."""
    mean = _response_to_pain(parameters, data, "ai_")
    return pm.Normal.dist(mean, em.measured(data.se, parameters.ai_noise))


def acc(latent, parameters, data):
    """Cingulate betas follow pain and group."""
    mean = _response_to_pain(parameters, data, "acc_")
    return pm.Normal.dist(mean, em.measured(data.se, parameters.acc_noise))


def helping(latent, parameters, data):
    """Helping follows the group, and the insula's response to the pain of that group."""
    own = 0.5 - data.group
    insula = parameters.ai_pain_effect + parameters.ai_bias * own
    utility = parameters.help_baseline + parameters.help_group * own
    return em.Choice.dist(utility + parameters.insula_link * insula)


def no_bias(model):
    """Pain moves people the same whoever suffers; groups may differ without pain."""
    fixed = {f"{prefix}bias": 0.0 for prefix in _prefixes(model)}
    return model.fix(**fixed)


def no_group(model):
    """The group makes no difference, with pain or without."""
    ends = ("bias", "group_effect")
    fixed = {f"{prefix}{end}": 0.0 for prefix in _prefixes(model) for end in ends}
    return model.fix(**fixed)


def _prefixes(model):
    known = {p.name for p in model.parameters}
    return [prefix for prefix in ("", "ai_", "acc_") if f"{prefix}bias" in known]


def no_items(model):
    """Pictures do not differ (or are not known)."""
    return model.fix(item_effect=0.0)


def censored(model):
    """Ratings have no steps, and those at an end stand for everything beyond it."""

    def rating(latent, parameters, data):
        mean, noise = _rated(parameters, data), parameters.rating_noise
        return em.CensoredNormal.dist(mean, noise, data.lowest, data.highest)

    return model.with_response("rating", rating)


def ordered_beta(model):
    """Ends of the slider have shares of their own; effects are on the logit scale."""

    def rating(latent, parameters, data):
        low = parameters.low_cut
        return em.OrderedBeta.dist(
            _rated(parameters, data), parameters.precision,
            low, low + parameters.cut_distance, data.lowest, data.highest,
        )

    moved = {  # prior of the mean, and what is ordinary
        "baseline": ((0, 1.5), (-2.0, 1.0)),
        "pain_effect": ((0, 1), (0.0, 2.0)),
        "group_effect": ((0, 0.75), (-0.5, 0.5)),
        "bias": ((0, 0.75), (0.0, 1.0)),
        "item_effect": ((0, 1e-3), (-0.5, 0.5)),
    }
    on_logits = [
        replace(p, location=moved[p.name][0], spread=0.75, typical=moved[p.name][1], scale_of=None)
        for p in model.parameters
        if p.name in moved
    ]
    shape = (
        em.Parameter(
            "precision", "how little ratings between the ends scatter",
            location=(1.6, 0.75), spread=0.5, support="positive", typical=(2, 15), symbol=r"\phi",
        ),
        em.Parameter(
            "low_cut", "location below which the lower end becomes likelier than not",
            location=(-2, 1), level="population", typical=(-3, -1), symbol="c_1",
        ),
        em.Parameter(
            "cut_distance", "distance between the cuts of the lower and the upper end",
            location=(1.5, 0.5), level="population", support="positive", typical=(3, 7),
            symbol="c_2 - c_1",
        ),
    )
    model = model.with_response("rating", rating).with_parameters(without=["rating_noise"])
    return model.with_parameters(*on_logits, *shape)


def _effect(response, of="pain", within=None):
    """Mean response with pain minus without, in one group or in both."""

    def difference(table):
        if within is not None:
            table = table[table.group == within]
        return table[response][table[of] > 0.5].mean() - table[response][table[of] < 0.5].mean()

    return difference


def _bias(response):
    """Effect of pain in the own group minus that in the other."""
    own, other = _effect(response, within="in"), _effect(response, within="out")
    return lambda table: own(table) - other(table)


def _helping(group):
    return lambda table: table.help[table.group == group].mean()


def _coefficients(prefix, scale_of, where, *, unit, prime=""):
    """Declare baseline, pain, group and bias of one measure; `unit` is its ordinary spread."""

    def person(name, meaning, location, spread, typical, symbol, role="scale"):
        return em.Parameter(
            prefix + name, f"{meaning}{where}", location=location, spread=spread, typical=typical,
            scale_of=scale_of, role=role, symbol=symbol + prime,
        )

    middle, ordinary, role = (
        (0.4, (0.2, 0.6), "location") if scale_of else (0.0, (-0.5, 0.5), "scale")
    )
    half, third = unit / 2, unit / 3
    return (
        person("baseline", "level without pain", (middle, unit), unit, ordinary, "a", role),
        person("pain_effect", "change with pain", (0, unit), half, (0, unit), "b"),
        person(
            "group_effect", "own group minus other, without pain", (0, half), third,
            (-third, third), "c",
        ),
        person(
            "bias", "effect of pain in the own group minus the other", (0, half), third,
            (-unit / 4, half), "h",
        ),
    )


def _noise(name, meaning, scale_of, mu, typical, symbol):
    return em.Parameter(
        name, meaning, location=(mu, 0.5), spread=0.3, support="positive", scale_of=scale_of,
        typical=typical, symbol=symbol,
    )


model = em.Model(
    columns=(
        em.Column("pain", "0: no pain; 1: pain", range=(0, 1)),
        em.Column("group", "group of the one who suffers", levels=("in", "out"), default="in"),
        em.Column("item", "picture or scene shown", levels="any", default="all"),
        em.Column(
            "se", "known standard error of the beta", table="regions", range=(1e-6, 1e6),
            unit="as beta", default=0.0,
        ),
    ),
    parameters=(
        *_coefficients("", "rating", " (rating)", unit=0.2),
        em.Parameter(
            "item_effect", "what a picture adds to the rating",
            location=(0, 1e-3), spread=0.1, level="item", scale_of="rating", typical=(-0.1, 0.1),
            symbol="u",
        ),
        _noise("rating_noise", "standard deviation of ratings", "rating", -2, (0.06, 0.25), "s"),
        *_coefficients("ai_", None, " (AI beta)", unit=0.5, prime="'"),
        _noise("ai_noise", "standard deviation of AI betas", None, -0.3, (0.4, 1.2), "s'"),
        *_coefficients("acc_", None, " (ACC beta)", unit=0.5, prime="''"),
        _noise("acc_noise", "standard deviation of ACC betas", None, -0.3, (0.4, 1.2), "s''"),
        em.Parameter(
            "help_baseline", "readiness to help, log odds",
            location=(0, 1), spread=1, typical=(-1, 1), symbol="k",
        ),
        em.Parameter(
            "help_group", "readiness to help the own group minus the other, log odds",
            location=(0, 0.75), spread=0.5, typical=(-0.5, 1), symbol="m",
        ),
        em.Parameter(
            "insula_link", "log odds of helping per unit of the insula's response to pain",
            location=(0, 0.5), level="population", typical=(-0.5, 1), symbol=r"\gamma",
        ),
    ),
    responses=(
        em.Response("rating", rating, "empathy felt", range=(0, 100), unit="points"),
        em.Response(
            "AI", ai, "anterior-insula beta, z-scored", table="regions", region="AI", unit="z",
        ),
        em.Response(
            "ACC", acc, "anterior-cingulate beta, z-scored", table="regions", region="ACC",
            unit="z",
        ),
        em.Response("help", helping, "1: helped; 0: did not", levels=(0, 1)),
    ),
    correlate=("pain_effect", "bias", "ai_pain_effect", "ai_bias"),
    statistics=(
        em.Statistic.mean("rating"),
        em.Statistic.sd("rating", "sd of ratings"),
        em.Statistic("rating, pain minus no pain", "rating", _effect("rating")),
        em.Statistic("bias of ratings", "rating", _bias("rating")),
        em.Statistic("AI, pain minus no pain", "AI", _effect("AI")),
        em.Statistic("bias of AI", "AI", _bias("AI")),
        em.Statistic("bias of ACC", "ACC", _bias("ACC")),
        em.Statistic("helping of the own group", "help", _helping("in")),
        em.Statistic("helping of the other group", "help", _helping("out")),
    ),
    rivals=(no_bias, no_group, no_items, em.plain_normal, censored, ordered_beta),
)
