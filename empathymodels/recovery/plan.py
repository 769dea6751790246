"""What replicates are made of: a model, a design, a truth, and how each is sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from empathymodels.declaration.model import Model
from empathymodels.recovery.packed_model import PackedModel
from empathymodels.study.study import Study


@dataclass(frozen=True)
class Sampling:
    """How the fit of every replicate is sampled, in the words of `fit`."""

    draws: int
    tune: int
    chains: int
    target_accept: float

    @property
    def settings(self) -> dict[str, Any]:
        """The same as arguments of `fit`."""
        return asdict(self)

    @property
    def identity(self) -> dict[str, Any]:
        """What results depend on: those of data sets that were sampled otherwise are others."""
        return {"settings": self.settings, "sampled": "after a pilot of each data set"}

    @property
    def steps(self) -> int:
        """Steps of all chains, adaptation included."""
        return self.chains * (self.tune + self.draws)


@dataclass(frozen=True)
class Plan:
    """What a worker needs to make replicates.

    Attributes
    ----------
    key : str
        Of the task and the model: a worker compiles once for each.
    model : PackedModel or Model
        What simulates and is fitted.
    design : Study
        Where.
    covariates : mapping or None
        Formula per parameter.
    truth : Dataset, DataFrame, mapping or None
        Posterior of populations, or values of everybody; the prior where there is none.
    sampling : Sampling
    """

    key: str
    model: PackedModel | Model
    design: Study
    covariates: Mapping[str, str] | None
    truth: Any
    sampling: Sampling


def as_study(design: Study | pd.DataFrame) -> Study:
    """Return a design as a study; a table is one of trials."""
    if isinstance(design, Study):
        return design
    if isinstance(design, pd.DataFrame):
        return Study(trials=design, name="design")
    raise TypeError(
        "A design must be a Study, or a table of trials (a DataFrame); found "
        f"{type(design).__name__}. Give for example em.Study(trials=table, participants=people)."
    )
