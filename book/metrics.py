# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     name: python3
#     display_name: Python 3
#     language: python
# ---

# %% [markdown]
# (sec-metrics)=
# # How the metrics are checked
#
# A score that is computed wrongly looks like any other. So every metric of this report is first given codes whose score is known beforehand, and the
# table below is made anew with each build. The tests of the project hold the metrics to the same table.

# %% tags=["parameters"]
seed = 0  # draws factors, noise and rotations of the cases

# %% tags=["hide-input"]
# %matplotlib inline
import numpy as np
import pandas as pd

from vaelib.chapters import glue_all
from vaelib.metrics.codes import kl_per_dim
from vaelib.metrics.dependence import circular_linear_r2, gaussian_total_correlation
from vaelib.metrics.known import CROSSED_LEVELS, INFORMATIVE, LEVELS, table

known = table(seed=seed)
undefined = known["expected"].isna()
inside = np.where(
    undefined, known["obtained"].isna(), (known["obtained"] - known["expected"]).abs() <= known["tolerance"]
)
glue_all(
    {
        "n_metrics": known["metric"].nunique(),
        "n_cases": len(INFORMATIVE),
        "n_cells": len(known),
        "n_inside": int(inside.sum()),
        "levels": LEVELS,
        "crossed_levels": CROSSED_LEVELS,
    }
)

# %% [markdown]
# ## Codes with known scores
#
# Five independent factors, ten latents, six cases:
#
# - **perfect**: a latent a factor, five of noise;
# - **pair**: as before, with the first two turned by 45°, so that each tells half of two factors;
# - **rotation**: all five turned at random. Nothing is lost, and nothing is aligned; the values expected are the mean over such rotations;
# - **duplicate**: one factor told by two latents;
# - **noise**: ten latents that tell nothing;
# - **dead**: the perfect code with one noisy latent that never varies. No score may change.
#
# The tolerance is three standard deviations of the estimate over seeds, or the bias that the estimator keeps; that of a random rotation is the spread of
# rotations. A dash is an undefined score: the modularity of noise must be undefined and not 0 or 1. Of {glue:text}`n_cells` scores of {glue:text}`n_metrics`
# metrics, {glue:text}`n_inside` are as expected.


# %% tags=["hide-input"]
of_case = known.pivot(index="metric", columns="case", values=["expected", "obtained"])
of_case = of_case.swaplevel(axis=1).loc[known["metric"].unique()]
rotated = known["case"] == "rotation"
of_case = of_case[[(case, part) for case in INFORMATIVE for part in ("expected", "obtained")]]
of_case = of_case.map(lambda value: "–" if np.isnan(value) else f"{value:.3f}")
for title, chosen in (("", ~rotated), (" of rotation", rotated)):
    of_case["tolerance", title.strip()] = (
        known[chosen].groupby("metric")["tolerance"].first().map("{:.3f}".format)
    )
of_case.rename_axis(index=None, columns=[None, None])

# %% [markdown]
# What the cases show of the metrics themselves:
#
# - *Explicitness* is blind to rotations: it asks what all latents tell together. It is no measure of alignment.
# - *FactorVAE* and *BetaVAE* scores of a random rotation can be near 1. A high value is no evidence of alignment, either.
# - *MIG*, *SAP* and *C* fall when a factor is told twice; *D* and *modularity* do not mind.
# - The *dead* latent changes nothing only because latents that do not vary are left out. Without this, the FactorVAE score elects the dead latent in every vote.
# - UDR by Lasso of a code with itself is 0.9 and not 1, since the penalty takes a tenth off every coefficient.
#
# ## Closed forms
#
# For other measures the true value follows from a formula.

# %% tags=["hide-input"]
rng = np.random.default_rng(seed)
pictures = 200_000
angles = rng.uniform(-90, 90, pictures)
noise = rng.normal(size=(pictures, 2))
rows = {}
for rho in (0.1, 0.5, 0.9):
    related = np.column_stack([noise[:, 0], rho * noise[:, 0] + np.sqrt(1 - rho**2) * noise[:, 1]])
    every = np.ones(2, dtype=bool)
    rows[f"total correlation of two normal latents, r = {rho:g}"] = (
        -0.5 * np.log(1 - rho**2),
        gaussian_total_correlation(related, every),
    )
shapes = {
    "sin θ": (np.sin(np.deg2rad(angles)), 1.0),
    "θ itself": (angles, 96 / np.pi**4),
    "noise": (noise[:, 0], 2 / pictures),
}
for name, (latent, true) in shapes.items():
    found = float(np.ravel(circular_linear_r2(latent[:, None], angles))[0])
    rows[f"circular–linear R² of the angle, latent = {name}, θ uniform in ±90°"] = (true, found)
for mu, logvar in ((0.0, 0.0), (1.0, 0.0), (0.0, np.log(4))):
    true = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
    drawn = mu + np.exp(0.5 * logvar) * noise[:, 0]
    simulated = np.mean(0.5 * (drawn**2 - noise[:, 0] ** 2 - logvar))
    given = kl_per_dim(np.array([[mu]]), np.array([[logvar]]))[0]
    rows[f"KL, mu = {mu:g}, σ = {np.exp(0.5 * logvar):g}, nats"] = (true, given)
    rows[f"the same by drawing {pictures:,} latents"] = (true, simulated)
closed = pd.DataFrame(rows, index=["expected", "obtained"]).T
closed.map("{:.4f}".format)

# %% [markdown]
# ## Where programs in use differ
#
# The cases are not idle. Read in the source of public programs, and told in their own issue threads:
#
# - a reshape in place of a transposition that mixes latents with samples, so that MIG is 0.0008 for a model that should have about 0.5;
# - a total correlation of −33 nats, printed by an estimator with wrong constants, where none can be below zero;
# - an interventional robustness score that sums a mask of active latents where it means to count them;
# - a test error that is that of the first batch divided by the number of batches, and a test set that is the training set.
#
# The property tests beside the table ask for what no single value can show: scores do not change when latents are permuted, scaled or flipped, and MIG falls
# when a perfect code is turned at random.
