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
# # Changing empathy: training, signatures, feedback
#
# Three ways in which the review of motivated empathy (Weisz & Zaki, 2018) lets the brain say
# whether empathy changed, each in a few cells: training empathy and then compassion; a signature
# of care that is learned from images; and feedback of one's own signature in the scanner.
#
# **Everything is simulated**, with what was planted beside what is found. Nothing here is evidence
# about people or brains. Part 2 needs `empathymodels[neuro]`.

# %%
import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pandas as pd
from nilearn.datasets import load_mni152_brain_mask
from nilearn.image import resample_img
from nilearn.plotting import plot_stat_map

import empathymodels as em
from empathymodels.study.bundled import study_folder

BLUE, RED, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"

# %% [markdown]
# ## 1. Training empathy, then compassion
#
# 25 people train empathy and then compassion; 25 train something else as often. Before, between and
# after, all see the same videos, of suffering and neutral ones, and rate negative and positive
# affect; anterior insula (AI) and medial orbitofrontal cortex (mOFC) have a beta on each. All four
# measures go into one likelihood.

# %%
study = em.load_study("trained_compassion")
model = em.get_model("training_effects")
fit = em.fit(model, study, seed=1)
checks = em.check(fit)
print(f"{checks['passed'].sum()} of {len(checks)} checks passed")

# %% [markdown]
# What training adds to the change of everybody, for videos of suffering:

# %%
MEASURES = {
    "negative": "negative affect",
    "positive": "positive affect",
    "ai": "AI",
    "mofc": "mOFC",
}
TRAININGS = {"empathy": RED, "compassion": GREEN}
truth = pd.read_csv(study_folder("trained_compassion") / "true_parameters.csv").iloc[0]
posterior = fit["posterior"].to_dataset()
rows, figure = [], plt.figure(figsize=(8, 3), layout="constrained")
axes = dict(zip(("points (0 to 10)", "standard deviations"), figure.subplots(1, 2), strict=True))
for place, (prefix, measure) in enumerate(MEASURES.items()):
    unit = list(axes)[place // 2]
    for k, (training, colour) in enumerate(TRAININGS.items()):
        name = f"{prefix}_{training}_effect"
        draws = posterior[name].sel(video="suffering")
        low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
        planted, y = truth[f"{name}[suffering]"], place % 2 + 0.28 * (k - 0.5)
        label = f"training {training}" if place == 0 else None
        axes[unit].plot([low, high], [y, y], color=colour, linewidth=3, label=label)
        axes[unit].plot(middle, y, "o", color=colour)
        axes[unit].plot(planted, y, "|", color="black", markersize=15, markeredgewidth=2)
        special = draws - posterior[name].sel(video="neutral")
        rows.append((measure, training, planted, low, middle, high, float((special > 0).mean())))
for unit, panel in axes.items():
    names = list(MEASURES.values())[:2] if "points" in unit else list(MEASURES.values())[2:]
    panel.set_yticks([0, 1], names)
    panel.set_ylim(1.5, -0.5)
    panel.axvline(0, color="grey", linestyle=":")
    panel.set_xlabel(f"{unit}; black: planted")
    panel.spines[["top", "right"]].set_visible(False)
figure.legend(
    *axes["points (0 to 10)"].get_legend_handles_labels(),
    loc="outside upper center",
    ncols=2,
    frameon=False,
)
plt.show()
columns = ["measure", "training", "planted", "low", "median", "high", "P(more than for neutral)"]
pd.DataFrame(rows, columns=columns).round(2)

# %% [markdown]
# All eight intervals hold what was planted. Training empathy makes suffering worse to see; training
# compassion after it takes that back and adds positive affect, in the regions as in the ratings.
# Whether compassion lowers the insula is left open: the interval includes 0. The last column asks
# whether the effect is special to suffering, which only a control condition can tell. And only the
# difference between groups is an effect of training: everybody changed with time. What the second
# training does without the first is not known from such a design, since nobody began with it.
#
# ## 2. A signature of care, learned from images
#
# 30 people look at 8 pictures of people in need, and rate how much they care. Images are coarse
# (voxels of 8 mm); where the rating is high, ventral striatum and medial orbitofrontal cortex
# respond more, and anterior insula less. People differ in their level, and voxels are noisy. 20
# people train the signature; 10 are kept aside.

# %%
rng = np.random.default_rng(10)
fine = load_mni152_brain_mask(resolution=2)
affine = fine.affine.copy()
affine[:3, :3] *= 4
shape = tuple(int(np.ceil(size / 4)) for size in fine.shape)
mask = resample_img(fine, affine, shape, "nearest", force_resample=True, copy_header=True)
brain = mask.get_fdata() > 0
places = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
planted = np.zeros(shape)
for row in em.regions().query("region in ['VS', 'mOFC', 'AI']").itertuples():
    near = np.exp(-(np.linalg.norm(places - [row.x, row.y, row.z], axis=-1) ** 2) / 150)
    planted += 1.5 * (-near if row.region == "AI" else near)


def smooth_noise():
    """Noise that neighbouring voxels share in part."""
    noise = rng.normal(size=shape)
    return sum(np.roll(noise, step, axis) for axis in range(3) for step in (-1, 0, 1)) / 3


rows = []
for person in range(1, 31):
    level = rng.normal(0, 0.6)
    for _ in range(8):
        strength = rng.normal()
        values = np.where(brain, smooth_noise() + strength * planted, 0)
        care = np.clip(50 + 12 * (strength + level + 0.7 * rng.normal()), 0, 100)
        image = nibabel.Nifti1Image(values, affine)
        rows.append({"participant": f"sub-{person:02}", "image": image, "care": care})
images = pd.DataFrame(rows)
new = images["participant"] > "sub-20"
signature = em.train_signature(images[~new], "care", mask=mask, components=20, seed=1)
pd.Series(signature.evaluation).round(2)

# %% [markdown]
# Worth is measured on people left out one at a time: within people, predictions correlate with
# ratings by .74, and would by less than .08 if there were nothing (the `floor`, from shuffled
# ratings). `slope` is 1.51: ratings differ by half as much again as predictions say, so that the
# order of images is to be trusted more than the size of differences. Now the people kept aside,
# whose scores are one product of image and weights each:

# %%
scores = em.signature_scores(images[new], {"care": signature.weight_map}, mask=mask)
rated = images[new].reset_index(drop=True)
around = pd.DataFrame({"score": scores["score"].to_numpy(), "care": rated["care"]})
around -= around.groupby(rated["participant"]).transform("mean")
figure, axes = plt.subplots(figsize=(4, 3.2), layout="constrained")
axes.scatter(around["score"], around["care"], s=14, color=BLUE)
axes.set_xlabel("score of the signature (own mean taken off)")
axes.set_ylabel("rated care (own mean taken off)")
r = np.corrcoef(around["score"], around["care"])[0, 1]
axes.set_title(f"10 people kept aside: r = {r:.2f}", fontsize="medium")
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
cuts = (-4, 30, -6)
figure, axes = plt.subplots(2, 1, figsize=(7, 5))
for panel, values, title in (
    (axes[0], planted, "planted"),
    (axes[1], signature.weight_map.get_fdata(), "weights"),
):
    plot_stat_map(
        nibabel.Nifti1Image(np.where(brain, values, 0), affine),
        threshold=0.3 * np.abs(values).max(),
        cut_coords=cuts,
        axes=panel,
        title=title,
        cmap="RdBu_r",
        draw_cross=False,
    )
plt.show()

# %% [markdown]
# The weights lie where something was planted. That need not be so: weights say what predicts, and a
# region may get weight because it takes out noise that others share. Scores of several signatures
# over conditions go into the model `signature_expression`, with the bundled study
# `care_and_distress`.
#
# ## 3. Feedback of one's own score
#
# 20 people regulate in blocks while care minus distress is scored on every volume, in units of the
# study. `signature_tracking` learns how scores scatter and how slowly the state behind them moves;
# `em.Filter` takes that into the scanner room, where it needs NumPy alone.

# %%
runs = em.load_study("care_runs")
tracking = em.fit(em.get_model("signature_tracking"), runs, seed=1)
checks = em.check(tracking)
print(f"{checks['passed'].sum()} of {len(checks)} checks passed")

# %% [markdown]
# A new run of `sub-02`, simulated from this person's true values, so that the state is known. Each
# volume goes through `update`, as it would at the scanner; some volumes are lost. The target lies
# halfway between this person's rest and regulation, as the fit has them.

# %%
truth = pd.read_csv(study_folder("care_runs") / "true_parameters.csv")
own = truth.set_index("participant").loc["sub-02"]
design = runs.trials[runs.trials["participant"] == "sub-02"].iloc[:120]
known = tracking["posterior"].to_dataset().sel(participant="sub-02").mean()
target = float(known["baseline"] + known["regulation"] / 2)
online = em.Filter(tracking, participant="sub-02", target=target)
deviation, steps, state, scores = rng.normal(0, own["fluctuation"]), [], [], []
for regulate, lost in zip(design["regulate"], design["lost"], strict=True):
    state.append(own["baseline"] + own["regulation"] * regulate + deviation)
    scores.append(None if lost else rng.normal(state[-1], own["noise"]))
    steps.append(online.update(scores[-1], regulate=regulate))
    innovation = own["fluctuation"] * np.sqrt(1 - own["persistence"] ** 2)
    deviation = rng.normal(own["persistence"] * deviation, innovation)
followed = pd.DataFrame(steps).assign(state=state, score=pd.to_numeric(pd.Series(scores)))

seconds = 2 * np.arange(len(followed))
figure, axes = plt.subplots(
    2, 1, figsize=(8, 4.4), layout="constrained", sharex=True, height_ratios=(3, 1)
)
for panel in axes:
    panel.fill_between(
        seconds, 0, 1, design["regulate"] > 0.5, color="0.93", transform=panel.get_xaxis_transform()
    )
    panel.spines[["top", "right"]].set_visible(False)
axes[0].plot(seconds, followed["score"], ".", color="0.6", label="scores")
low, high = (followed["mean"] + z * followed["sd"] for z in (-1.645, 1.645))
axes[0].fill_between(seconds, low, high, color=BLUE, alpha=0.25, linewidth=0)
axes[0].plot(seconds, followed["mean"], color=BLUE, label="filter, 90 % interval")
axes[0].plot(seconds, followed["state"], color="black", linewidth=1, label="true state")
axes[0].axhline(target, color=GREEN, linestyle="--", label="target")
axes[0].set_ylabel("care minus distress")
axes[0].legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
axes[1].bar(seconds, followed["feedback"], 2, color=np.where(followed["feedback"] > 0, GREEN, RED))
axes[1].set_ylabel("feedback")
axes[1].set_xlabel("time (s); grey: asked to regulate")
axes[1].set_ylim(-1, 1)
plt.show()
inside = ((low < followed["state"]) & (followed["state"] < high)).mean()
error, noise = ((followed[c] - followed["state"]).std() for c in ("mean", "score"))
print(
    f"intervals hold {inside:.0%} of true states; error {error:.2f}, of single scores {noise:.2f}"
)

# %% [markdown]
# The filter's error is .41 where a single score's is .74, and its intervals hold 92 % of true
# states. In this person the state wanders by more than regulation shifts it, so that feedback
# rewards luck as well as effort: nothing in a score tells these apart.
#
# Before anybody is scanned: how many runs would it take, and how often would feedback be false? 100
# people who are new to the filter learn from it, or from the feedback of somebody else (sham).
# How fast people learn is an assumption (`learning=0.1`), so the numbers compare designs and
# promise nothing.

# %%
rows, curves = [], {}
for name, rule, sham in (
    ("graded", "graded", False),
    ("sign alone", "sign", False),
    ("sham", "graded", True),
):
    rehearsed = em.Filter(tracking, target=0.2, rule=rule)
    training = em.simulate_feedback(rehearsed, runs=24, n=100, sham=sham, seed=1)
    curves[name] = training["regulation"] - training["regulation"].isel(run=0)
    reached = training["runs_to_half"]
    rows.append(
        {
            "feedback": name,
            "runs to half of what can be gained": reached.fillna(np.inf).median().item(),
            "share of people there": reached.notnull().mean().item(),
            "false feedback": training["false_feedback"].mean().item(),
            "validity": training["validity"].mean().item(),
        }
    )
pd.DataFrame(rows).round(2)

# %%
figure, axes = plt.subplots(figsize=(5.5, 3.2), layout="constrained")
for (name, gained), colour in zip(curves.items(), (BLUE, GREEN, "0.5"), strict=True):
    low, middle, high = gained.quantile([0.25, 0.5, 0.75], "person").to_numpy()
    axes.plot(gained["run"], middle, color=colour, label=name)
    axes.fill_between(gained["run"], low, high, color=colour, alpha=0.12, linewidth=0)
axes.set_xlabel("run of training")
axes.set_ylabel("regulation gained; half of the people")
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# Bands hold the middle half of the people. Half of what can be gained takes a median of 17 runs
# with graded feedback and 12 with its sign alone, which is louder; both are false in a sixth of
# all volumes. Sham feedback is false in half of them and teaches next to nothing, though one person
# in ten gets there by luck: a study needs more than single cases.
#
# ## What this means
#
# **What it shows.** Effects of training, weights of a signature and the state behind noisy scores
# are found again where they were planted, each with its uncertainty. Seeds are 1 and 10; none was
# chosen for its result, but the strength of the planted signature was raised once, and the person
# followed was chosen for a target within reach.
#
# **What it does not show.** That people learn from such feedback at this rate, or at all, is
# assumed. Real scores drift with the scanner and follow the head's movements. And no signature says
# why somebody cares.
