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
# # Learning for oneself, for another, for no one
#
# Which of two options brings a reward more often? People find out by trying, for themselves, for
# another person, or for nobody at all. Somebody who cares less for others may learn more slowly for
# them, or may learn as well and act on it less. A learning rate and an inverse temperature, each
# shared by the three recipients or different, make four models of it. Which one predicts best, of
# what, and what does such a study not tell?
#
# The data are **simulated**, with data from nobody, and we know what is true of them.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display
from scipy.special import expit, logit

import empathymodels as em
from empathymodels.study.bundled import study_folder

SEED = 1
COLOURS = {"self": "#0072B2", "other": "#D55E00", "no_one": "#009E73"}
study = em.load_study("self_other_no_one")
print(study)

# %% [markdown]
# Everybody has nine blocks of 16 trials, three for each recipient, in an order of their own.
# Options are new in every block: the better one (coded 1) pays in 75 % of trials, the other one in
# 25 %.
#
# ## Four models
#
# The value of the option that was chosen moves toward the outcome $o$, by a share $\alpha$ of the
# difference, and values decide, times $\beta$:
#
# $$V \leftarrow V + \alpha\,(o - V), \qquad
# P(\text{better}) = \frac{1}{1 + e^{-\beta (V_1 - V_0)}}$$
#
# `pool` gives everybody one value for all recipients. `one temperature` says that people learn
# faster for some than for others, `one rate` that they act more on what they learned, `one learner`
# neither.

# %%
model = em.get_model("prosocial_learning")
grid = {
    "both differ": model,
    "one temperature": model.pool("inverse_temperature"),
    "one rate": model.pool("learning_rate"),
    "one learner": model.pool("learning_rate", "inverse_temperature"),
}
fits = {name: em.fit(one, study, seed=SEED) for name, one in grid.items()}
for name, fit in fits.items():
    checks = em.check(fit)
    failed = checks.loc[~checks["passed"].astype(bool), "check"].tolist()
    print(f"{name}: {len(checks) - len(failed)} of {len(checks)} checks passed {failed or ''}")

# %% [markdown]
# All four have been sampled well. The one check that fails is of what `one learner` claims: it
# predicts too many good choices for another person.
#
# ## Learning curves
#
# Dots are shares of choices of the better option over the trials of a block; bands are what
# `one temperature` predicts for the same people, and dashed lines what `one learner` does.

# %%
figure = em.plot_predictions(fits["one temperature"], "choice", by="recipient", x="trial_in_block")
alike = em.predict(fits["one learner"], draws=200, seed=SEED)["posterior_predictive"]["choice"]
place = study.trials.groupby(["participant", "block"]).cumcount() + 1
curves = alike.mean(("chain", "draw")).to_series().set_axis(study.trials.index)
curves = curves.groupby([study.trials["recipient"], place]).mean()
for panel, recipient in zip(figure.axes, COLOURS, strict=False):
    panel.plot(curves[recipient].index, curves[recipient], "--", color="black", linewidth=1)
display(figure)

# %% [markdown]
# ## Predicts what? Three units
#
# One more choice of people whose other choices are known (`trial`); all choices of somebody new
# (`participant`), everybody's own parameters being integrated out; and the last block of the same
# people, predicted from their first eight (`future`, for which every model is fitted again).

# %%
tables = {
    "trial": em.compare(fits),
    "participant": em.compare(fits, unit="participant"),
    "future": em.compare(fits, unit="future", refit=True, from_block=9),
}
for unit, table in tables.items():
    print(f"{unit}: {table.attrs['reading']}.")

# %%
figure, axes = plt.subplots(1, 3, figsize=(8.5, 2.3), layout="constrained", sharey=True)
rows = dict(zip(grid, np.arange(len(grid))[::-1], strict=True))
for panel, (unit, table) in zip(axes, tables.items(), strict=True):
    for name, row in table.iterrows():
        apart, error = -abs(row["elpd_diff"]), row["dse"]
        for errors, width in ((2, 1), (1, 3)):
            ends = apart - errors * error, apart + errors * error
            panel.hlines(rows[name], *ends, color=COLOURS["self"], linewidth=width)
        panel.plot(apart, rows[name], "o", color="black", markersize=5)
    panel.axvline(0, color="grey", linestyle="--", linewidth=1)
    panel.set_title(f"one {'last block' if unit == 'future' else unit} at a time", loc="left")
    panel.set_yticks(list(rows.values()), list(rows))
    panel.spines[["top", "right"]].set_visible(False)
axes[1].set_xlabel("log predictive density minus the best model's (1 and 2 standard errors)")
plt.show()

# %%
selection = em.select(tables["participant"])
print(selection.attrs["reading"])
em.plot_selection(selection)

# %% [markdown]
# That recipients make no difference predicts worst: by 24 with a standard error of 8 for one more
# choice, by about two standard errors for somebody new and for the last block (where its refit
# had 3 divergences). Which of the two things differs stays open whatever is predicted: the other
# three models are within two standard errors of each other in all three units, and `select`,
# which asks how many people each describes, knows hardly more than before the data.
#
# ## What was planted, and what was found
#
# Planted was `one temperature`: people learn at .09 for themselves, at .06 for another and at .08
# for no one, with one inverse temperature of 15.
#
# Left: the median person of `one temperature`, with 90 % intervals, and crosses at what the people
# of this study really have, on average on the link scale. Right: the rates of single people.

# %%
truth = pd.read_csv(study_folder("self_other_no_one") / "true_parameters.csv")
true_rates = truth.filter(like="learning_rate").set_axis(list(COLOURS), axis="columns")
best = fits["one temperature"]["posterior"].to_dataset()
figure, axes = plt.subplots(
    1, 4, figsize=(10, 2.8), layout="constrained", width_ratios=(1.2, 1, 1, 1)
)
for k, (recipient, colour) in enumerate(COLOURS.items()):
    median = expit(best["learning_rate_mean"].sel(recipient=recipient)).to_numpy().ravel()
    axes[0].vlines(k, *np.quantile(median, [0.05, 0.95]), color=colour, linewidth=3)
    axes[0].plot(k, np.median(median), "o", color=colour)
    axes[0].plot(k + 0.15, expit(logit(true_rates[recipient]).mean()), "kx")
    people = best["learning_rate"].sel(recipient=recipient).stack(sample=("chain", "draw"))
    people = people.sel(participant=truth["participant"].tolist()).to_numpy()
    panel, means = axes[k + 1], people.mean(axis=1)
    ends = abs(np.quantile(people, [0.05, 0.95], axis=1) - means)
    true = true_rates[recipient]
    panel.errorbar(true, means, ends, fmt="o", color=colour, ms=3, lw=0.6)
    panel.axline((0.1, 0.1), slope=1, color="grey", linestyle=":")
    r = np.corrcoef(true, means)[0, 1]
    panel.set_title(f"{recipient.replace('_', ' ')}, r = {r:.2f}", loc="left")
    panel.set(xlabel="true rate", xlim=(0, 0.32), ylim=(0, 0.45))
axes[0].set_xticks(range(3), [name.replace("_", " ") for name in COLOURS])
axes[0].set(ylabel="learning rate", title="median person", xlim=(-0.5, 2.5), ylim=(0, None))
axes[1].set_ylabel("found, 90 % interval")
for panel in axes:
    panel.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## What the data do not tell
#
# For another people learn more slowly than for themselves, as planted. But all three crosses of
# the median person lie at the lower ends of the intervals or just below: rates that share one
# temperature err together, since rate and temperature trade off. Whoever learns slowly and acts
# on small differences chooses as one who learns fast and acts on large ones only. Of single
# people a quarter to three quarters of the differences in a rate are found (squares of r).
#
# Left: draws of the median person by `both differ`, which leaves rate and temperature open,
# crosses at the truth. Right: how much faster single people learn for themselves than for
# another, by `one temperature`.


# %%
def differences(name, parameter):
    """Oneself minus another and minus no one, of the median person."""
    for recipient in ("other", "no_one"):
        sides = {"recipient": "self"}, {"recipient": recipient}
        found = em.contrast(fits[name], parameter, *sides).iloc[0]
        yield {"model": name, "parameter": parameter, "self minus": recipient} | dict(
            found[["mean", "hdi_low", "hdi_high", "p_positive"]]
        )


asked = {
    ("one temperature", "learning_rate"),
    ("both differ", "learning_rate"),
    ("both differ", "inverse_temperature"),
    ("one rate", "inverse_temperature"),
}
told = pd.DataFrame([row for pair in sorted(asked) for row in differences(*pair)])

both = fits["both differ"]["posterior"].to_dataset()
figure, axes = plt.subplots(1, 2, figsize=(7.5, 3.2), layout="constrained")
for recipient, colour in COLOURS.items():
    one = both[["learning_rate_mean", "inverse_temperature_mean"]].sel(recipient=recipient)
    rate = expit(one["learning_rate_mean"].to_numpy().ravel())[::5]
    temperature = np.exp(one["inverse_temperature_mean"].to_numpy().ravel())[::5]
    axes[0].plot(rate, temperature, ".", color=colour, markersize=2, alpha=0.5)
    at = expit(logit(true_rates[recipient]).mean())
    typical = np.exp(np.log(truth[f"inverse_temperature[{recipient}]"]).mean())
    axes[0].plot(at, typical, "X", color=colour, markeredgecolor="black", markersize=9)
    axes[0].plot([], [], "o", color=colour, label=recipient.replace("_", " "))
axes[0].set(xlabel="learning rate", ylabel="inverse temperature")
axes[0].legend(frameon=False)
rates = best["learning_rate"].sel(participant=truth["participant"].tolist())
apart = (rates.sel(recipient="self") - rates.sel(recipient="other")).stack(s=("chain", "draw"))
true = true_rates["self"] - true_rates["other"]
means = apart.mean("s").to_numpy()
ends = abs(apart.quantile([0.05, 0.95], "s").to_numpy() - means)
axes[1].errorbar(true, means, ends, fmt="o", color="#555555", ms=3, lw=0.6)
axes[1].axline((0, 0), slope=1, color="grey", linestyle=":")
axes[1].set(xlabel="true rate, self minus other", ylabel="found, 90 % interval")
axes[1].set_title(f"r = {np.corrcoef(true, means)[0, 1]:.2f}", loc="left")
for panel in axes:
    panel.spines[["top", "right"]].set_visible(False)
plt.show()
told.round(3)

# %% [markdown]
# ## What this means
#
# **What it shows.** Recipients differ: `one learner` comes last in every unit. Under `one
# temperature` the rate for oneself is above that for another with a probability of .99. The same
# data support `one rate` as well, by which it is the temperature that differs (also .99). Where
# both may differ, neither difference of oneself and another is clear. So rates should not be
# compared between recipients, here, without the claim that the temperature is shared; this study
# cannot support that claim, and `both differ` says what is left without it.
#
# **What such a study does not tell.** Which of rate and temperature differs, with 40 people of
# 144 trials; nor how much more slowly a single person learns for another, since the intervals of
# people are as wide as the differences between them. Of later blocks only the ninth was
# predicted; `from_block=2` predicts all of them, with eight refits of every model.
#
# **What it does not show.** The data are simulated, from a model that is among the four, and
# nothing here is evidence about people. The seed is 1, and no other was tried.
