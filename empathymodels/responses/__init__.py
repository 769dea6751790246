"""Distributions of responses that PyMC lacks, or has in a slower or less exact form.

Nouns: Choice, CensoredNormal, OrderedBeta, Ordinal and kin. Verbs: measured, thresholds, pick,
put.
Doors: options, rounded.
May import: no other folder.
"""

from empathymodels.responses.choice import Choice, SoftmaxChoice
from empathymodels.responses.conductance import HurdleSquareRoot
from empathymodels.responses.distribution import measured
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
