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
# # Three questions, three units, different winners
#
# "Which model predicts best?" is not a question yet. Predicts *what*? One more rating of people
# we know; all that somebody new will do; or what the people we know will do later? `em.compare`
# asks for the unit, since the winners may differ. Here another model is first for each of them.
# After that the rest of what one should know before believing a model: how many people it
# describes, whether it finds the truth on this design, whether it can be told from its rivals,
# and how far it leans on its priors.
#
# The data are **simulated**, with data from nobody, and we know what is true of them.

# %%
import re
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pymc as pm

import empathymodels as em

# %% [markdown]
# ## One model
#
# In four blocks of ten trials, people see others suffer, more or less severely ($x$, from -1 to 1),
# and rate their concern from 0 to 100. Person $s$ has a level, a response to severity, and a drift
# from block to block ($b$, from 0):
#
# $$\text{concern}_t \sim \text{Normal}(a_s + b_t\, d_s + k_s x_t,\; \sigma)$$
#
# This is all that a model needs: a function of one trial, and what it reads.


# %%
def concern(latent, parameters, data):
    """Concern follows severity, and drifts from block to block."""
    level = parameters.level + parameters.drift * data.blocks_before
    return pm.Normal.dist(level + parameters.slope * data.severity, parameters.noise)


def of_people(name, meaning, *, mean, spread, typical, **more):
    """A parameter of every person, its priors as fractions of the scale of concern."""
    return em.Parameter(
        name,
        meaning,
        location=em.Prior("Normal", mu=mean[0], sigma=mean[1]),
        spread=em.Prior("HalfNormal", sigma=spread),
        scale_of="concern",
        typical=typical,
        **more,
    )


noise = em.Parameter(
    "noise",
    "standard deviation of ratings around their expectation",
    location=em.Prior("Normal", mu=-2.3, sigma=0.5),
    level="population",
    support="positive",
    scale_of="concern",
    typical=(0.05, 0.2),
    symbol=r"\sigma",
)
drifting = em.Model(
    name="concern",
    title="concern follows the suffering of others, and drifts",
    columns=(
        em.Column("severity", "how severely others suffer", range=(-1, 1)),
        em.Column("blocks_before", "how many blocks came before", range=(0, 100)),
    ),
    parameters=(
        of_people(
            "level",
            "concern at medium severity, in the first block",
            mean=(0.5, 0.25),
            spread=0.2,
            typical=(0.3, 0.7),
            role="location",
            symbol="a",
        ),
        of_people(
            "slope",
            "change in concern per unit of severity",
            mean=(0, 0.2),
            spread=0.1,
            typical=(0, 0.2),
            symbol="k",
        ),
        of_people(
            "drift",
            "change in concern from block to block",
            mean=(0, 0.02),
            spread=0.02,
            typical=(-0.05, 0.05),
            symbol="d",
        ),
        noise,
    ),
    responses=(em.Response("concern", concern, "rated concern", range=(0, 100), unit="points"),),
)

# %% [markdown]
# ## Four claims
#
# - **steady**: people have a level, and keep it ($d = 0$).
# - **screened**: the same, and a screening a week before tells of the level (a covariate).
# - **moody**: everybody has another level in every block, on which the other blocks tell something.
# - **drifting**: levels move by the same amount from block to block.

# %%
steady = drifting.fix(drift=0.0)
moody = steady.split("block", "level")

# %% [markdown]
# ## The truth
#
# There is something in each of them. Levels are close to what the screening said; they rise or
# fall a little from block to block for no reason (moods); and concern wears off. The
# model that simulates has all three, in sizes chosen so that each decides one question.

# %%
SEED = 1
PEOPLE, BLOCKS, TRIALS = 120, 4, 10
rng = np.random.default_rng(SEED)
names = [f"P{k:03}" for k in range(1, PEOPLE + 1)]
screening = rng.normal(0, 1, PEOPLE)  # in standard deviations
trials = pd.MultiIndex.from_product(
    [names, range(1, BLOCKS + 1), range(1, TRIALS + 1)], names=["participant", "block", "trial"]
).to_frame(index=False)
trials["blocks_before"] = trials["block"] - 1
trials["severity"] = rng.uniform(-1, 1, len(trials)).round(2)
people = pd.DataFrame({"participant": names, "screening": (50 + 18 * screening).round(1)})
design = em.Study(trials=trials, participants=people, name="concern in blocks", simulated=True)

level = 50 + 18 * screening + rng.normal(0, 3.2, PEOPLE)
truth = pd.DataFrame({"participant": names})
for block in range(1, BLOCKS + 1):
    truth[f"level[{block}]"] = level + rng.normal(0, 1.7, PEOPLE)  # moods
truth["slope"] = rng.normal(8, 3, PEOPLE)
truth["drift"] = rng.normal(-1.25, 0.2, PEOPLE)
truth["noise"] = 6.0
study, _ = em.simulate(drifting.split("block", "level"), design, truth, seed=SEED)
print(study)

# %% [markdown]
# Concern by block, with standard errors over people, and how far a screening goes with the mean
# concern of a person:

# %%
person = study.trials.groupby(["participant", "block"])["concern"].mean().unstack()
figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.8), layout="constrained")
centred = person.sub(person.mean(axis=1), axis=0)
axes[0].errorbar(person.columns, centred.mean(), centred.sem(), fmt="o-", color="#0072B2")
axes[0].set(xlabel="block", ylabel="concern, minus own mean", xticks=person.columns)
axes[1].plot(people["screening"], person.mean(axis=1), "o", color="#0072B2", markersize=4)
axes[1].set(xlabel="concern at screening", ylabel="mean concern in the study")
for panel in axes:
    panel.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## Fits

# %%
sampling = {"chains": 2, "draws": 1500, "seed": SEED}
fits = {
    "steady": em.fit(steady, study, **sampling),
    "screened": em.fit(steady, study, covariates={"level": "screening"}, **sampling),
    "moody": em.fit(moody, study, centring=1.0, **{**sampling, "draws": 2000}),
    "drifting": em.fit(drifting, study, **sampling),
}
for name, fit in fits.items():
    checks = em.check(fit)
    failed = checks.loc[~checks["passed"], "check"].tolist()
    print(f"{name}: {len(checks) - len(failed)} of {len(checks)} checks passed {failed or ''}")

# %% [markdown]
# ## Question 1: one more rating of the same people
#
# Every rating is left out in turn, all others of its person being known.

# %%
by_trial = em.compare(fits)
shown = ["elpd_diff", "dse", "weight", "pareto_k_bad", "monte_carlo_error"]
print(by_trial.attrs["reading"])
by_trial[shown].round(2)

# %%
em.plot_compare(by_trial)

# %% [markdown]
# Moods win: ten ratings of a block, less one, tell the level of that block, whatever it is due
# to. The screening adds nothing (`screened` and `steady` are alike): of people with 39 other
# ratings one knows more than a screening can tell.
#
# In the check above, `moody` has too few effective draws: levels of a person at different blocks
# are nearly the same, and so are their means, which correlate above .95. Its chains hardly agree on
# the population; of people, whose ratings are predicted here, they know more.
#
# ## Question 2: somebody new
#
# Now all ratings of a person are left out; what is known is the population, and the screening.
# Everybody's own parameters are integrated out.

# %%
by_person = em.compare(fits, unit="participant")
print(by_person.attrs["reading"])
by_person[shown].round(2)

# %%
em.plot_compare(by_person)

# %% [markdown]
# The screening wins, by three standard errors. Of somebody new nobody knows the
# level; people differ in it far more than by mood or drift, and the screening is the only thing
# that tells it. That people have moods helps here, too (it says which data are to be expected),
# but less. For one person the importance weights of `screened` fail; `refit=True` would fit again
# without that person, and could not turn a difference of this size.
#
# ## Question 3: the next block of the same people
#
# Every model is fitted again to the first block, to the first two, to the first three, and
# predicts the block after.

# %%
by_block = em.compare(fits, unit="future", refit=True)
print(by_block.attrs["reading"])
by_block[shown].round(2)

# %%
em.plot_compare(by_block)

# %% [markdown]
# Drift wins, by a little more than two standard errors: after a single block of ten ratings a
# screening still helps to tell the level. `moody`, the winner of question 1, is last by far: of the
# level in a block that nobody has seen yet it knows only that of the other blocks and a wide prior
# for the mean. Repeated fits of `moody` did not converge (told above), so that its number is rough;
# its place is not in doubt.
#
# ## Side by side
#
# Differences of the expected log predictive density to the best model, by unit:

# %%
asked = {"trial": by_trial, "participant": by_person, "future": by_block}
differences = {
    unit: ("-" + table["elpd_diff"].abs().map("{:.1f}".format))
    .add(table["dse"].map(" ± {:.1f}".format))
    .where(table["elpd_diff"] != 0, "best")
    for unit, table in asked.items()
}
side = pd.DataFrame(differences).loc[list(fits)]
side.loc["best"] = [table.index[0] for table in asked.values()]
side[list(asked)]

# %% [markdown]
# Three questions, three names in the last row. None of the models is wrong about its question: what
# helps depends on what is known already. A person's own data make the screening superfluous; where
# they are missing it is worth most. A value of its own for every block describes each block and
# predicts no other.
#
# The claims do not exclude each other. If the question is about people to come, the
# model to use may have a screening *and* a drift:

# %%
both = em.fit(drifting, study, covariates={"level": "screening"}, **sampling)
together = em.compare({"screened": fits["screened"], "both": both}, unit="participant")
print(together.attrs["reading"])

# %% [markdown]
# It does: drift matters for new people as well, once the screening has told the level. No single
# table would have shown this; it is a model that the tables suggest, and the truth (which has moods
# besides).
#
# ## How many people does each claim describe?
#
# A comparison adds up over people; a few may decide it. `select` asks for each person which model
# describes them, and how frequent the models are. It takes the evidences of the comparison by
# person, so that nothing is computed twice.

# %%
selection = em.select(by_person)
print(selection.attrs["reading"])
em.plot_selection(selection)

# %% [markdown]
# The screening describes most people best, and hardly anybody is steady. But the true model, with
# all three, is not among the four: frequencies tell how the given models share people out, not that
# people are of four kinds. Here all of them are of one.
#
# ## Would this design find the truth?
#
# Studies are simulated from the prior and fitted again. Twenty are few, enough to see gross
# faults; take hundreds for a paper, with `folder=` so that they can be continued.

# %%
workplace = tempfile.TemporaryDirectory()
few = {"seed": SEED, "draws": 300, "tune": 300}
recovery = em.recover(drifting, design, n=20, folder=workplace.name, **few)
print(recovery.attrs["reading"])
recovery[["parameter", "whose", "bias", "rmse", "correlation", "coverage_90", "contraction"]].round(
    2
)

# %%
em.plot_recovery(recovery)

# %% [markdown]
# Levels and slopes are found again; drifts of single people less well (contraction and
# correlation are lower), since four blocks tell little of a slope over blocks. Coverage of
# everybody's values is as promised; that of the population's is rough, from twenty replicates. Nine
# of them have an R-hat above 1.05, with these few draws: for a paper more are needed than the 300
# taken here.
#
# ## Do posteriors hold what they promise?
#
# If simulator, likelihood and sampling agree, true values rank anywhere among the posterior draws
# with equal probability. The folder holds the replicates already: nothing is fitted again.

# %%
calibration = em.calibrate(drifting, design, n=20, folder=workplace.name, **few)
print(calibration.attrs["reading"])
em.plot_calibration(calibration)

# %% [markdown]
# A flat line in the band is what one hopes for. One curve (spread of drifts) leaves it a little,
# and the p value of another (noise) is small, as may happen among ten; after correction no
# departure remains. Twenty replicates with short chains would show only gross faults, and none is
# seen.
#
# ## Can the models be told apart here?
#
# Studies from either model, both fitted to each:

# %%
confusion = em.confuse({"steady": steady, "drifting": drifting}, design, n=6, **few)
print(confusion.attrs["reading"])
em.plot_confusion(confusion)

# %% [markdown]
# Mostly the model that simulated is chosen. Where a drift is small, or none is there and it is
# estimated near zero, both models predict alike, and which is first is chance. Hence the standard
# error beside every difference, and only five of twelve that are clear. From six studies per model
# these shares are rough.
#
# ## How far do the conclusions lean on the priors?

# %%
leaning = em.sensitivity(fits["drifting"])
print(leaning.attrs["reading"])
leaning.round(3)

# %%
figure, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
rows = np.arange(len(leaning))[::-1]
axes.plot(leaning["likelihood"], rows, "o", color="#0072B2", label="likelihood")
axes.plot(leaning["prior"], rows, "s", color="#D55E00", label="prior")
axes.axvline(0.05, color="grey", linestyle=":")
axes.set_yticks(rows, leaning["parameter"])
axes.set_xlabel("how far the posterior moves (dotted: from here on it counts)")
axes.spines[["top", "right"]].set_visible(False)
_ = axes.legend(frameon=False)

# %% [markdown]
# Nothing leans on the priors: posteriors move with the likelihood only. That drift matters was
# not put in by its prior.
#
# ## One page for the appendix

# %%
page = em.report(
    {"drifting": fits["drifting"], "screened": fits["screened"]},
    Path(workplace.name) / "concern.html",
    question="Does concern wear off?",
    comparison=by_block,
)
text = page.read_text(encoding="utf-8")
print(f"{page.name}, {len(text) / 1e6:.1f} MB:")
print("\n".join(f"- {title}" for title in re.findall(r"<h2[^>]*>(.*?)</h2>", text)))
workplace.cleanup()

# %% [markdown]
# The page holds equations, data, priors, diagnostics, estimates, this comparison and the methods
# section that goes with it.
#
# ## What this means
#
# **What it shows.** Say what you want to predict, then compare. On the same data, with the same
# fits, the first place went to moods, to the screening and to drift, each by more than two standard
# errors. The seed is 1, and no other was tried; the design itself was
# chosen, after trials with other sizes, so that the three effects show.
#
# **What it does not show.** The data are simulated, and nothing here is evidence about people. A
# screening that tells this much of the level is rare. Twenty and twelve replicates are for reading
# figures, not for claims.
