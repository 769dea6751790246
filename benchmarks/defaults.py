"""Does a fit at defaults pass the package's own check? Every built-in model, bundled and real data.

Each built-in model is fitted at defaults to the study that comes with it, and to the published
studies that the tests read where these lie beside the checkout. A row of JSON per fit goes to a
file; what is there already is not fitted again, so that an interrupted run goes on. The table has
R-hat and effective sample sizes (ESS), divergences, draws per chain, seconds (compiling included),
the rows of `check` that fail, and whether published numbers lie in the 95 % intervals.

    python benchmarks/defaults.py --out defaults.jsonl                  # everything
    python benchmarks/defaults.py --out defaults.jsonl prosocial_effort # one model, all its studies
    python benchmarks/defaults.py --out defaults.jsonl --table          # the table, no fit
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import empathymodels as em
from empathymodels.inference.convergence import criteria
from empathymodels.study.open_studies import OPEN_STUDIES

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from open_copies import COPIES, fetched_from_copy

SEED = 1
BUNDLED = {
    "advice_taking": "advised_lottery",
    "affect_congruence": "rival_fortunes",
    "closeness_similarity": "close_others",
    "costly_helping": "induced_motives",
    "cue_expectation_learning": "cue_pain",
    "empathic_accuracy": "accurate_perceivers",
    "empathy_components": "told_stories",
    "empathy_learning": "closeness_learning",
    "empathy_regulation": "regulated_empathy",
    "empathy_selection": "chosen_empathy",
    "guilt_reciprocity": "hidden_multiplier",
    "harm_aversion": "profit_from_pain",
    "inequity_aversion": "split_or_keep",
    "intergroup_bias": "group_pain",
    "moral_conflict_learning": "money_or_shocks",
    "motive_connectivity": "read_motives",
    "motivated_empathy": "motives",
    "neurofeedback_tuning": "insula_feedback",
    "observational_empathy": "shown_empathy",
    "observational_learning": "watched_boxes",
    "outgroup_help_learning": "outgroup_help",
    "prosocial_effort": "effort_for_others",
    "prosocial_learning": "self_other_no_one",
    "signature_expression": "care_and_distress",
    "signature_tracking": "care_runs",
    "social_discounting": "shared_dollars",
    "structural_plasticity": "trained_cortex",
    "training_effects": "trained_compassion",
    "trust_social_value": "trust_game",
    "vicarious_fear": "observed_shocks",
    "vicarious_reward": "shared_wins",
}
SAMPLING = ("R-hat", "bulk ESS", "tail ESS", "divergences", "draws at the tree depth limit")


@dataclass(frozen=True)
class Published:
    """A number of a paper, and how a fit gives it: draws whose 95 % interval should hold it."""

    name: str
    value: float
    draws: Callable[[xr.Dataset], xr.DataArray]


@dataclass(frozen=True)
class Case:
    """What is fitted to what."""

    model: em.Model
    name: str
    study: Callable[[], em.Study]
    covariates: dict[str, str] = field(default_factory=dict)
    published: tuple[Published, ...] = ()

    @property
    def key(self) -> str:
        """Name of the fit in the file."""
        return f"{self.model.label} / {self.name}"


def cases() -> Iterator[Case]:
    """All fits: bundled studies first, then the published ones that are there."""
    for model, study in BUNDLED.items():
        yield Case(em.get_model(model), study, lambda name=study: em.load_study(name))
    for name, made in REAL.items():
        if COPIES[name].exists():
            yield made(name)


# --------------------------------------------------------------------- published studies


def _open(name: str) -> Case:
    """A study as it is fetched, from its copy, with the model that it is for."""
    model = eval(OPEN_STUDIES[name].call, {"em": em})
    return Case(model, COPIES[name].name, lambda: fetched_from_copy(name))


def oxazepam(name: str) -> Case:
    """Oxazepam and empathy for pain: the authors' mixed model."""

    def study() -> em.Study:
        found = fetched_from_copy(name)
        people = found.participants
        concern = (people["IRI_EC"] - people["IRI_EC"].mean()) / people["IRI_EC"].std()
        positive = concern > 0
        people = people.assign(concern=concern - concern[positive].mean() * positive)
        return em.Study(trials=found.trials, participants=people).exclude(
            "missing(concern)", table="participants", reason="no IRI"
        )

    treatment = 'C(Treatment, Treatment("Placebo"))'
    covariates = {
        "baseline": f"{treatment} + Wave",
        "pain_effect": f"{treatment} + concern",
        "group_effect": treatment,
        "bias": f"{treatment} + concern",
    }

    def oxazepam_on_high(posterior: xr.Dataset) -> xr.DataArray:
        effects = [posterior[f"{n}_effect"][..., 0] for n in ("pain_effect", "bias")]
        return 100 * (effects[0] + effects[1] / 2)

    published = (
        Published("high", 28.15, lambda p: 100 * (p["pain_effect_mean"] + p["bias_mean"] / 2)),
        Published("other", -5.78, lambda p: -100 * p["group_effect_mean"]),
        Published("oxazepam x high", 7.42, oxazepam_on_high),
    )
    return replace(_open(name), study=study, covariates=covariates, published=published)


def own_pain(name: str) -> Case:
    """Own pain after cues: the people whom the authors fitted."""

    def study() -> em.Study:
        reason = "not fitted by the authors"
        found = fetched_from_copy(name)
        return found.exclude("included == 0", table="participants", reason=reason)

    return replace(_open(name), study=study)


def shared_reward(name: str) -> Case:
    """Wins and losses shared with others: betas in standard deviations, as the priors expect."""

    def study() -> em.Study:
        found = fetched_from_copy(name)
        betas = found.regions
        return replace(found, regions=betas.assign(beta=betas["beta"] / betas["beta"].std()))

    return replace(_open(name), study=study)


REAL = {
    "lockwood_2024": _open,
    "nilsonne_2017": oxazepam,
    "tamm_2017": _open,
    "saulin_2022": _open,
    "jung_2023_own": own_pain,
    "fareri_2022": _open,
    "charpentier_2024": _open,
    "dvs_2024": shared_reward,
}


# ------------------------------------------------------------------------------ measuring


def measured(case: Case, seed: int) -> dict[str, Any]:
    """Fit, check, and describe in one row."""
    began = time.perf_counter()
    fit = em.fit(case.model, case.study(), covariates=case.covariates, seed=seed)
    seconds = time.perf_counter() - began
    posterior = fit["posterior"].to_dataset()
    table = em.check(fit)
    failed = table[~table["passed"].astype(bool)]
    row = {
        "fit": case.key,
        "seed": seed,
        "draws": posterior.sizes["draw"],
        "ended": fit.attrs.get("ended", ""),
        "divergences": int(fit["sample_stats"]["diverging"].sum()),
        "gradients per draw": float(fit["sample_stats"]["n_steps"].mean()),
        "seconds": round(seconds),
        "sampling fails": [n for n in failed["check"] if n.startswith(SAMPLING)],
        "other fails": [n for n in failed["check"] if not n.startswith(SAMPLING)],
    }
    for criterion in criteria(posterior):
        extreme = max if criterion.is_rhat else min
        worst = extreme(criterion.values, key=criterion.values.__getitem__)
        row[criterion.name] = round(criterion.worst, 4)
        row[f"{criterion.name}, of"] = worst
    for number in case.published:
        low, high = np.quantile(number.draws(posterior), [0.025, 0.975])
        row.setdefault("published", {})[number.name] = bool(low <= number.value <= high)
    return row


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table of all rows."""
    lines = [
        "| model / study | draws | R-hat, population | R-hat, people | bulk ESS | tail ESS | "
        "divergences | s | check: sampling | check: rest | published |",
        "| --- " * 11 + "|",
    ]
    for row in rows:
        said = [", ".join(row[f"{part} fails"]) or "passes" for part in ("sampling", "other")]
        published = row.get("published", {})
        inside = ", ".join(f"{n}: {'in' if is_in else 'OUT'}" for n, is_in in published.items())
        diagnostics = [
            f"{row.get(name, float('nan')):{form}}"
            for name, form in (
                ("R-hat, population", ".3f"),
                ("R-hat, people", ".3f"),
                ("bulk ESS, population", ".0f"),
                ("tail ESS, population", ".0f"),
            )
        ]
        cells = [row["fit"], row["draws"], *diagnostics, row["divergences"], row["seconds"]]
        lines.append("| " + " | ".join(map(str, [*cells, *said, inside or "-"])) + " |")
    return "\n".join(lines)


def main() -> None:
    """Fit what is not in the file yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="words of which a fit's name must hold one")
    parser.add_argument("--out", type=Path, default=Path("defaults.jsonl"))
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--table", action="store_true", help="print the table, fit nothing")
    given = parser.parse_args()
    written = given.out.read_text().splitlines() if given.out.exists() else []
    rows = [json.loads(line) for line in written]
    for case in [] if given.table else cases():
        wanted = not given.only or any(word in case.key for word in given.only)
        if not wanted or any((r["fit"], r["seed"]) == (case.key, given.seed) for r in rows):
            continue
        print(case.key, file=sys.stderr, flush=True)
        rows.append(measured(case, given.seed))
        with given.out.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
