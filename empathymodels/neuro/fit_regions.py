"""One fit for each of many regions or parcels, in parallel, and what they found side by side."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.checks.check import check
from empathymodels.declaration.fingerprint import fingerprint
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Response
from empathymodels.inference.convergence import MOST
from empathymodels.inference.fit import fit
from empathymodels.layout.arrange import arrange
from empathymodels.layout.plausibility import rows_of
from empathymodels.messages import did_you_mean, listed
from empathymodels.neuro.regions_dataset import as_dataset, is_region_result, region_result
from empathymodels.population.covariates import covariates_for
from empathymodels.recovery.packed_model import PackedModel, packed, unpacked
from empathymodels.recovery.replicates import Task, replicates
from empathymodels.study.keys import key_columns
from empathymodels.study.study import Study
from empathymodels.terminal import tell

FEW = {"draws": 20, "tune": 20, "chains": 1}  # of a fit that only compiles


@dataclass(frozen=True)
class _Work:
    """What a worker needs for a region: the model, whose response it is, its rows, and how.

    Attributes
    ----------
    model : PackedModel or Model
        As it was given.
    response : str
        What is read from the region.
    region : str
    study : Study
        With no other regions than those that the model reads.
    covariates : mapping or None
    settings : mapping
        Of the sampling.
    """

    model: PackedModel | Model
    response: str
    region: str
    study: Study
    covariates: Mapping[str, str] | None
    settings: Mapping[str, Any]

    @property
    def here(self) -> Model:
        """The model, its response read from the region."""
        return unpacked(self.model).with_region(**{self.response: self.region})

    def fit(self, **how: Any) -> xr.DataTree:
        """Fit the region as `empathymodels.fit` does."""
        how = {**self.settings, "covariates": self.covariates, "progress": False, **how}
        return fit(self.here, self.study, **how)


@checked_arguments
def fit_regions(
    model: Model,
    study: Study,
    *,
    response: str | None = None,
    regions: Sequence[str] | None = None,
    covariates: Mapping[str, str] | None = None,
    seed: int = 0,
    draws: int | None = None,
    max_draws: int = MOST,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float | None = None,
    folder: str | Path | None = None,
    workers: int | None = None,
) -> xr.Dataset:
    """Fit a model to each of many regions by itself, and put what was found side by side.

    Every region is one fit, as `fit` makes it of ``model.with_region(...)``, checked by `check`
    and written to a file of its own. Regions with the same rows share one compiled program. The
    first is done at once; then it is said how long the others will take.

    Parameters
    ----------
    model : Model
        What is fitted. Its other responses, if the study has them, are explained with each region
        anew; ``model.without(...)`` leaves them out.
    study : Study
        With a table `regions`.
    response : str, optional
        The response of the model that is read from every region in turn; the one that is of the
        table `regions`, unless there are several.
    regions : list of str, optional
        Regions of the study, in this order; all, as they first appear, unless given. A few first
        and then all costs no fit twice, with the same folder.
    covariates, draws, max_draws, tune, chains, target_accept
        As in `fit`: unless `draws` are given, chains go on until they have converged.
    seed : int
        Of everything. A region's draws depend on it and on the region's own data, not on the
        workers nor on which other regions there are.
    folder : str or Path, optional
        Where the results of regions are kept. A run that is stopped and run again with the same
        folder does only what is missing or has changed; a temporary folder unless given.
    workers : int, optional
        Processes at a time: all cores unless given, or what the joblib backend in force offers
        (``with joblib.parallel_config(backend="dask"): ...``). Each compiles once.

    Returns
    -------
    Dataset
        Dim ``region``, and those that a fit's posterior has. Of the population, such as
        ``<name>_mean``, ``<name>_sd``, ``<name>_effect`` and ``correlation``, about 1,000 draws
        over ``draw``, evenly spaced in every chain, one chain behind the other. Of people and
        items posterior mean and sd, over ``statistic``. Per region: ``rhat``, ``rhat_people``,
        ``bulk_ess``, ``tail_ess`` (the worst of each), ``divergences``, ``passed`` (whether it
        passed every row of `check`) and ``failed_checks`` (which it did not, with their values),
        ``rows`` and ``missing`` (rows that were scored, and that could not be), ``participants``
        (of whom), ``seed`` (with which `fit` gives the same draws), ``seconds``, and ``error``
        (why there is no fit; numbers are then missing). It is a plain Dataset:
        ``result.to_netcdf(path)``, ``xarray.load_dataset(path)``.

    Raises
    ------
    KeyError
        The model has no such response.
    OSError
        The folder cannot be written to. What was written before stays.
    RuntimeError
        No region can be fitted, or the workers are gone.
    ValueError
        The study has no regions, or not these, or several responses are of regions.

    See Also
    --------
    region_effects : An effect in every region, partial pooling, and how often signs are wrong.
    reliability : Takes the result, too, of a model that is split by session.
    plot_regions : Where effects are.

    Notes
    -----
    Regions are fitted as if they were of other people: what they share is not used, and noise
    that neighbours have in common not known. `region_effects` pools their effects afterwards. For
    one model of all regions write one, with parameters of ``level="region"``, as
    `structural_plasticity` has.

    Examples
    --------
    >>> import empathymodels as em
    >>> model = em.get_model("vicarious_reward").without("rating")
    >>> result = em.fit_regions(model, study, folder="parcels", seed=1)  # doctest: +SKIP
    >>> em.region_effects(result, "vs_gain_mean", {"partner": "friend"})  # doctest: +SKIP
    """
    read = _response(model, response)
    rows = _rows(model, study, read, regions)
    settings = {
        "draws": draws,
        "max_draws": max_draws,
        "tune": tune,
        "chains": chains,
        "target_accept": target_accept,
    }
    formulas = dict(covariates) if covariates else None
    identity = {
        "task": "regions",
        "model": [fingerprint(model), model.label],
        "response": read.name,
        "covariates": formulas,
        "settings": settings,
    }
    shared = _digest(study)
    numbers = {_number(shared, name, table): name for name, table in rows.items()}

    def work(pack: PackedModel | Model, number: int) -> _Work:
        name = numbers[number]
        own = replace(study, regions=rows[name])
        return _Work(pack, read.name, name, own, formulas, settings)

    def prepare(cores: int) -> tuple[PackedModel | Model, None]:
        pack = packed(model)
        _compile([work(pack, number) for number in list(numbers)[:3]])
        kinds = _kinds(read, rows)
        if kinds > 1:
            tell(
                f"Betas of regions are missing in {kinds} patterns: every worker compiles once for "
                "each of them that it meets, which the time does not include."
            )
        return pack, None

    task = Task("Regions", _fitted, prepare, identity, seed, _misshapen, "region", numbers, work)
    done = replicates(task, number=list(numbers), folder=folder, workers=workers)
    if all(one.error for one in done):
        raise RuntimeError(
            f"At least one region must be fitted; all {len(done)} failed, "
            f"'{numbers[done[0].number]}' with {done[0].error} Try em.fit on this region to see "
            f"where: em.fit(model.with_region({read.name}=...), study)."
        )
    here = work(model, next(one.number for one in done if not one.error))
    arrangement = arrange(here.here, here.study)
    found = as_dataset(
        {numbers[one.number]: one for one in done},
        arrangement,
        covariates_for(arrangement, formulas),
    )
    found.attrs |= {
        "model": model.label,
        "response": read.name,
        "covariates": json.dumps(formulas or {}),
        "settings": json.dumps(settings),
        "seed": seed,
    }
    return found


def _response(model: Model, name: str | None) -> Response:
    """The response that is read from the regions."""
    known = [one.name for one in model.responses if one.table == "regions"]
    if not known:
        raise ValueError(
            f"A model for many regions needs a response of the table regions; '{model.label}' has "
            f"{listed(one.name for one in model.responses)}. Choose another model."
        )
    if name is None and len(known) == 1:
        return model.response(known[0])
    if name is None or (name not in known and name in {one.name for one in model.responses}):
        found = "none was named" if name is None else f"found '{name}', of another table"
        raise ValueError(
            f"response must name a response of regions; {found}. Model '{model.label}' has "
            f"{listed(known)}. Name one of these: response=..."
        )
    return model.response(name)


def _rows(
    model: Model, study: Study, read: Response, asked: Sequence[str] | None
) -> dict[str, pd.DataFrame]:
    """By region the rows that its fit needs: its own, and what other responses read."""
    if study.regions is None or study.regions.empty:
        raise ValueError(
            f"Study '{study.name}' needs a table of regions; it has {listed(study.tables)}. Give "
            "it: em.Study(..., regions=table), with participant, region and beta."
        )
    table = study.regions
    places = {str(name): rows for name, rows in table.groupby("region", sort=False).indices.items()}
    ordered = list(dict.fromkeys(map(str, table["region"])))
    if asked is not None and not len(asked):
        raise ValueError(
            f"regions must name one or more regions of study '{study.name}'; found none. Leave "
            "it out for all of them."
        )
    names = ordered if asked is None else list(dict.fromkeys(map(str, asked)))
    if absent := [name for name in names if name not in places]:
        raise ValueError(
            f"regions must be of study '{study.name}', which has {listed(ordered)}; "
            f"{len(absent)} of {len(names)} are not: {listed(absent)}. Correct the names."
            + did_you_mean(absent[0], ordered)
        )
    others = [r for r in model.responses if r.table == "regions" and r.name != read.name]
    also = np.zeros(len(table), dtype=bool)
    for other in others:
        also[:] |= table.index.isin(rows_of(other, table).index)
    shared = np.flatnonzero(also)
    kept = {name: np.union1d(places[name], shared) for name in names}
    return {name: table.iloc[rows].reset_index(drop=True) for name, rows in kept.items()}


def _digest(study: Study) -> str:
    """Hash of what all regions share."""
    return replace(study, regions=None).digest


def _number(shared: str, region: str, rows: pd.DataFrame) -> int:
    """Number of a region among replicates: the same for the same data, whatever other regions."""
    own = pd.util.hash_pandas_object(rows, index=False).to_list()
    text = repr((shared, region, list(rows), own))
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def _kinds(read: Response, rows: Mapping[str, pd.DataFrame]) -> int:
    """How many sets of rows regions have betas for."""
    found = set()
    for table in rows.values():
        observed = table[table[read.column].notna()] if read.column in table else table
        keys = [key for key in key_columns(observed, "regions") if key != "region"]
        found.add(tuple(pd.util.hash_pandas_object(observed[keys], index=False)))
    return len(found)


def _compile(first: Sequence[_Work]) -> None:
    """Tell once what would be told of every region, and compile; faults are told by each fit.

    Raises
    ------
    ValueError
        None of these can be laid out for the model.
    """
    faults = []
    for work in first:
        try:
            arrangement = arrange(work.here, work.study)
        except ValueError as fault:
            faults.append(f"Region '{work.region}': {fault}")
            continue
        for notice in arrangement.notices:
            tell(notice)
        covariates_for(arrangement, work.covariates)
        _glance(work)
        return
    raise ValueError(faults[0])


def _glance(work: _Work) -> None:
    """Fit a few draws, so that what is timed next is compiled; how they come out is no matter."""
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore", UserWarning)
        try:
            check(work.fit(**FEW, seed=0), draws=2)
        except Exception:  # it will be told of the region
            return


def _fitted(work: _Work, seeds: np.random.SeedSequence, cores: int) -> dict[str, Any]:
    """Fit a region, check it, and keep what is asked of it later."""
    seed = int(seeds.generate_state(1)[0])
    found = work.fit(seed=seed, cores=cores)
    return region_result(found, check(found), work.response) | {"seed": seed}


def _misshapen(results: Mapping[int, Any]) -> Iterator[int]:
    """Numbers of results that are not what `_fitted` returns."""
    return (number for number, result in results.items() if not is_region_result(result))
