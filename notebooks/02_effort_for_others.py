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
# # Effort for others: from published estimates to a hierarchical model
#
# How much effort is a reward worth, when it goes to somebody else? Lockwood, Cutler and colleagues
# (2024) asked people with damage to the ventromedial prefrontal cortex (vmPFC), with other damage
# and with none to squeeze a grip for rewards to themselves and to an anonymous other person. Their
# data and estimates are open (MIT licence). Here we put their estimates into their model, fit the
# same model as a hierarchy, ask what the lesion changes, and look where the model fails.
#
# The data are not part of this package. They are `lme_data_PM_am-mpfc-lc-ol.csv` and
# `EM_fit_parameters_all.csv` of https://github.com/SDN-lab/prosocial_motiv_vmpfc; name their folder
# in the environment variable `EFFORT_DATA`.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import empathymodels as em

BESIDE = Path("../../shared/studies/lockwood2024_prosocial_effort_vmpfc")
folder = Path(os.environ.get("EFFORT_DATA", BESIDE))

# %% [markdown]
# ## From their files to a study
#
# The columns have other names, recipients and groups are numbers, and a choice of 2 means that the
# trial was missed: an unchecked mean of `Choice` would be wrong.

# %%
theirs = pd.read_csv(folder / "EM_fit_parameters_all.csv")
study = em.Study(
    trials=folder / "lme_data_PM_am-mpfc-lc-ol.csv",
    participants=theirs[["ui", "group"]].rename(columns={"ui": "PM_ID"}),
    columns={
        "participant": "PM_ID",
        "trial": "Trial number",
        "work": "Choice",
        "reward": "Reward",
        "effort": "Effort",
        "recipient": "Agent",
    },
    missing={"work": 2},
    codes={
        "recipient": {1: "self", 2: "other"},
        "group": {1: "healthy", 2: "vmPFC", 3: "lesion control", 4: "other lesion"},
    },
    name="effort after lesions",
)
print(study)

# %% [markdown]
# ## Their model at their estimates
#
# The value of work falls with the square of the effort, $V = R - kE^2$, with a discount $k$ and an
# inverse temperature $\beta$ of its own for each recipient. `log_likelihood` takes anybody's table
# of estimates. The total must be the authors': -3597.749324 over 12,306 choices.

# %%
model = em.get_model("prosocial_effort")
published = pd.DataFrame(
    {
        "participant": theirs["ui"],
        "discount[self]": theirs["PM_self_k"],
        "discount[other]": theirs["PM_other_k"],
        "inverse_temperature[self]": theirs["PM_self_beta"],
        "inverse_temperature[other]": theirs["PM_other_beta"],
    }
)
evaluated = em.log_likelihood(model, study, published)
print(f"{evaluated.attrs['total']:.6f} over {int(evaluated['row']['work'].count()):,} choices")

# %% [markdown]
# ## The same model as a hierarchy
#
# Everybody comes from a population, with a mean per lesion group and recipient (a covariate on the
# log of the discount).

# %%
fit = em.fit(model, study, covariates={"discount": "group"}, target_accept=0.99, seed=1)
checks = em.check(fit)
checks[["check", "value", "limit", "passed"]]

# %% [markdown]
# What fails is told with advice. We come back to the predictions below.

# %%
for advice in checks.loc[~checks["passed"], "advice"]:
    print("-", advice)

# %% [markdown]
# ## Shrinkage
#
# A person who accepts nearly everything says little about where the effort would become too much.
# Where people tell a lot, the two sets of estimates agree. To the left, both lean on a population:
# theirs is one for everybody with bounds on $k$, ours one per lesion group on the log scale, which
# lets discounts of people who accept everything come nearer to zero.

# %%
ours = np.log(fit["posterior"]["discount"]).mean(("chain", "draw")).to_pandas()
fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), sharex=True, sharey=True, layout="constrained")
for axis, recipient in zip(axes, ("self", "other"), strict=True):
    log_theirs = np.log(theirs.set_index(theirs["ui"].astype(str))[f"PM_{recipient}_k"])
    pair = pd.DataFrame({"theirs": log_theirs, "ours": ours[recipient]})
    correlation = pair.corr(method="spearman").iloc[0, 1]
    axis.axline((-3, -3), slope=1, color="0.8", zorder=0)
    axis.scatter(pair["theirs"], pair["ours"], s=14, color="#4c78a8")
    axis.set(title=f"for {recipient}: Spearman {correlation:.3f}", xlabel="their log discount")
axes[0].set_ylabel("posterior mean of log discount")
plt.show()

# %% [markdown]
# ## What the lesion changes
#
# The question is an interaction: is effort for others (rather than for oneself) discounted more
# after vmPFC damage than in healthy people? As a difference of differences on the log scale it says
# by which factor the ratio of the two discounts differs.

# %%
interaction = em.contrast(
    fit,
    "discount",
    {"recipient": "other", "group": "vmPFC"},
    {"recipient": "self", "group": "vmPFC"},
    minus=({"recipient": "other", "group": "healthy"}, {"recipient": "self", "group": "healthy"}),
    rope=(-0.1, 0.1),
    scale="link",
)
interaction.drop(columns=["first", "second"]).transpose()

# %%
groups = ("healthy", "lesion control", "vmPFC")
rows = [
    em.contrast(
        fit,
        "discount",
        {"recipient": "other", "group": group},
        {"recipient": "self", "group": group},
        scale="link",
    ).assign(group=group)
    for group in groups
]
ratio = pd.concat(rows).set_index("group")
fig, axis = plt.subplots(figsize=(5.5, 2.4), layout="constrained")
axis.axvline(0, color="0.8", zorder=0)
axis.hlines(groups, ratio["hdi_low"], ratio["hdi_high"], color="#4c78a8", lw=3, alpha=0.5)
axis.plot(ratio["median"], groups, "o", color="#4c78a8")
axis.set_xlabel("log discount, other minus self (90 % interval)")
plt.show()

# %% [markdown]
# ## Does the model reproduce what people accepted?
#
# Dots are observed shares of work; bands are what the fit predicts for the same people and trials.

# %%
em.plot_predictions(fit, "work", by="recipient", x="effort")

# %%
em.plot_predictions(fit, "work", by="recipient", x="reward")

# %% [markdown]
# Effort is nearly right. Reward is not: people accept more often at the middle rewards and less
# often at the highest than the model says, for others above all. How far off is every cell, in
# predictive standard deviations?


# %%
def distance(fit, column):
    """Return observed minus predicted share of work per recipient and level, in predictive sds."""
    predicted = em.predict(fit, draws=400, seed=1)
    observed = predicted["observed_data"]["work"].to_numpy()
    drawn = predicted["posterior_predictive"]["work"].stack(sample=("chain", "draw"))
    drawn = drawn.transpose("sample", "trial_row").to_numpy()
    seen = np.flatnonzero(np.isfinite(observed))
    found = {}
    for cell, places in study.trials.iloc[seen].groupby(["recipient", column]).indices.items():
        shares = drawn[:, seen[places]].mean(axis=1)
        found[cell] = (observed[seen[places]].mean() - shares.mean()) / shares.std()
    table = pd.Series(found).unstack().round(1)
    return table.rename_axis("recipient").rename_axis(column, axis=1)


distance(fit, "effort")

# %%
distance(fit, "reward")

# %% [markdown]
# ## A reward that bends
#
# In the authors' model a reward is worth its amount, so that its effect cannot level off. The rival
# `curved_reward` lets the worth bend, $R^\rho$, with one exponent for everybody.

# %%
curved = em.fit(
    model.rival("curved_reward"),
    study,
    covariates={"discount": "group"},
    target_accept=0.99,
    seed=1,
)
checks = em.check(curved)
checks[["check", "value", "limit", "passed"]]

# %%
em.estimates(curved).query("parameter == 'curvature'")

# %%
distance(curved, "effort")

# %%
distance(curved, "reward")

# %% [markdown]
# Below one: every further level of reward adds less than the one before. All cells of effort are
# now within two standard deviations, and most of the misfit by reward is gone; what remains is the
# highest reward for others, which is accepted less often than the model says. The discounts order
# people as before:

# %%
bent = np.log(curved["posterior"]["discount"]).mean(("chain", "draw")).to_pandas()
ours.corrwith(bent, method="spearman").round(3)

# %% [markdown]
# ## Which shape predicts best?
#
# Effort may count by its square, in proportion, or divide the reward, and the reward may bend.
# Which predicts the next choice best?

# %%
shapes = {"parabolic": fit, "parabolic, curved reward": curved}
for shape in ("linear", "hyperbolic"):
    shapes[shape] = em.fit(
        model.rival(shape), study, covariates={"discount": "group"}, target_accept=0.95, seed=1
    )
table = em.compare(shapes)
print(table.attrs["reading"])
table[["elpd", "se", "elpd_diff", "dse", "p", "pareto_k_bad"]]

# %% [markdown]
# Many importance weights are flagged. Nearly all of them belong to choices that were almost
# certain, whose share in any difference is small; the last part of the sentence says how small.

# %%
em.plot_compare(table)

# %% [markdown]
# ## What it means
#
# - The authors' estimates give, in this package's likelihood, exactly their total.
# - The hierarchy agrees with them about who discounts more (Spearman above .98).
# - The lesion effect has an interval, above: effort for others, relative to oneself, is discounted
#   more after vmPFC damage.
# - No shape of the effort's cost repairs the effect of reward, which levels off. A reward that
#   bends does for the most part. Does the lesion effect hang on it?

# %%
em.contrast(
    curved,
    "discount",
    {"recipient": "other", "group": "vmPFC"},
    {"recipient": "self", "group": "vmPFC"},
    minus=({"recipient": "other", "group": "healthy"}, {"recipient": "self", "group": "healthy"}),
    rope=(-0.1, 0.1),
    scale="link",
).drop(columns=["first", "second"]).transpose()
