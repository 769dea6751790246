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
# # Help from an out-group member: learning, the insula, and empathy
#
# Someone from a group you expect little of spares you pain. You are surprised, and you learn.
# Does what you learn about *one* member of that group change your empathy for *another*?
#
# Hein, Engelmann, Vollberg and Tobler (2016) asked this with brain imaging. Here we build the
# argument as one Bayesian model: expectations are learned from help, feelings follow the
# expectations, the anterior insula follows the surprise, and empathy for another group member
# follows both. The data are **simulated** from the paper's design, with data from nobody, so that
# at the end we can compare what we inferred with the truth.

# %%
import arviz as az
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr

import empathymodels as em
from empathymodels.study.bundled import study_folder

# %% [markdown]
# ## The study
#
# A study is up to three tidy tables. Each participant has one partner, from the in-group or from
# the out-group, who helps on most trials.

# %%
study = em.load_study("outgroup_help")
print(study)

# %%
study.trials.head()

# %% [markdown]
# `outcome` is 1 if the partner helped and -1 if not; `feeling` is the rating toward the partner
# before the outcome of that trial is known. How often did partners help, and how many
# participants are in each group?

# %%
people = study.participants
people.groupby("partner_group").size().rename("participants")

# %%
trials = study.trials.merge(people[["participant", "partner_group"]], on="participant")
trials.groupby("partner_group")["outcome"].agg(lambda outcome: (outcome == 1).mean()).rename(
    "share of trials with help"
)

# %% [markdown]
# The participants table holds empathy for *another* member of the partner's group, before and
# after; the regions table one anterior-insula beta per trial, with its standard error.

# %%
people.head()

# %%
study.regions.head()

# %% [markdown]
# ## The model
#
# One trial of one person, written once. The expected help $V$ moves by a share $\alpha$ of the
# prediction error $\delta$ (Rescorla-Wagner):
#
# $$\delta_t = \text{outcome}_t - V_t, \qquad V_{t+1} = V_t + \alpha\,\delta_t$$
#
# Three kinds of data depend on it:
#
# $$\text{feeling}_t \sim \text{Normal}(a + k V_t,\; s)$$
#
# $$\text{insula}_t \sim \text{StudentT}(\nu,\; c + d\,\delta_t,\; \sqrt{s_I^2 + se_t^2})$$
#
# $$\text{empathy after} \sim \text{Normal}(E + \tau + \gamma_V (V_{end} - V_1)
#   + \gamma_I\, d\, \overline{|\delta|},\; m)$$
#
# Empathy before is another noisy look at the same level $E$. With it in the model, somebody whose
# first rating happened to be low does not count as having changed (regression to the mean).
# Every person has their own $\alpha, V_1, a, k, s, c, d, E$, drawn from a population;
# `print(model)` shows equations, priors, columns and papers.

# %%
model = em.get_model("outgroup_help_learning")
pd.DataFrame(
    [(p.name, p.symbol, p.meaning, p.level) for p in model.parameters],
    columns=["parameter", "symbol", "meaning", "one per"],
)

# %% [markdown]
# By default the group of the partner may shift two of them: the learning rate and the first
# expectation.

# %%
dict(model.covariates)

# %% [markdown]
# ## Before seeing the data: what do the priors say?
#
# Priors of a rating are stated as fractions of its scale. Predictions from the priors alone should
# cover the scale. (A rating is recorded in whole points, and at an end stands for everything beyond
# it; hence the heap at either end, where the priors allow people whose feelings lie outside.)

# %%
prior = em.predict(model, study, draws=200, seed=1)
drawn = prior["prior_predictive"]["feeling"]
figure, axes = plt.subplots(figsize=(5, 2.8), layout="constrained")
bins = np.arange(0.5, 10)
axes.hist(drawn.to_numpy().ravel(), bins, density=True, color="#0072B2", alpha=0.4, label="prior")
axes.hist(study.trials["feeling"], bins, density=True, histtype="step", color="k", label="data")
axes.set(xlabel="feeling toward the partner (rating)", ylabel="density")
_ = axes.legend(frameon=False)
# %% [markdown]
# ## Fit
#
# One call. It validates the data, compiles the trial loop with its exact gradient, and samples
# with NUTS. The result is a plain ArviZ `DataTree` that carries the study and the model with it.

# %%
fit = em.fit(model, study, draws=3000, seed=1)

# %% [markdown]
# First question: can the sampling be trusted? `check` gives one table, with advice (its last
# column) where something fails. The last rows ask whether predicted data look like the observed
# ones.

# %%
checks = em.check(fit)
checks[["check", "value", "limit", "passed"]]

# %%
print(f"{checks['passed'].sum()} of {len(checks)} checks passed")
for advice in checks.loc[~checks["passed"], "advice"]:
    print(advice)

# %% [markdown]
# ## Does the model reproduce the data?
#
# For every feature that matters (level, spread, learning curve, reaction to help), where does the
# observed value lie among the values in data predicted by the fit? A $p$ near 0 or 1 is trouble.

# %%
em.plot_statistics(fit)

# %% [markdown]
# The learning curve itself. Each trial's band is what the model, knowing the help received so far,
# expects for the mean of that group. In the out-group the curve starts lower and rises more.

# %%
em.plot_predictions(fit, "feeling", by="partner_group")

# %% [markdown]
# ## What was learned, and how fast?
#
# The *median person* has the population's mean on the scale on which people are normally
# distributed (the logit, for a learning rate). It is the first number to report.

# %%
estimates = em.estimates(fit, prob=0.9)
shown = ["parameter", "median", "hdi_low", "hdi_high"]
estimates.query("whose in ('median person', 'population')")[shown].round(2)

# %%
em.plot_parameters(fit)

# %% [markdown]
# People differ. Their intervals show how much each person's own trials say: where they say
# little, the estimate is drawn toward the group's median person (dashed).

# %%
em.plot_people(fit, "learning_rate", by="partner_group")

# %% [markdown]
# What this means from trial to trial, from the person whose expectation moved least to the one
# whose moved most:

# %%
em.plot_latent(fit, "value")

# %% [markdown]
# ### Trade-offs to know about
#
# With few trials several stories fit the same ratings. A low first expectation with fast learning
# may look like a higher one with slow learning; feelings show only the product of sensitivity and
# expectation, on top of the baseline. How strong is this here? For every person, the correlation
# between two parameters in the posterior; over people, its quartiles:

# %%
posterior = fit["posterior"].to_dataset()
pairs = [
    ("learning_rate", "start_value"),
    ("learning_rate", "sensitivity"),
    ("start_value", "sensitivity"),
    ("start_value", "baseline"),
    ("sensitivity", "baseline"),
]
correlations = {
    f"{a}, {b}": xr.corr(posterior[a], posterior[b], dim=("chain", "draw")).to_series()
    for a, b in pairs
}
pd.DataFrame(correlations).quantile([0.25, 0.5, 0.75]).T.round(2)

# %% [markdown]
# Learning rate and start value, the pair one worries about most, are nearly separate for most
# people: a rating on every trial, the first included, shows where the expectation began. The
# sensitivity is the parameter to distrust on its own: it trades off with the baseline and with
# the learning rate. Designs with fewer ratings would do worse.

# %% [markdown]
# ## Do in-group and out-group differ in learning, or in what they expect at first?
#
# A contrast is computed from the joint posterior. The *region of practical equivalence* (ROPE)
# says which differences would be too small to care about; it is a judgement, made before looking.

# %%
out, own = {"partner_group": "out"}, {"partner_group": "in"}
contrasts = pd.concat(
    [
        em.contrast(fit, "learning_rate", out, own, rope=(-0.05, 0.05)),
        em.contrast(fit, "start_value", out, own, rope=(-0.1, 0.1)),
    ]
)
contrasts[["parameter", "median", "hdi_low", "hdi_high", "p_in_rope", "verdict"]].round(2)

# %% [markdown]
# The groups differ in what they expect before the first trial: less help from the out-group. For
# the learning rate the question stays open: the interval is much wider than the region of
# practical equivalence, so neither a difference nor its absence is shown.

# %% [markdown]
# ## Is it learning at all? Three rivals
#
# A model is only as good as the alternatives it beats. The model file names its rivals:

# %%
rivals = ("no_learning", "separate_rates", "hybrid_pearce_hall")
for name in rivals:
    print(f"{name}: {model.rivals[name].__doc__}")

# %%
fits = {"learning": fit}
for name in rivals:
    fits[name] = em.fit(model.rival(name), study, seed=1)

# %% [markdown]
# `compare` estimates how well each model predicts one more observation of the same people (PSIS
# leave-one-out). We compare on feelings, the response with many observations per person. A
# single empathy rating is half of all that is known of its person's empathy; leaving it out
# changes the posterior too much for importance weights. The column `pareto_k_bad` counts the
# observations for which that happens.

# %%
comparison = em.compare(fits, response="feeling")
comparison[["elpd", "elpd_diff", "dse", "weight", "pareto_k_bad"]].round(2)

# %%
print(comparison.attrs["reading"])
em.plot_compare(comparison)

# %% [markdown]
# Learning is not in doubt: the model without it predicts far worse, by a margin that the few
# unreliable weights cannot overturn. Which *kind* of learning is open: the richer rivals differ
# from the simple model by little, and at that size the unreliable weights do matter. We keep the
# simplest, and claim no more than "feelings follow a running expectation".

# %% [markdown]
# ## Prediction errors and the insula
#
# Is the insula's response larger the better the outcome compares with the expectation? Each dot is
# the mean beta of trials with similar prediction errors.

# %%
em.plot_response_over_latent(fit, "insula", "prediction_error")

# %%
estimates.query("parameter == 'insula_error' and whose == 'median person'")[shown].round(2)

# %% [markdown]
# A caution: the prediction error is the outcome minus the expectation. Within trials with help (and
# within those without) a larger error *is* a smaller expectation, so the difference between the
# outcomes carries much of this slope. For an analysis of images, `em.latents(fit)` gives the
# regressor with its uncertainty:

# %%
em.latents(fit)["prediction_error"].mean(("chain", "draw")).to_series().head()

# %% [markdown]
# ## Empathy toward another member of the group
#
# The paper's point: what was learned from one member reaches others. First the data: change in
# rated empathy against the expectation gained between the first and the last trial.

# %%
value = em.latents(fit)["value"].mean(("chain", "draw"))
rows = pd.DataFrame({"participant": value["participant"], "value": value}).groupby("participant")
gain = rows["value"].last() - rows["value"].first()
table = people.set_index("participant").assign(gain=gain)
table["change"] = table["empathy_after"] - table["empathy_before"]
figure, axes = plt.subplots(figsize=(4.8, 3.3), layout="constrained")
colours = {"in": "#0072B2", "out": "#D55E00"}
for group, part in table.groupby("partner_group"):
    label = f"partner group: {group}"
    axes.plot(part["gain"], part["change"], "o", color=colours[group], label=label)
axes.axhline(0, color="grey", linewidth=0.8)
axes.spines[["top", "right"]].set_visible(False)
axes.set_xlabel("expected help, last minus first trial")
axes.set_ylabel("empathy after minus before (rating)")
_ = axes.legend(frameon=False)
# %% [markdown]
# Then the model, which knows that gains and ratings are uncertain. `generalisation` is the change
# in empathy (rating points) per unit of change in expected help; `insula_link` is the change per
# unit of a person's insula response to the average surprise.

# %%
links = ["generalisation", "insula_link", "empathy_shift"]
az.summary(fit, var_names=links, kind="stats", ci_prob=0.9)

# %% [markdown]
# How probable is a positive effect, and one of at least half a rating point per unit?

# %%
draws = posterior[links]
pd.DataFrame(
    {
        "P(positive)": (draws > 0).mean().to_pandas(),
        "P(above half a point)": (draws > 0.5).mean().to_pandas(),
    }
).round(3)

# %% [markdown]
# Learned help reaches empathy for others of the group. For the insula's own contribution the
# interval is wide and includes zero. The reason is visible in the joint posterior: everybody's
# insula response times mean surprise is a similar positive number, so that a strong link and a
# negative general shift can hardly be told apart from no link and no shift. The paper's link is
# in the model; a study of this size need not find it.

# %%
figure, axes = plt.subplots(figsize=(4, 3), layout="constrained")
axes.plot(
    posterior["insula_link"].to_numpy().ravel(),
    posterior["empathy_shift"].to_numpy().ravel(),
    ".",
    color="#0072B2",
    alpha=0.15,
)
axes.spines[["top", "right"]].set_visible(False)
_ = axes.set(xlabel="insula link", ylabel="empathy shift (rating)")
# %% [markdown]
# ## Against the truth
#
# Only a simulation allows this check. Points near the line are well recovered; estimates of what
# a person's data show poorly lie closer together than the true values (partial pooling).

# %%
truth = pd.read_csv(study_folder("outgroup_help") / "true_parameters.csv")
em.plot_recovery(fit, truth)

# %% [markdown]
# People are ordered well. Of the 90 % intervals, nine in ten should hold the true value over many
# studies; in a single study fewer may, since an error in the population's mean moves everybody's
# estimate at once. Here it does so for the start value and the sensitivity, which are both
# estimated too low: the trade-off again. One study cannot tell bad luck from a fault of the
# method; many simulated studies can (simulation-based calibration).
#
# The contrast between the groups was right to be sure of one difference and unsure of the other.
# True means:

# %%
truth.merge(people[["participant", "partner_group"]], on="participant").groupby("partner_group")[
    ["learning_rate", "start_value"]
].mean().round(2)

# %% [markdown]
# ## What this means, and what it does not
#
# **What it shows.** The method works on a study of this size: from ratings, insula betas and two
# empathy ratings per person, one model infers the learning, links it to the brain and to empathy
# for another person, and says how sure it is, including where it is not.
#
# **What it does not show.** These are simulated data; nothing here is evidence about people. The
# size of the empathy change was our assumption, since the published size was not available to us.
#
# **What was published, and what is ours.** Published (2016): help from an out-group member evokes a
# prediction error in the anterior insula, and that signal predicts a later rise of empathy for a
# different member of the group. The companion paper from the same scanning session (2018, on pain
# relief) held the learning rate fixed for its brain regressors and compared no rival models; its
# effect sizes concern ratings of one's *own* pain, not empathy. Estimating the learning rate, the
# hierarchy, the joint likelihood, every prior and all rivals are ours.
#
# **Cautions.**
#
# - With so few trials learning rate, start value, sensitivity and baseline trade off; read them
#   together.
# - The outcome's coding is a choice. With -1 and 1, the expectation settles at the *mean* outcome,
#   well below 1 even for a partner who mostly helps. Another coding gives other values of $V$
#   and $k$.
# - An insula effect of the prediction error and one of the expectation differ only through the
#   difference between outcomes.
# - Leave-one-out prediction asks about more trials of the *same* people. It does not say how well
#   the model would predict new ones.
#
# **References.**

# %%
print(em.cite(model))
