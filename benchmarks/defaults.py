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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import empathymodels as em
from empathymodels.inference.convergence import criteria
from empathymodels.study.open_studies import OPEN_STUDIES

SEED = 1
STUDIES = Path(__file__).parents[2] / "shared" / "studies"
BUNDLED = {
    "advice_taking": "advised_lottery",
    "affect_congruence": "rival_fortunes",
    "closeness_similarity": "close_others",
    "costly_helping": "induced_motives",
    "cue_expectation_learning": "cue_pain",
    "empathic_accuracy": "accurate_perceivers",
    "empathy_learning": "closeness_learning",
    "empathy_regulation": "regulated_empathy",
    "empathy_selection": "chosen_empathy",
    "inequity_aversion": "split_or_keep",
    "intergroup_bias": "group_pain",
    "moral_conflict_learning": "money_or_shocks",
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
    for folder, made in REAL.items():
        if (STUDIES / folder).exists():
            yield made(STUDIES / folder)


# --------------------------------------------------------------------- published studies


def _open(folder: Path, name: str) -> Case:
    """A study as it is fetched, from files that are there, with the model that it is for."""
    model = em.get_model(OPEN_STUDIES[name].model)
    return Case(model, folder.name, lambda: em.fetch_study(name, folder=folder))


def lesions(folder: Path) -> Case:
    """Effort for others after lesions (Lockwood et al. 2024)."""
    return _open(folder, "lockwood_2024")


def oxazepam(folder: Path) -> Case:
    """Oxazepam and empathy for pain (Nilsonne et al.): the authors' mixed model."""

    def study() -> em.Study:
        found = em.fetch_study("nilsonne_2017", folder=folder)
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
    model = em.get_model("intergroup_bias").rival("no_items")
    return Case(model, folder.name, study, covariates, published)


def hands(folder: Path) -> Case:
    """Empathy for pain after too little sleep: sliders with their ends (Sleepy Brain)."""

    def study() -> em.Study:
        events = pd.read_csv(folder / "events_concat.tsv", sep="\t", na_values="n/a")
        events = events.query("event_type == 'Rate'")
        events = events.assign(participant=events["sub"].astype(str))
        people = pd.read_csv(folder / "participants_subset.tsv", sep="\t", na_values="n/a")
        people["participant"] = people["participant_id"].str.removeprefix("sub-")
        restricted = events["participant"].map(people.set_index("participant")["Sl_cond"])
        events["sleep"] = np.where(events["ses"] == restricted, "restricted", "normal")
        events["trial"] = events.groupby(["participant", "ses"]).cumcount() + 1
        kept = ["participant", "ses", "trial", "condition", "picture_number", "sleep"]
        return em.Study(
            trials=events[[*kept, "unpleasantness_rating"]],
            participants=people[people["participant"].isin(events["participant"])],
            columns={
                "session": "ses",
                "pain": "condition",
                "item": "picture_number",
                "rating": "unpleasantness_rating",
            },
            codes={"pain": {"Pain": 1, "No_Pain": 0}},
        )

    model = em.get_model("intergroup_bias").fix(group_effect=0.0, bias=0.0)
    return Case(model.split("sleep", "baseline", "pain_effect"), folder.name, study)


def motives(folder: Path) -> Case:
    """Helping with one or two motives (Saulin et al. 2022)."""
    return _open(folder, "saulin_2022")


def vicarious(folder: Path) -> Case:
    """Own pain after cues (Spacetop)."""

    def study() -> em.Study:
        return em.Study(
            trials=folder / "derived_table_pain_4mdls_author_trial_estimates.csv",
            columns={
                "participant": "src_subject_id",
                "session": "session_id",
                "block": "param_run_num",
                "trial": "trial_index_runwise",
                "cue": "param_cue_type",
                "stimulus": "param_stimulus_type",
                "expectation_rating": "event02_expect_angle",
                "outcome_rating": "event04_actual_angle",
            },
        )

    return Case(em.get_model("cue_expectation_learning"), folder.name, study)


def trust(folder: Path) -> Case:
    """Trust in friend, stranger and computer (Fareri et al. 2022); all published shares."""

    def study() -> em.Study:
        events = pd.read_csv(folder / "events_concat.tsv", sep="\t", na_values="n/a")
        kinds = events["trial_type"].str.split("_", expand=True)
        following = kinds.shift(-1)
        shown = (following[0] == "outcome") & (events["sub"] == events["sub"].shift(-1))
        events = events.assign(
            partner=kinds[1],
            returned=following[2].where(shown).map({"recip": 1.0, "defect": 0.0}),
            trial=events.groupby("sub").cumcount() + 1,
        )
        kept = ["sub", "run", "trial", "partner", "cLow", "cHigh", "choice", "returned"]
        return em.Study(
            trials=events.loc[kinds[0] == "choice", kept],
            columns={"participant": "sub", "low": "cLow", "high": "cHigh"},
            codes={"choice": {"low": 0, "high": 1}},
        )

    return Case(em.get_model("trust_social_value"), folder.name, study)


def observation(folder: Path) -> Case:
    """Learning from a partner's choices and own rewards, study 1 (Charpentier et al. 2024)."""
    return _open(folder, "charpentier_2024")


def shared_reward(folder: Path) -> Case:
    """Wins and losses shared with friend, stranger and computer: ratings, ventral striatum."""

    def study() -> em.Study:
        ratings = pd.read_csv(folder / "combined_logs-edited.csv")
        ratings = ratings.assign(
            partner=ratings["partner"].map({1: "computer", 2: "stranger", 3: "friend"}),
            win=1 - ratings["trait"],
        )
        scanned = pd.read_csv(folder / "derived_vs_roi_by_person.csv")
        cells = {
            f"vs_{partner[0].upper()}_{said}": (partner, win)
            for partner in ("computer", "stranger", "friend")
            for said, win in (("rew", 1), ("pun", 0))
        }
        betas = scanned.melt(id_vars="sub", value_vars=list(cells), value_name="beta")
        betas[["partner", "win"]] = [cells[name] for name in betas["variable"]]
        betas["beta"] /= betas["beta"].std()
        keys = ["sub", "partner", "win"]
        rows = betas[keys].merge(ratings[[*keys, "response"]], on=keys, how="outer")
        rows["trial"] = rows.groupby("sub").cumcount() + 1
        betas = betas.merge(rows[[*keys, "trial"]], on=keys).assign(region="VS")
        aged = pd.read_csv(folder / "combined_logs_with_age.csv").groupby("sub")["age"].first()
        centred = scanned.set_index("sub")["age_centred"]
        known = (aged - centred).mean()  # mean age, which the others' ages are stated from
        people = pd.DataFrame({"sub": rows["sub"].unique()})
        people["age"] = people["sub"].map(aged).fillna(people["sub"].map(centred + known))
        return em.Study(
            trials=rows,
            participants=people,
            regions=betas[["sub", "trial", "region", "beta"]],
            columns={"participant": "sub", "rating": "response"},
        )

    return Case(em.get_model("vicarious_reward").with_range(rating=(-5, 5)), folder.name, study)


REAL = {
    "lockwood2024_prosocial_effort_vmpfc": lesions,
    "nilsonne_oxazepam_empathy_pain": oxazepam,
    "sleepybrain_hands_empathy_pain": hands,
    "hein_saulin2019_complex_motives": motives,
    "spacetop_vicarious_cue": vicarious,
    "dvs_trustgame_fareri2022": trust,
    "charpentier2024_observational": observation,
    "dvs_sharedreward_aging": shared_reward,
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
