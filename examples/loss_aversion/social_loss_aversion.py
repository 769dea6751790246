r"""Loss aversion for oneself, a friend and a stranger: losses count by whose they are.

On every trial a participant takes a gamble, of a gain :math:`G` or a loss :math:`L` at even odds,
or a certain amount :math:`C`. Losses count :math:`\lambda` times as much as gains, and amounts
may count with diminishing returns :math:`\rho` (prospect theory), for each recipient :math:`p`:

.. math::

    U_t &= \tfrac12 G_t^{\rho} - \tfrac12 \lambda_p L_t^{\rho} - C_t^{\rho} \\
    P(\text{gamble}_t) &= \text{logit}^{-1}(\beta\, U_t)

References
----------
Tversky & Kahneman (1992), Journal of Risk and Uncertainty 5:297-323, doi:10.1007/BF00122574.
"""

from empathymodels import (
    Choice,
    Column,
    Model,
    Parameter,
    Prior,
    Reference,
    Response,
    Statistic,
)


def gamble(latent, parameters, data):
    """A gamble is taken for what it is worth over the certain amount."""
    curve = parameters.curvature
    worth = 0.5 * data.gain**curve - 0.5 * parameters.loss_aversion * data.loss**curve
    return Choice.dist(parameters.inverse_temperature * (worth - data.certain**curve))


def no_aversion(model):
    """Losses count as much as gains."""
    return model.fix(loss_aversion=1.0)


def one_aversion(model):
    """Losses count the same whoever bears them."""
    return model.pool("loss_aversion")


def _share(recipient):
    return lambda table: table.gamble[table.recipient == recipient].mean()


model = Model(
    title="losses count more than gains, by who bears them",
    columns=(
        Column("gain", "what the gamble may win", range=(0, 1000), unit="dollars"),
        Column("loss", "what the gamble may lose, as a positive number", range=(0, 1000)),
        Column("certain", "the certain amount", range=(0, 1000), unit="dollars"),
        Column("recipient", "whose money it is", levels=("self", "friend", "stranger")),
    ),
    parameters=(
        Parameter(
            "loss_aversion",
            "how many times as much losses count",
            location=Prior("Normal", mu=0.4, sigma=0.5),
            spread=Prior("HalfNormal", sigma=0.5),
            support="positive",
            by="recipient",
            typical=(0.8, 3),
            symbol=r"\lambda",
        ),
        Parameter(
            "curvature",
            "exponent of amounts; below 1 each further dollar counts less",
            location=Prior("Normal", mu=-0.1, sigma=0.3),
            spread=Prior("HalfNormal", sigma=0.3),
            support="positive",
            typical=(0.5, 1.2),
            symbol=r"\rho",
        ),
        Parameter(
            "inverse_temperature",
            "how consistently the more valuable option is chosen",
            location=Prior("Normal", mu=0, sigma=1),
            spread=Prior("HalfNormal", sigma=0.75),
            support="positive",
            typical=(0.3, 4),
            symbol=r"\beta",
        ),
    ),
    responses=(Response("gamble", gamble, "1: gamble; 0: certain amount", levels=(0, 1)),),
    correlate=("loss_aversion",),
    statistics=(
        Statistic("gambles for oneself", "gamble", _share("self")),
        Statistic("gambles for a friend", "gamble", _share("friend")),
        Statistic("gambles for a stranger", "gamble", _share("stranger")),
    ),
    rivals={"no_aversion": no_aversion, "one_aversion": one_aversion},
    references=(
        Reference(
            "Tversky, A., & Kahneman, D. (1992). Advances in prospect theory: Cumulative "
            "representation of uncertainty. Journal of Risk and Uncertainty, 5, 297-323.",
            "10.1007/BF00122574",
        ),
    ),
    notes="""\
Trap: where the certain amount of all gambles with a loss is 0, curvature and loss aversion are told
apart by the gambles without a loss alone.""",
)
