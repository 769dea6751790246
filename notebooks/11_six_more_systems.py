# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Six more systems, a glance at each
#
# Some systems of the review of motivated empathy (Weisz & Zaki, 2018) have a model here and no
# notebook of their own. This one takes a first look at six of them: what each model asks, one value
# that it gives every person, and whether that value is the one that was planted. Studies are the
# bundled ones, all **simulated**: nothing here is evidence about people.
#
# Fits are quick and approximate: `method="laplace"`, ratings as densities in place of the steps
# that they are recorded in, and of the larger studies some people alone. For conclusions leave all
# three out, and look at `em.check(fit)`.

# %%
from dataclasses import dataclass

import matplotlib.pyplot as plt
import pandas as pd

import empathymodels as em
from empathymodels.study.bundled import study_folder


@dataclass(frozen=True)
class Glance:
    """A system: its model and study, how many people, and the value that is looked at."""

    model: str
    study: str
    value: str
    level: str = ""
    people: int | None = None
    without: tuple[str, ...] = ()

    @property
    def column(self):
        """Name of the value among the true parameters."""
        return f"{self.value}[{self.level}]" if self.level else self.value


GLANCES = {
    "closeness or similarity": Glance("closeness_similarity", "close_others", "closeness_effect"),
    "choosing empathy": Glance("empathy_selection", "chosen_empathy", "readiness"),
    "competition": Glance("affect_congruence", "rival_fortunes", "congruence", "rival", 20),
    "empathic accuracy": Glance(
        "empathic_accuracy", "accurate_perceivers", "accuracy", people=10, without=("score",)
    ),
    "vicarious fear": Glance("vicarious_fear", "observed_shocks", "learning_rate", people=20),
    "structural change": Glance(
        "structural_plasticity", "trained_cortex", "affect_person", people=30
    ),
}
pd.set_option("display.max_colwidth", None)
pd.DataFrame([{"model": g.model, "asks": em.list_models()[g.model]} for g in GLANCES.values()])


# %%
def some(study, people):
    """The study with its first so many people."""
    if people is None:
        return study
    first = study.trials["participant"].unique()[:people]
    tables = {
        name: table[table["participant"].isin(first)].reset_index(drop=True)
        for name, table in study.tables.items()
    }
    return em.Study(**tables, name=study.name, simulated=True)


def glance(of):
    """Fit, and return everybody's value beside the planted one."""
    model = em.get_model(of.model).with_resolution(None)
    model = model.without(*of.without) if of.without else model
    fit = em.fit(model, some(em.load_study(of.study), of.people), method="laplace", seed=1)
    table = em.estimates(fit).query("parameter == @of.value and shrinkage.notna()")
    if of.level:
        table = table[table["level"].astype(str) == of.level]
    truth = pd.read_csv(study_folder(of.study) / "true_parameters.csv", dtype={"participant": str})
    planted = truth.set_index("participant")[of.column]
    return table.assign(planted=table["whose"].map(planted).to_numpy())


found = {name: glance(of) for name, of in GLANCES.items()}

# %%
figure, axes = plt.subplots(2, 3, figsize=(9, 6), layout="constrained")
for panel, (name, table) in zip(axes.ravel(), found.items(), strict=True):
    reach = [table["mean"] - table["hdi_low"], table["hdi_high"] - table["mean"]]
    panel.errorbar(
        table["planted"], table["mean"], reach, fmt="o", ms=3, lw=0.8, color="#0072b2", alpha=0.6
    )
    panel.axline((table["planted"].mean(),) * 2, slope=1, color="grey", linestyle=":")
    panel.set_title(f"{name}\n{GLANCES[name].column}", fontsize="medium")
    panel.spines[["top", "right"]].set_visible(False)
for panel in axes[-1]:
    panel.set_xlabel("planted")
for panel in axes[:, 0]:
    panel.set_ylabel("found, 90 % interval")
plt.show()

# %%
pd.DataFrame(
    {
        name: {
            "people": len(table),
            "correlation": table["planted"].corr(table["mean"]),
            "intervals that hold it": table["planted"]
            .between(table["hdi_low"], table["hdi_high"])
            .mean(),
            "shrinkage": table["shrinkage"].mean(),
        }
        for name, table in found.items()
    }
).T.round(2)

# %% [markdown]
# What a person chose, rated or showed on dozens of trials tells a lot: how ready somebody is to
# empathise, how congruent feelings about a rival are, how fast fear is learned from another's
# shocks. Betas of two regions and changes of thickness tell little of a single person, and the
# model says so: intervals are as wide as they must be, and values are drawn to everybody's mean
# (`shrinkage` near 1: hardly anything is known of this person; a third of the people in the last
# picture never trained affect, and lie at 0). Accuracy is that of ten perceivers, two of whom were
# planted far below the others and are drawn up.
#
# **What it does not show.** A value that is found again shows that model and simulation agree, not
# that people are like the model. Intervals of so few people are counted roughly, and those of
# `laplace` are approximate. Each card (`print(em.get_model(name))`) says what was published,
# what is ours, and which traps there are.
