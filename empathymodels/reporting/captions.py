"""What figures show, in words: for those who do not see them, and to read them by."""

from __future__ import annotations

from dataclasses import dataclass

from empathymodels.messages import sentence, words


@dataclass(frozen=True)
class Caption:
    """The words of a figure.

    Attributes
    ----------
    says : str
        What is seen, for those who do not see it.
    reads : str
        What to know to read it.
    """

    says: str
    reads: str


EFFECTS = Caption(
    "Effects in the population with their intervals, beside 0.",
    "Effects in the population, between people and conditions first, then by distance from 0: "
    "posterior medians and 90 % intervals, each as a multiple of half the width of its own "
    "interval, so that different scales share an axis: a bar that does not reach the line has an "
    "interval without 0. Blue where the sign has a probability of .95 or more. Numbers are in the "
    "text.",
)
MOTIVES = Caption(
    "Weights of the motives to approach and to avoid, with intervals.",
    "Weights of motives. In front the median person with central intervals of 50 and 90 %, "
    "behind everybody; at the right the posterior probability of the sign.",
)
PARAMETERS = Caption(
    "Posterior densities of the population's parameters, with everybody's medians under them.",
    "Population. Curves: posterior density of the median person, or of the value that all "
    "share; bars: central 90 %; ticks: posterior medians of people.",
)
CORRELATIONS = Caption(
    "Posterior correlations of people's parameters, by pair.",
    "Correlations of people's parameters on the link scale, beside the spread that their "
    "prior has.",
)
STATISTICS = Caption(
    "Features of the data inside histograms of their predicted values.",
    "Features of the data (lines) among the values that the fit predicts for them.",
)
COMPARISON = Caption(
    "Differences in predictive density between the models, and stacking weights.",
    "Difference in expected log predictive density to the best model, with one and two "
    "standard errors, and weights in the best mixture of predictions.",
)


def of_people(parameter: str) -> Caption:
    """Return the words of everybody's values of a parameter."""
    return Caption(
        f"Everybody's {words(parameter)} with intervals, sorted, around the median person.",
        f"{sentence(words(parameter))} of everybody: posterior medians with central intervals of "
        "50 and 90 %. Dashed line and shade: the population's median person with 90 %.",
    )


def of_predictions(response: str) -> Caption:
    """Return the words of a response beside its predictions."""
    return Caption(
        f"Observed {words(response)} beside what the fit predicts.",
        f"{sentence(words(response))}: what was observed (dots), and what the fit predicts for "
        "the same people, one step ahead (median, bands of 50 and 90 %).",
    )
