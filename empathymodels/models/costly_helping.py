r"""Costly helping: how much another's gain is worth of one's own loss, and what motives add to it.

On every trial a participant chooses between an egoistic and a prosocial option; the prosocial one
gives the other person the gain :math:`G` and costs oneself the loss :math:`L` (both in points). A
motive that was induced, empathy say, may raise the weight :math:`w` of the other's gain, or the
readiness :math:`b` to help whatever it costs, or both. For participant :math:`s` and motive
:math:`m`, in hundreds of points,

.. math::

    U_t &= \beta_s \left( w_{s,m}\, \frac{G_t}{100} - \frac{L_t}{100} \right) + b_{s,m} \\
    P(\text{help}_t) &= \text{logit}^{-1}(U_t)

Where loss and gain change together in a design, only one slope can be told. The rival
`trade_off` has one, on the gain.

Notes
-----
What was published: choices by motive (shares, points of subjective equality), and a
drift-diffusion model in which empathy moves the start of the process and the drift (2022).
What is ours: the choice model, every prior and all rivals; a bias corresponds to a start of the
drift and a weight to its rate, without response times.
Traps: in the published design own loss and other's gain correlate at -.92, so that their weights
cannot be told apart: take `trade_off`, whose point of subjective equality is -100 b / v points. A
temperature and two free weights would be one too many: the weight of one's own points is 1.

References
----------
Saulin, A., Horn, U., Lotze, M., Kaiser, J., & Hein, G. (2022). The neural computation of human
prosocial choices in complex motivational states. NeuroImage, 118827.
doi:10.1016/j.neuroimage.2021.118827

Hein, G., Morishima, Y., Leiberg, S., Sul, S., & Fehr, E. (2016). The brain's functional network
architecture reveals human motives. Science, 351, 1074-1078. doi:10.1126/science.aac7992
"""

from dataclasses import replace

import empathymodels as em

UNIT = 100  # points


def step(state, parameters, data):
    """Worth of helping to oneself, and its utility."""
    worth = parameters.other_weight * data.other_gain / UNIT - data.own_loss / UNIT
    return dict(worth=worth, utility=parameters.inverse_temperature * worth + parameters.bias)


def helping(latent, parameters, data):
    """Helping becomes likelier with its utility."""
    return em.Choice.dist(latent.utility)


def trade_off(model):
    """Loss and gain change together: one slope on the other's gain, and a bias per motive."""

    def step(state, parameters, data):
        worth = parameters.slope * data.other_gain / UNIT
        return dict(worth=worth, utility=worth + parameters.bias)

    slope = em.Parameter(
        "slope", "what the other's gain adds to the log odds of helping",
        location=(0.5, 0.5), spread=0.5, typical=(0, 1.5), symbol="v", motive="approach",
        unit="per 100 points",
    )
    replaced = ("other_weight", "inverse_temperature")
    kept = tuple(p for p in model.parameters if p.name not in replaced)
    columns = tuple(c for c in model.columns if c.name != "own_loss")
    rivals = {"no_motive": no_motive}
    return replace(model, step=step, columns=columns, parameters=(*kept, slope), rivals=rivals)


def bias_only(model):
    """Motives change the readiness to help, not the weight of the other's gain."""
    return model.pool("other_weight")


def weight_only(model):
    """Motives change the weight of the other's gain, not the readiness to help."""
    return model.pool("bias")


def no_motive(model):
    """Motives change nothing."""
    split = [p.name for p in model.parameters if p.by == "motive"]
    return model.pool(*split)


def _share(motive=None):
    def share(table):
        return (table if motive is None else table[table.motive == motive]).help.mean()

    return share


def _spread(table):
    """Standard deviation between participants of the share of helping."""
    return table.groupby("participant")["help"].mean().std()


def _by_gain(table):
    """Share of helping above the middle of the other's gain minus the share below."""
    high = table.other_gain > (table.other_gain.min() + table.other_gain.max()) / 2
    return table.help[high].mean() - table.help[~high].mean()


def _range_of_motives(table):
    """Largest minus smallest share of helping over the motives."""
    shares = table.groupby("motive")["help"].mean()
    return shares.max() - shares.min()


model = em.Model(
    title="help is given for what another gains of it, at one's own cost, by motive",
    step=step,
    latents={
        "worth": "worth of helping to oneself, in hundreds of own points",
        "utility": "log odds of helping",
    },
    columns=(
        em.Column("own_loss", "what helping costs oneself", range=(0, 1e4), unit="points"),
        em.Column(
            "other_gain", "what helping gives the other person", range=(0, 1e4), unit="points"
        ),
        em.Column("motive", "motive that was induced", levels="any", default="none"),
    ),
    parameters=(
        em.Parameter(
            "other_weight", "worth of a point of the other's",
            location=(0.5, 0.5), spread=0.5, by="motive", typical=(0, 1.2), symbol="w",
            motive="approach", unit="own points",
        ),
        em.Parameter(
            "bias", "readiness to help whatever it costs",
            location=(0, 1), spread=1, by="motive", typical=(-1, 2), symbol="b", motive="approach",
            unit="log odds",
        ),
        em.Parameter(
            "inverse_temperature", "change in the log odds of helping per 100 own points",
            location=(0, 0.75), spread=0.5, support="positive", typical=(0.3, 3), symbol=r"\beta",
        ),
    ),
    responses=(em.Response("help", helping, "1: prosocial option; 0: egoistic", levels=(0, 1)),),
    correlate=("bias",),
    statistics=(
        em.Statistic("share of helping", "help", _share()),
        em.Statistic("sd of people's helping", "help", _spread),
        em.Statistic("helping, high minus low gain of the other", "help", _by_gain),
        em.Statistic("helping, largest difference between motives", "help", _range_of_motives),
    ),
    rivals=(trade_off, bias_only, weight_only, no_motive),
)
