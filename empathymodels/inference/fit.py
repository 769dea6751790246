"""Fit a model to a study: sample or approximate, and label what comes of it."""

from __future__ import annotations

import json
import secrets
import warnings
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from empathymodels.arguments import checked_arguments
from empathymodels.declaration.model import Model
from empathymodels.declaration.parts import Population
from empathymodels.engine.build import build
from empathymodels.engine.density import compiled_density
from empathymodels.inference.convergence import MOST, shortfall
from empathymodels.inference.fits import PARTIAL, remembered
from empathymodels.inference.partial_fit import mark_partial
from empathymodels.inference.provenance import fit_tree, provenance
from empathymodels.inference.request import NON_CENTRED, Request, asked_of, shares_asked
from empathymodels.inference.run import Run, run
from empathymodels.inference.sample import check_sampler
from empathymodels.inference.starts import check_start
from empathymodels.inference.store import Store, finish, open_store
from empathymodels.layout.arrange import arrange
from empathymodels.layout.arrangement import Arrangement
from empathymodels.layout.plausibility import warn_of_constants
from empathymodels.layout.rating_timing import mistimed
from empathymodels.messages import listed
from empathymodels.population.blocks import refuse_heavy_tails
from empathymodels.population.covariates import Covariates, covariates_for, tell_coding
from empathymodels.simulation.uninformed import warn_of_uninformed
from empathymodels.study.study import Study
from empathymodels.terminal import available_cores, progress_kind, regular_lines, tell


@checked_arguments
def fit(
    model: Model,
    study: Study,
    *,
    covariates: Mapping[str, str] | None = None,
    method: Literal["nuts", "laplace", "map"] = "nuts",
    population: Population | None = None,
    seed: int | None = None,
    draws: int | None = None,
    until: Literal["converged"] | None = "converged",
    max_draws: int = MOST,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    target_accept: float | None = None,
    centring: Literal["measured"] | float | Mapping[str, Any] = "measured",
    sampler: Mapping[str, float | str | bool | None] | None = None,
    progress: bool | None = None,
    store: str | Path | None = None,
    on_interrupt: Literal["raise", "partial"] = "raise",
) -> xr.DataTree:
    """Sample the posterior of a model given a study, or approximate it.

    Parameters
    ----------
    model : Model
        What to fit.
    study : Study
        To what. Responses that it does not have are left out of the likelihood and told.
    covariates : mapping of str to str, optional
        Formula per participant-level parameter over columns of the participants table, for
        example ``{"learning_rate": "partner_group + empathic_concern"}``. Replaces the
        model's default for that parameter; ``"0"`` removes it. Numbers are centred and scaled to
        unit standard deviation, after any transformation (``"log(age)"``); text and truth
        values are labels, compared with the first one, and so are those in ``"C(site)"`` or,
        compared with another, ``"C(site, Treatment('B'))"``. How each was taken is told, and is
        in the result. The text is parsed by a language of its own; no code in it is run.
    method : {"nuts", "laplace", "map"}
        ``"nuts"`` samples the posterior; use it for whatever you report. The others are for
        trying out models and designs; `check`, `estimates` and `compare` say so wherever they
        were used. Both maximise the marginal density of the population (means, spreads,
        effects, correlations and population-level parameters, on the unconstrained scale with
        the Jacobian), everybody's deviations being integrated out by Laplace's method; see
        `empathymodels.inference.laplace`. ``"laplace"`` then draws the population from the Gaussian
        with the curvature there, and everybody given each draw from Gaussians of their own, in
        one chain. ``"map"`` gives one draw: that population, and everybody's most probable
        values given it. The joint mode of population and people, often meant by "MAP", is not
        offered: it makes spreads far too wide, or, with people centred, zero; nor is Pathfinder,
        which made the intervals of people half as wide as NUTS. With many crossed items or split
        parameters both take longer than sampling.
    population : {"normal", "student_t"}, optional
        How people deviate from the population's means on the link scale; see
        `Model.with_population`. With ``"student_t"`` a few people far from all others no longer
        widen everybody's spread. Estimates, predictions and comparisons follow it; the
        approximate methods, and evidence under a prior fixed in advance, refuse it.
    seed : int, optional
        Seed of the draws. Without one, a fresh seed is drawn and recorded.
    draws : int, optional
        Draws kept per chain: exactly so many. Unless given, as many as `until` asks for;
        ``"laplace"`` takes 1,000.
    until : {"converged"} or None
        Without `draws`, chains go on until they have converged by the limits of `check` (R-hat of
        the population 1.01 and of people 1.02, bulk and tail effective sample sizes of the
        population 400), looked for after 1,000, 1,500, 2,200, ... draws per chain, or until
        `max_draws`. Where R-hat is still above 1.1 at the second look, chains are in different
        places and end there. A message and ``attrs["ended"]`` say which it was. The draws are
        those that the same seed gives with ``draws=`` the number reached and the recorded
        `target_accept`, since adaptation is over before the first of them. With None, and of a
        single chain, whose convergence cannot be seen, 1,000 are drawn.
    max_draws : int
        Draws per chain at which to give up going on.
    tune, chains, cores : int
        Adaptation steps per chain, number of chains, chains run at a time (all cores unless
        given; those that go on until they have converged run side by side). Chains start from
        draws of a pilot of two chains, which start near what fits all people together: R-hat
        cannot reveal a mode that the pilot missed.
    target_accept : float in (0, 1), optional
        Acceptance rate the step size is adapted to: 0.9 unless given. Where chains go on until
        they have converged and a draw diverged, they begin anew, once, at 0.99, with smaller
        steps; a message says so. The settings record the rate that the draws were made at.
    centring : "measured", float or mapping
        How far person-level values are sampled directly (1, centred) in place of their
        deviations from the mean (0, non-centred). By default measured for every parameter in a
        short pilot run: the share at which what is sampled is nearest to independent Gaussians,
        the larger, the more people's own data say. Measured too is whether values are better
        sampled in units of a positive parameter of the population that multiplies them, such as a
        rating's slope (``"anchoring"`` among the recorded settings), and in combinations of a
        person's own, such as level and change of somebody who always rates at one end of the
        scale (``"combinations"``: how many). All change speed, not the posterior.
    sampler : mapping, optional
        Further arguments of ``nutpie.sample``, for example ``{"maxdepth": 12}``.
    progress : bool, optional
        Say how far it is: with a bar at a terminal, and elsewhere, in a log file say, with a line
        every half minute. A notebook has its bar only if this is True.
    store : str or Path, optional
        For long fits: a ``.zarr`` folder to which draws go as they come. Where the process ends
        before the fit does, `load` gives the draws that all chains have finished (but for the
        last few), marked partial, and the same call of `fit` goes on: chains start from
        their last draws and adapt anew for `tune` steps, since a sampler cannot be continued
        where it was killed. Such draws are valid, but not those of a fit in one piece;
        ``attrs["runs"]`` says how many each run made. In the end the folder is the fit as
        `save` writes it, and the same call returns it at once.
    on_interrupt : {"raise", "partial"}
        What Ctrl-C does: end in KeyboardInterrupt, or, once all chains have draws, return the
        fit of those, marked partial in all that is made of it. With a store it always raises:
        `load` gives the draws that are there.

    Returns
    -------
    DataTree
        Groups ``posterior``, ``sample_stats``, ``observed_data``, ``constant_data`` (covariates)
        and ``study``; attributes record model, variant, method, versions, seed and settings, and
        ``label`` ends in "(laplace, approximate)" where nothing was sampled. Person
        parameters carry dim ``participant`` and the labels of their `by` column; on the link
        scale there are ``<name>_mean``, ``<name>_sd`` and, with covariates,
        ``<name>_effect``.

    Raises
    ------
    KeyboardInterrupt
        The fit was interrupted: nothing is returned; with a store, draws until then are in it.
    KeyError
        A covariate formula names an unknown parameter or column.
    OSError
        The store cannot be written to, on a full disk for example; draws until then are in it.
    ValueError
        The data do not fit the model's declarations (all faults at once), covariates are
        missing for some participants, the density is infinite at the start, the method is
        unknown, an approximation finds no maximum, or the store is of another fit.

    Examples
    --------
    >>> import empathymodels as em
    >>> study = em.load_study("outgroup_help")
    >>> model = em.get_model("outgroup_help_learning")
    >>> fit = em.fit(model, study, seed=1, chains=2)  # doctest: +SKIP
    >>> glance = em.fit(model, study, method="laplace", seed=1)  # doctest: +SKIP
    >>> long = em.fit(model, study, draws=20_000, seed=1, store="long.zarr")  # doctest: +SKIP
    """
    _refuse_twice(sampler or {})
    check_sampler(sampler or {})
    if population is not None:
        model = model.with_population(population)
    told = progress_kind(progress)
    request = Request(
        method,
        asked_of(
            draws=draws,
            until=until,
            max_draws=max_draws,
            tune=tune,
            chains=chains,
            target_accept=target_accept,
            sampler=dict(sampler or {}),
            centring=centring,
            covariates=dict(covariates or {}),
        ),
        shares_asked(model, centring if method == "nuts" else NON_CENTRED),
        {
            "cores": cores or min(chains, available_cores()),
            "progress": told,
        },
        on_interrupt,
    )
    kept = None
    if store is not None:
        kept = open_store(Path(store), model, study, request.asked, method=method, seed=seed)
        if kept.finished is not None:
            tell(f"{store} holds this fit already.")
            return remembered(kept.finished, arrange(model, study).model)
        seed = kept.seed(seed)
    seed = secrets.randbits(31) if seed is None else seed

    arrangement = arrange(model, study)
    tables = covariates_for(arrangement, covariates)
    _announce(arrangement, tables)
    with regular_lines(lambda: "Compiling the density", is_on=told == "lines"):
        built = build(arrangement, tables, centring=request.shares)
        density = compiled_density(built, arrangement, tables)
        check_start(density)
    warn_of_uninformed(arrangement)
    if method != "nuts":
        refuse_heavy_tails(model, f"method='{method}'")
        _tell_unused(request)
    is_approximate = told == "lines" and method != "nuts"  # chains say themselves how far they are
    with regular_lines(lambda: f"Approximating ({method})", is_on=is_approximate):
        made = run(density, request, seed=seed, store=kept)
    return _labelled(made, request, seed=seed, store=kept)


def _refuse_twice(sampler: Mapping[str, Any]) -> None:
    if twice := sorted({"progress_bar", *signature(fit).parameters} & set(sampler)):
        raise ValueError(
            f"sampler holds what fit() does not name itself; found {listed(twice)}. Give "
            f"{listed([f'{name}=' for name in twice])} to fit() itself (progress_bar as progress)."
        )


def _announce(arrangement: Arrangement, covariates: Mapping[str, Covariates]) -> None:
    """Say how model, study and covariates were taken, and warn of what informs of nothing."""
    for notice in arrangement.notices:
        tell(notice)
    read = set().union(*(needs.all_data for needs in arrangement.needs.values()))
    read |= {p.by for p in arrangement.parameters if p.by}
    weighed = {p.weighs for p in arrangement.parameters if p.fixed is None}
    columns = [c for c in arrangement.model.columns if c.name in read]
    needed = [c for c in columns if c.default is None or c.name in weighed]
    warn_of_constants(needed, arrangement.checked.tables)
    for found in mistimed(arrangement):
        warnings.warn(f"When was it rated? {found}", stacklevel=3)
    if arrangement.model.states:
        tell(f"States start anew with every {_sequence_words(arrangement)}.")
    tell_coding(covariates)


def _tell_unused(request: Request) -> None:
    """Say what was asked of chains, of which an approximation has none."""
    usual = signature(fit).parameters
    names = ("tune", "chains", "target_accept", "sampler", "centring")
    unused = [name for name in names if (request.asked[name] or None) != usual[name].default]
    if unused:
        tell(f"method='{request.method}' does not sample and leaves {listed(unused)} unused.")


def _labelled(made: Run, request: Request, *, seed: int, store: Store | None) -> xr.DataTree:
    """Return the fit of draws, marked if it is partial; a store then holds it in their place."""
    trace, arrangement = made.trace, made.density.arrangement
    posterior = made.density.labelled(trace.draws)
    tree = fit_tree(posterior, trace.stats, arrangement, made.density.covariates)
    formulas = request.asked["covariates"]
    tree.attrs = provenance(arrangement, request.method, seed, made.settings, formulas)
    if trace.ended:
        tree.attrs["ended"] = trace.ended
        tell(f"{trace.ended[0].upper()}{trace.ended[1:]}.")
    if trace.is_partial:
        mark_partial(tree, request.length.share(trace.size))
        tell(f"This fit is partial: {tree.attrs[PARTIAL]}.")
    several = request.method == "nuts" and posterior.sizes["chain"] > 1
    if several and not (trace.ended or trace.is_partial) and (lacks := shortfall(posterior)):
        tell(
            f"Not converged after the {trace.size:,} draws per chain that were asked for: {lacks}."
        )
    if store is not None:
        tree.attrs |= {"asked": store.asked, "runs": json.dumps(made.parts)}
        finish(store, tree)
    return tree


def _sequence_words(arrangement: Arrangement) -> str:
    """Say over what states run, and which keys that could divide it the study does not have."""
    keys = arrangement.model.sequence
    there = ["participant", *(key for key in keys if key in arrangement.trials)]
    absent = [key for key in keys if key not in arrangement.trials]
    return ", ".join(there) + (f" (trials has no {listed(absent)})" if absent else "")
