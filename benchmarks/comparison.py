"""Time and memory of comparing: by participant, and by trial on many people.

``participants``: two learning models fitted to 85 people x 150 trials with 4 x 1,000 draws, and
compared by participant with all draws. ``trials``: 1,000 people x 144 trials, 4,000 draws,
leave-one-out by trial; each lies between two of the few dozen of an unfinished run, since neither
time nor memory depends on what they are (their scores mean nothing). The memory told is the
largest that the process ever held, its fits and compilers included.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import pandas as pd
import xarray as xr

import empathymodels as em

SEED, DRAWS = 1, 4000


def study_of(people: int, trials: int) -> em.Study:
    """Help by an out-group member, learned over many trials, felt by many people."""
    rng = np.random.default_rng(SEED)
    names = [f"P{k:04}" for k in range(people)]
    planned = em.load_study("outgroup_help")
    columns = planned.trials.columns.drop(["participant", "trial", "feeling"])
    rows = planned.trials[columns].sample(people * trials, replace=True, random_state=SEED)
    keys = pd.DataFrame(
        {"participant": np.repeat(names, trials), "trial": np.tile(np.arange(trials) + 1, people)}
    )
    person = planned.participants.drop(columns="participant")
    person = person.sample(people, replace=True, random_state=SEED).reset_index(drop=True)
    design = em.Study(
        trials=pd.concat([keys, rows.reset_index(drop=True)], axis=1),
        participants=pd.concat([pd.Series(names, name="participant"), person], axis=1),
        simulated=True,
    )
    return em.simulate(learning(), design, seed=int(rng.integers(1000)))[0]


def learning() -> em.Model:
    """The learning model on feelings alone."""
    model = em.get_model("outgroup_help_learning")
    return model.without("insula", "empathy_before", "empathy_after")


def participants() -> None:
    """Compare two models by participant."""
    study = study_of(85, 150)
    fits = em.fit_rivals(learning(), study, "no_learning", seed=SEED, chains=4, draws=DRAWS // 4)
    _measured("participants", fits, unit="participant")


def trials() -> None:
    """Compare two models by trial, on many people."""
    study = study_of(1000, 144)
    few = {"chains": 1, "tune": 50, "draws": 40, "centring": 1.0, "sampler": {"maxdepth": 5}}
    fits = em.fit_rivals(learning(), study, "no_learning", seed=SEED, **few)
    _measured("trials", {name: longer(fit) for name, fit in fits.items()}, unit="trial")


def longer(fit: xr.DataTree) -> xr.DataTree:
    """A fit with four chains of as many draws as we want, each between two of those it has."""
    rng = np.random.default_rng(SEED)
    few = fit["posterior"].to_dataset().isel(chain=0, drop=True)
    sizes = {"chain": 4, "draw": DRAWS // 4}
    share = xr.DataArray(rng.uniform(size=tuple(sizes.values())), dims=tuple(sizes))
    pairs = rng.integers(few.sizes["draw"], size=(2, *share.shape))
    one, other = (xr.DataArray(picked, dims=share.dims) for picked in pairs)
    labels = {name: np.arange(size) for name, size in sizes.items()}
    groups = {name: group.to_dataset() for name, group in fit.children.items() if name != "study"}
    groups["posterior"] = xr.Dataset(
        {
            name: share * values.isel(draw=one) + (1 - share) * values.isel(draw=other)
            for name, values in few.data_vars.items()
        }
    ).assign_coords(labels)
    tree = xr.DataTree.from_dict(groups)
    tree["study"], tree.attrs = fit["study"], fit.attrs
    return tree


def _measured(name: str, fits: dict, **how: str) -> None:
    before = _peak()
    began = time.perf_counter()
    table = em.compare(fits, draws=DRAWS, **how)
    seconds = time.perf_counter() - began
    print(
        f"{name:12} {seconds:5.0f} s, {_peak():.2f} GB at most ({before:.2f} before comparing); "
        f"{table.attrs['reading']}",
        flush=True,
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--parts", default="participants,trials")
    known = {"participants": participants, "trials": trials}
    for part in parser.parse_args().parts.split(","):
        known[part]()


if __name__ == "__main__":
    main()
