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
# # From prediction errors to BOLD
#
# A learning model says how surprising every outcome was for every participant. Does a region
# follow? The usual way is to put each person's mean prediction errors into a GLM as a parametric
# modulator, as if they were known. Here it is done with nilearn, and again with what the usual
# way leaves out: how uncertain prediction errors are.
#
# Behaviour is the bundled study `outgroup_help` (**simulated**, with data from nobody), and so is
# the signal of a region, of which we know how it follows the *true* prediction errors.

# %%
import json
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from nilearn.glm import compute_contrast
from nilearn.glm.first_level import make_first_level_design_matrix, run_glm
from scipy.stats import t as student_t

import empathymodels as em
from empathymodels.study.bundled import study_folder

SEED = 1
rng = np.random.default_rng(SEED)

# %% [markdown]
# ## Behaviour with times
#
# Events need onsets in seconds. In this study a partner helps or does not on 20 trials, about 19 s
# apart.

# %%
bundled = em.load_study("outgroup_help")
trials = bundled.trials.copy()
place = trials.groupby("participant").cumcount()
trials["onset"] = (8 + 19 * place + rng.uniform(0, 4, len(trials))).round(2)
trials["duration"] = 2.0
study = em.Study(
    trials=trials, participants=bundled.participants, name="outgroup_help", simulated=True
)
model = em.get_model("outgroup_help_learning").without("insula", "empathy_before", "empathy_after")
fit = em.fit(model, study, seed=SEED)
checks = em.check(fit)
print(f"{int(checks['passed'].sum())} of {len(checks)} checks passed")

# %% [markdown]
# ## Signals that follow the truth
#
# The latents at the true parameters give the true prediction errors. In every person the signal of
# a region rises by 1 % at every outcome, and by $b_s$ % per unit of the prediction error, with
# $b_s$ around 0.5. Noise is autocorrelated, as it is in the scanner; one region is measured
# with much of it and another with little, as a mean over many voxels or runs would be.

# %%
truth = pd.read_csv(study_folder("outgroup_help") / "true_parameters.csv")
names = [parameter.name for parameter in model.parameters if parameter.fixed is None]
at_truth = em.log_likelihood(model, study, truth[["participant", *names]])
true_errors = at_truth["latents"].to_dataset()["prediction_error"].to_numpy()

REPETITION, SCANS, MEMORY = 2.0, 200, 0.3
NOISE = {"much noise": 0.35, "little noise": 0.1}  # percent
TIMES = REPETITION * np.arange(SCANS)
people = trials["participant"].unique()
true = rng.normal(0.5, 0.15, len(people))


def design_of(events, **how):
    """Design matrix of nilearn, which says of every one that it uses modulations."""
    with redirect_stdout(StringIO()):
        return make_first_level_design_matrix(TIMES, events, **how)


def noise_of(sd):
    """Noise that remembers the scan before."""
    noise = rng.normal(0, sd, SCANS)
    for scan in range(1, SCANS):
        noise[scan] += MEMORY * noise[scan - 1]
    return noise


signal = {}
for person, effect in zip(people, true, strict=True):
    own = (trials["participant"] == person).to_numpy()
    events = trials.loc[own, ["onset", "duration"]]
    errors = true_errors[own] - true_errors[own].mean()
    both = [
        events.assign(trial_type="outcome", modulation=1.0),
        events.assign(trial_type="error", modulation=errors),
    ]
    design = design_of(pd.concat(both), drift_model=None)
    expected = 100 + design["outcome"] + effect * design["error"]
    signal[person] = np.column_stack([expected + noise_of(sd) for sd in NOISE.values()])

figure, axes = plt.subplots(2, 1, figsize=(7, 3.4), layout="constrained", sharex=True)
for panel, name, one in zip(axes, NOISE, signal[people[0]].T, strict=True):
    panel.plot(TIMES, one, color="#0072B2", linewidth=0.9)
    panel.set(ylabel="percent", title=f"{people[0]}, {name}")
    panel.spines[["top", "right"]].set_visible(False)
axes[-1].set_xlabel("time (s)")
plt.show()

# %% [markdown]
# ## Events that nilearn takes as they are
#
# `to_events` writes two rows per trial: the event, and its modulated twin under a name of its own
# with the centred value. The file beside it says what was subtracted and how certain each value is.

# %%
workplace = tempfile.TemporaryDirectory()
folder = Path(workplace.name)
how = {"latent": "prediction_error", "task": "help", "event": "outcome"}
written = em.to_events(fit, folder / "means", **how)
about = json.loads(written[0].with_suffix(".json").read_text(encoding="utf-8"))
spread = np.array(about["PosteriorStandardDeviation"]["prediction_error"], dtype=float)
print(f"{written[0].name}: posterior sd of an error {spread.min():.2f} to {spread.max():.2f}")
pd.read_csv(written[0], sep="\t").head(4).round(2)


# %% [markdown]
# ## The usual GLM, and one that knows that latents are uncertain
#
# One GLM per person and region, with autocorrelated noise. First with the posterior means of
# prediction errors, as if they were known; then with 20 versions of the events, each with one
# posterior draw in place of the means, whose results `combine_glms` puts together by Rubin's rules.


# %%
def modulation(person, version):
    """Effects per unit of the prediction error, (region,), their squared errors, and df."""
    file = folder / version / person / "func" / f"{person}_task-help_events.tsv"
    design = design_of(pd.read_csv(file, sep="\t"), drift_model="cosine", high_pass=0.01)
    labels, results = run_glm(signal[person], design.to_numpy(), noise_model="ar1")
    contrast = (design.columns == "outcome_prediction_error").astype(float)
    found = compute_contrast(labels, results, contrast, stat_type="t")
    return found.effect_size(), found.effect_variance(), SCANS - design.shape[1]


VERSIONS = [f"draws/draw-{version:02}" for version in range(1, 21)]
em.to_events(fit, folder / "draws", **how, draws=len(VERSIONS))
rows = []
for person, effect in zip(people, true, strict=True):
    usual, variance, df = modulation(person, "means")
    reach = student_t.ppf(0.975, df) * np.sqrt(variance)
    effects, variances, _ = zip(*(modulation(person, one) for one in VERSIONS), strict=True)
    combined = em.combine_glms(effects, variances, df=df)
    for k, region in enumerate(NOISE):
        about = {"region": region, "participant": person, "true": effect}
        rows.append(
            about
            | {"latents": "as if known", "effect": usual[k]}
            | {"low": usual[k] - reach[k], "high": usual[k] + reach[k], "lost": 0.0}
        )
        own = {name: float(combined[name][k]) for name in ("effect", "low", "high", "lost")}
        rows.append(about | {"latents": "20 draws"} | own)
found = pd.DataFrame(rows)
found["holds"] = (found["low"] <= found["true"]) & (found["true"] <= found["high"])
found["width"] = found["high"] - found["low"]
workplace.cleanup()

# %% [markdown]
# ## Whose 95 % intervals hold the true effect?

# %%
found.groupby(["region", "latents"], sort=False)[
    ["true", "effect", "holds", "width", "lost"]
].mean().round(2)

# %%
figure, axes = plt.subplots(2, 2, figsize=(7, 6), layout="constrained", sharex=True, sharey=True)
for panel, ((region, latents), one) in zip(
    axes.ravel(), found.groupby(["region", "latents"], sort=False), strict=True
):
    for holds, colour in ((True, "#0072B2"), (False, "#D55E00")):
        here = one[one["holds"] == holds]
        reach = [here["effect"] - here["low"], here["high"] - here["effect"]]
        panel.errorbar(here["true"], here["effect"], reach, fmt="o", ms=3, lw=0.8, color=colour)
    panel.axline((0.5, 0.5), slope=1, color="grey", linestyle=":")
    panel.set_title(f"{region}; latents {latents}", fontsize="medium")
    panel.spines[["top", "right"]].set_visible(False)
for panel in axes[-1]:
    panel.set_xlabel("true effect (percent)")
for panel in axes[:, 0]:
    panel.set_ylabel("estimate, 95 % interval")

# %% [markdown]
# Where the signal is noisy, both ways hold what they promise: noise is most of what is not known,
# and the uncertainty of prediction errors adds an eighth to the variance (`lost`). Where the signal
# is clear, prediction errors are nearly half of what is not known. Taken as if known, they make
# intervals that hold the true effect in 78 % of people in place of 95 %; with 20 draws it is 94 %.
# The better a region is measured, the more it matters.
#
# ## What this means
#
# **What it shows.** From a fit to a GLM it is one call, and nilearn takes the files as they are.
# Effects are per unit of the latent, centred, beside the response to the event. 36 people are few
# for shares of intervals: .94 has a standard error of .04. The seed is 1, and no other was tried;
# a first version had the noisy region alone.
#
# **What it does not show.** Versions are drawn given behaviour alone. So with more uncertain
# latents effects would shrink, as those of any regressor with error do (here they are about as
# large as they were made: .48 to .52 for .50); a model of ratings and betas at once, as
# `outgroup_help_learning` with its insula betas is, does not have this fault. The signal is
# simulated, and nothing here is evidence about a brain.
