r"""Affect congruence: joy at another's joy, or at another's misfortune, by who the other is.

An event of valence :math:`v` (-1: a misfortune; +1: good fortune) befalls somebody who stands in a
relation to the participant: an ally, a rival, somebody neutral. What the participant feels about it
is congruent with what the other feels, to a degree :math:`\kappa` from -1 to 1: empathy above 0,
indifference at 0, and below 0 counter-empathy (schadenfreude at misfortunes, displeasure at good
fortune). For participant :math:`s` and relation :math:`r`, where one's gain is not the other's
loss,

.. math::

    \text{rating}_t \sim \text{Normal}(a_s + v_t\, g_s\, \kappa_t,\; \sigma_s), \qquad
    \kappa_t = \kappa_{s,r(t)}

The reactivity :math:`g` is the change of affect when the event befalls oneself, where
:math:`\kappa_t = 1`. Under zero-sum stakes congruence shifts, by :math:`\lambda` from -1 to 1:

.. math::

    \kappa_t = \frac{\kappa_{s,r(t)} + \lambda_s}{1 + \kappa_{s,r(t)}\, \lambda_s}
        = \tanh\left( \tanh^{-1} \kappa_{s,r(t)} + \tanh^{-1} \lambda_s \right)

So :math:`\lambda` is the congruence that zero-sum stakes give to somebody who is otherwise
indifferent, and :math:`\kappa_t` stays between -1 and 1.

Notes
-----
What was published: people feel least bad about misfortunes of envied targets, and worst about those
of pitied ones (Cikara & Fiske); schadenfreude as the alternative to empathy where groups compete
(Cikara, Bruneau & Saxe). The first compares mean responses; the second is a review.
What is ours: congruence and all other equations, every prior and every rival.
Traps: reactivity and congruence multiply, so that something must say how large a feeling is.
Events that befall oneself do: mark them by `recipient` = self (`relation` is then that of the
other person present, and does not matter). Without the column `recipient`, reactivity is held at
half of the rating's range: congruence of 1 then takes a rating from the middle to an end of the
scale, and people who use little of the scale seem less congruent; relations can be compared all the
same. A column `recipient` without a single `self` would leave reactivity and congruence apart by
their priors alone: look at diagnose_design before fitting, and leave the column out.
One shift stands for zero-sum stakes whatever the relation; model.split("relation", "stakes_shift")
gives every relation its own, if all occur under both stakes. Where stakes and relation go together
(only rivals under zero-sum stakes), they cannot be told apart.
Good and bad fortune have one congruence: where pleasure at misfortunes may go without displeasure
at good fortune, give the relation a label per valence ("rival, misfortune").

References
----------
Cikara, M., & Fiske, S. T. (2011). Bounded empathy: Neural responses to outgroup targets'
(mis)fortunes. Journal of Cognitive Neuroscience, 23, 3791-3803. doi:10.1162/jocn_a_00069

Cikara, M., Bruneau, E. G., & Saxe, R. R. (2011). Us and them: Intergroup failures of empathy.
Current Directions in Psychological Science, 20, 149-153. doi:10.1177/0963721411408713
"""

from dataclasses import replace

import pandas as pd
import pymc as pm
import pytensor.tensor as pt

import empathymodels as em


def step(state, parameters, data):
    """Congruence with whom the event befalls, and the change of affect that it brings."""
    shift = parameters.stakes_shift * data.stakes
    kappa = parameters.congruence
    return _felt((kappa + shift) / (1 + kappa * shift), parameters, data)


def _felt(with_other, parameters, data):
    """Return the latents; an event that befalls oneself is felt in full."""
    congruence = pt.where(pt.eq(data.recipient, 1), 1.0, with_other)
    affect = data.valence * parameters.reactivity * congruence
    return dict(felt_congruence=congruence, affect=affect)


def rating(latent, parameters, data):
    """Rated affect moves from its baseline by what is felt."""
    return pm.Normal.dist(parameters.baseline + latent.affect, parameters.rating_noise)


# --------------------------------------------------------------------- what else could hold


def no_relation(model):
    """Congruence is the same with everybody."""
    return model.pool("congruence")


def no_stakes(model):
    """Zero-sum stakes change nothing."""
    return model.fix(stakes_shift=0.0)


def indifferent(model):
    """What befalls others moves nobody."""
    return model.fix(congruence=0.0, stakes_shift=0.0)


def positive_only(model):
    """Congruence lies between 0 and 1: empathy fails, but never turns round.

    Stakes shift it in the same way, on the logit scale of 0 to 1.
    """

    def step(state, parameters, data):
        shift, kappa = parameters.stakes_shift * data.stakes, parameters.congruence
        up, down = kappa * (1 + shift), (1 - kappa) * (1 - shift)
        return _felt(up / (up + down), parameters, data)

    congruence = replace(
        model.parameter("congruence"),
        support="unit", location=(0, 1.5), spread=1, typical=(0.05, 0.9),
    )
    return replace(model, step=step).with_parameters(congruence)


# ------------------------------------------------------------------------- declarations


def _change(table):
    """Mean rating after good fortune minus that after misfortune."""
    fortune, misfortune = table.valence > 0, table.valence < 0
    return table.rating[fortune].mean() - table.rating[misfortune].mean()


def _of(recipient, **where):
    """Change of the rating with the valence, of some events."""

    def change(table):
        rows = table.recipient == recipient
        for column, value in where.items():
            rows &= table[column] == value
        return _change(table[rows])

    return change


def _by_relation(table):
    """Largest minus smallest change of the rating with the valence, over relations."""
    others = table[table.recipient == "other"]
    changes = pd.Series([_change(rows) for _, rows in others.groupby("relation")], dtype=float)
    return changes.max() - changes.min()  # of relations with events of both valences


def _by_stakes(table):
    """Change of the rating with the valence under zero-sum stakes minus that without."""
    zero_sum, independent = (_of("other", stakes=s)(table) for s in ("zero_sum", "independent"))
    return zero_sum - independent


model = em.Model(
    title="what befalls others is felt with them, or against them, by who they are",
    step=step,
    latents={
        "felt_congruence": "congruence with whom the event befalls, stakes included; 1 for oneself",
        "affect": "change of affect that the event brings, in units of the rating",
    },
    columns=(
        em.Column(
            "valence", "-1: misfortune; 1: good fortune; or graded in between", range=(-1, 1),
        ),
        em.Column("relation", "who the other person is to the participant", levels="any"),
        em.Column(
            "stakes", "whether one's gain is the other's loss", levels=("independent", "zero_sum"),
            default="independent",
        ),
        em.Column("recipient", "whom the event befalls", levels=("other", "self"), default="other"),
    ),
    parameters=(
        em.Parameter(
            "baseline", "affect without an event",
            location=(0.5, 0.1), spread=0.1, scale_of="rating", role="location", typical=(0.4, 0.6),
            symbol="a",
        ),
        em.Parameter(
            "reactivity", "change of affect when an event of valence 1 befalls oneself",
            location=(-1.2, 0.5), spread=0.4, support="positive", scale_of="rating",
            typical=(0.15, 0.5), symbol="g", weighs="recipient", if_absent=0.5,
        ),
        em.Parameter(
            "congruence", "how far affect goes with the other's (1), or against it (-1)",
            location=(0, 0.75), spread=0.5, support="signed", by="relation", typical=(-0.5, 0.8),
            symbol=r"\kappa",
        ),
        em.Parameter(
            "stakes_shift", "congruence that zero-sum stakes give to who is otherwise indifferent",
            location=(0, 0.5), spread=0.3, support="signed", typical=(-0.5, 0.2), symbol=r"\lambda",
            weighs="stakes",
        ),
        em.Parameter(
            "rating_noise", "standard deviation of ratings",
            location=(-2, 0.5), spread=0.3, support="positive", scale_of="rating",
            typical=(0.06, 0.25), symbol=r"\sigma",
        ),
    ),
    responses=(
        em.Response(
            "rating", rating, "affect felt after the event, from unpleasant to pleasant",
            range=(0, 100), unit="points",
        ),
    ),
    correlate=("congruence",),
    statistics=(
        em.Statistic.mean("rating"),
        em.Statistic.sd("rating", "sd of ratings"),
        em.Statistic("good minus bad fortune of others", "rating", _of("other")),
        em.Statistic("good minus bad fortune of oneself", "rating", _of("self")),
        em.Statistic(
            "good minus bad, largest difference between relations", "rating", _by_relation
        ),
        em.Statistic("good minus bad, zero-sum minus independent stakes", "rating", _by_stakes),
    ),
    rivals=(no_relation, no_stakes, indifferent, positive_only, em.plain_normal),
)
