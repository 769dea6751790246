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
# # Motives in real choices
#
# Does one help more out of empathy, out of reciprocity, or out of both? Saulin, Horn, Lotze,
# Kaiser and Hein (2022) induced either motive, both, or none in 33 people, who then chose
# between an egoistic and a prosocial allocation of points. Their data are open (MIT licence).
# Here we look at what the design can tell, fit a model that it can, check it, and hold it
# against published numbers.
#
# The data are not part of this package. They are `data_all_trials.csv` and
# `emp_minus_rec_aal_biputam.csv` of https://github.com/AnneSaulin/complex_motivations; name
# their folder in the environment variable `MOTIVE_DATA`.

# %%
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import empathymodels as em

BESIDE = Path("../../shared/studies/hein_saulin2019_complex_motives")
folder = Path(os.environ.get("MOTIVE_DATA", BESIDE))

# %% [markdown]
# ## From their file to a study
#
# The file is separated by semicolons, and trial numbers restart in the second run, so that they
# occur twice: rows are in order of time, and are numbered anew.

# %%
trials = pd.read_csv(folder / "data_all_trials.csv", sep=";")
trials["trial"] = trials.groupby("ID").cumcount() + 1
putamen = pd.read_csv(folder / "emp_minus_rec_aal_biputam.csv", header=None).iloc[0]
study = em.Study(
    trials=trials,
    participants=pd.DataFrame({"ID": np.arange(1, 34), "putamen": putamen.to_numpy()}),
    columns={
        "participant": "ID",
        "motive": "condition",
        "own_loss": "self_poss_loss",
        "other_gain": "other_poss_gain",
        "help": "resp_code",
    },
    name="complex motives",
)
print(study)

# %% [markdown]
# ## What can this design tell?
#
# The model has two weights: what one's own loss counts is the unit, and the other's gain weighs
# against it. But whoever gains much here costs little:

# %%
study.trials[["own_loss", "other_gain"]].corr().round(3)

# %%
design = em.diagnose_design(em.get_model("costly_helping"), study)
for check, advice in design.loc[~design["passed"], ["check", "advice"]].to_numpy():
    print(f"{check}: {advice}")

# %% [markdown]
# At -.92 the data say how choices change along the line on which loss and gain trade off, and
# nearly nothing across it. The rival `trade_off` asks for one slope, on the other's gain, and a
# readiness to help (a bias) for every motive.

# %%
model = em.get_model("costly_helping").rival("trade_off")
fit = em.fit(model, study, seed=1)
em.check(fit)[["check", "value", "limit", "passed"]]

# %% [markdown]
# ## Does it reproduce the choices?

# %%
em.plot_predictions(fit, "help", by="motive", x="other_gain")

# %% [markdown]
# ## Points of subjective equality
#
# At which gain of the other is helping as likely as not? For the 33 people of this sample it is
# their mean bias over their mean slope, for each draw of the posterior.

# %%
posterior = fit["posterior"]
equality = -100 * posterior["bias"].mean("participant") / posterior["slope"].mean("participant")
published = pd.DataFrame(
    {"published": [107.2, 76.6, 41.8, 32.3], "low": [81.7, 47.8, 6.2, -8.2],
     "high": [127.3, 105.9, 70.0, 59.5]},
    index=["control", "reciprocity", "empathy", "multi-motive"],
)  # fmt: skip
quantiles = {
    motive: np.quantile(equality.sel(motive=motive), [0.5, 0.025, 0.975])
    for motive in published.index
}
ours = pd.DataFrame(quantiles, index=["ours", "our low", "our high"]).T
published.join(ours).round(1)

# %% [markdown]
# The order is theirs, every published value lies in our 95 % interval, and ours are no wider.
# Both motives lower the gain at which people begin to help; empathy lowers it more than
# reciprocity, and to both together little is added.

# %%
fig, axis = plt.subplots(figsize=(5.5, 2.6), layout="constrained")
rows = np.arange(len(published))
axis.axvline(0, color="0.85", zorder=0)
axis.hlines(rows - 0.12, published["low"], published["high"], color="0.6", lw=3)
axis.plot(published["published"], rows - 0.12, "o", color="0.4", label="published")
axis.hlines(rows + 0.12, ours["our low"], ours["our high"], color="#4c78a8", lw=3, alpha=0.6)
axis.plot(ours["ours"], rows + 0.12, "o", color="#4c78a8", label="this model")
axis.set_yticks(rows, published.index)
axis.invert_yaxis()
axis.set_xlabel("gain of the other at which helping is as likely as not (points, 95 %)")
axis.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# ## Is it the motive at all?

# %%
unmoved = em.fit(model.rival("no_motive"), study, seed=1)
table = em.compare({"a bias per motive": fit, "one bias": unmoved})
print(table.attrs["reading"])

# %%
contrasts = [
    em.contrast(fit, "bias", {"motive": motive}, {"motive": "control"})
    for motive in ("empathy", "reciprocity", "multi-motive")
]
pd.concat(contrasts)[["first", "second", "median", "hdi_low", "hdi_high", "p_positive"]]

# %% [markdown]
# ## The putamen
#
# For each person the study has a contrast of putamen betas, empathy minus reciprocity. Does it
# go with what empathy, rather than reciprocity, adds to the readiness to help? It enters as a
# covariate of the bias, with a coefficient per motive, in one likelihood with the choices. (The
# order of its rows is taken to be that of the participants' numbers, which the source does not
# document.)

# %%
joint = em.fit(model, study, covariates={"bias": "putamen"}, seed=1)
effect = joint["posterior"]["bias_effect"].isel(bias_covariate=0)
difference = effect.sel(motive="empathy") - effect.sel(motive="reciprocity")
low, middle, high = np.quantile(difference, [0.025, 0.5, 0.975])
print(f"log odds per standard deviation: {middle:.2f} [{low:.2f}, {high:.2f}]")

# %% [markdown]
# ## What it means
#
# - A drift-diffusion model with response times is not needed for these points: a bias per
#   motive and one slope reproduce shares and points of equality.
# - The design cannot tell the weight of one's own loss from that of the other's gain. Nothing
#   in the model can change that; a design in which they vary apart could
#   (`em.load_study("induced_motives")`).
# - An interval around zero for the putamen is a result: with 33 people, and no more than that,
#   the data do not say that it goes with empathy's part.
