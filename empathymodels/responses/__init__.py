"""Distributions of responses that PyMC lacks, or has in a slower or less exact form."""

from empathymodels.responses.base import measured
from empathymodels.responses.choice import Choice, SoftmaxChoice
from empathymodels.responses.conductance import HurdleSquareRoot
from empathymodels.responses.likert import Ordinal, thresholds
from empathymodels.responses.rounded import RoundedNormal
from empathymodels.responses.slider import CensoredNormal, OrderedBeta

__all__ = [
    "CensoredNormal",
    "Choice",
    "HurdleSquareRoot",
    "OrderedBeta",
    "Ordinal",
    "RoundedNormal",
    "SoftmaxChoice",
    "measured",
    "thresholds",
]
