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
# (sec-results)=
# # Results
#
# The slides show loss curves, reconstructions and samples of the presentation's own network (*our network*). **Does it learn to redraw digits it has not seen, upright and turned?**

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "ours"  # network: ours, or the article's
beta = 4.0  # weight of the KL term
seed = 0  # seed of the run
n_samples = 40  # images drawn from the prior [10 to 1000]
prior_seed = 0  # draws their latents [0 to 4294967295]

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from vaelib import RunStore, load_profile
from vaelib.data import as_float, load_split
from vaelib.metrics import ACTIVE_VARIANCE, target_entropy
from vaelib.models import decode, encode, prior_samples
from vaelib.plots import image_grid, kl_over_epochs, loss_curves
from vaelib.report import about_run, check_chapter, glue_all, learning_in_words

check_chapter("results", globals())
prof = load_profile(profile)
run = RunStore(store).get(prof.run(arch=arch, beta=beta, seed=seed))
spec, history, numbers = run.spec, run.history, run.metrics["test"]
test = load_split(spec, "test")
glue_all(
    about_run(run)
    | {
        "norm": {"batch": "has batch norm between its layers", "none": "has no batch norm"}[spec.norm],
        "profile_name": profile,
    }
)

# %% [markdown]
# This page shows **{glue:text}`network`** ({ref}`sec-architectures`) at the presentation's setting: {glue:text}`beta_name` and
# {glue:text}`latent_dim` latents. The presentation trained for 15 epochs. The scale of this build is the
# profile "{glue:text}`profile_name`": {glue:text}`epochs` epochs over {glue:text}`n_train:,d` images, half of them upright and half
# rotated, {glue:text}`image_size` × {glue:text}`image_size` pixels, trained by Adam {cite:p}`kingma2015adam`, one run with seed {glue:text}`seed`.
#
# ## Losses
#
# {numref}`fig-loss` shows the objective of {eq}`beta-objective` and its two parts. The dotted curve is what a training loop
# usually prints: the mean over the batches of an epoch, taken while the weights still move, so that it lags behind by about half an epoch.
# Where a network has batch norm {cite:p}`ioffe2015` it is also another function: in training each batch is
# normalised by its own mean and variance, in evaluation all images by running averages. Comparing
# that curve with a validation loss at the end of the epoch compares two things at once. So we also
# measure a fixed subset of the training images in the way the validation images are measured, after the epoch and in evaluation mode. Only
# the two solid curves can be compared: their distance is the generalisation gap. This network {glue:text}`norm`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-loss", "caption": "Objective, reconstruction and KL over the epochs. Dotted: running mean over the training batches, its first epoch may lie outside the frame. Solid: fixed training and validation subsets after each epoch, both in evaluation mode."}, "image": {"alt": "Three panels of curves over the epochs: the objective, the reconstruction term and the KL term; in each a dotted curve for the running training mean and two solid curves for training and validation images."}}
loss_curves(history)

# %% [markdown]
# The KL of {numref}`fig-loss` is a sum over the latents. {numref}`fig-kl-epochs` takes it apart and shows when
# each dimension begins to say something about the image.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-kl-epochs", "caption": "KL of each dimension on the validation subset after every epoch, sorted by the last one."}, "image": {"alt": "Heat map with a row for each latent dimension and a column for each epoch, coloured by KL in nats; the final values stand beside the rows."}}
kl_over_epochs(history)

# %% [markdown]
# ## Reconstructions
#
# {numref}`fig-reconstructions` has the first upright test image of each digit and its rotated version, each above what the decoder makes of
# its mean code μ. None of them was used in training.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-reconstructions", "caption": "Test digits and their reconstructions from the mean code, upright and rotated."}, "image": {"alt": "Grid of ten columns, one for each digit, and four rows: upright digits, their reconstructions, the same digits rotated, their reconstructions."}}
upright = test.factors.drop_duplicates("digit").sort_values("digit").index.to_numpy(copy=True)
rows = [test.images[chosen] for chosen in (upright, upright + len(test) // 2)]
shown = [
    shown
    for images in rows
    for shown in (as_float(images)[:, 0].numpy(), decode(run.model, encode(run.model, images).mu))
]
image_grid(np.stack(shown), ["upright", "decoded", "rotated", "decoded"])

# %% [markdown]
# ## Samples
#
# Latents drawn from the prior, not from any image, decode to {numref}`fig-prior-samples`. They show how well
# the codes of real images fill the prior that the KL pulls them towards.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-prior-samples", "caption": "Images decoded from latents drawn from the standard normal prior."}, "image": {"alt": "Grid of grey images, ten a row, some of which resemble digits."}}
samples = decode(run.model, prior_samples(run.model, n_samples, prior_seed))
image_grid(samples[: n_samples // 10 * 10].reshape(-1, 10, *samples.shape[1:]))

# %% [markdown]
# ## Test numbers
#
# Nats an image on {glue:text}`n_test:,d` test images. Pixels are grey, so even a perfect reconstruction has a cross-entropy: the
# entropy of its own grey levels, given as *floor*. The last column is the squared error of a pixel in [0, 1].

# %% tags=["hide-input"]
rotated = test.factors["rotated"].to_numpy()
entropy = target_entropy(as_float(test.images).numpy())
floor = {"all": entropy.mean(), "upright": entropy[~rotated].mean(), "rotated": entropy[rotated].mean()}
table = pd.DataFrame(numbers).T.assign(floor=floor)
glue_all(
    {f"{name}_{part}": table.loc[part, name] for part in table.index for name in ("recon", "kl", "floor")}
)
gap = history["val_recon"].iloc[-1] - history["train_eval_recon"].iloc[-1]
val_kl = history.filter(regex=r"^val_kl_\d+$").iloc[-1]
glue_all(
    {
        "kl_least": float(val_kl.min()),
        "kl_most": float(val_kl.max()),
        "active": run.metrics["active_units"],
        "active_from": ACTIVE_VARIANCE,
        "gap": gap,
        "answer": learning_in_words(history["val_recon"].to_numpy(), table["recon"] - table["floor"]),
    }
)
formats = {
    "images": ("n", "{:,.0f}"),
    "reconstruction": ("recon", "{:.1f}"),
    "floor": ("floor", "{:.1f}"),
    "KL": ("kl", "{:.2f}"),
    "negative ELBO": ("neg_elbo", "{:.1f}"),
    "squared error": ("mse", "{:.4f}"),
}
pd.DataFrame({title: table[column].map(pattern.format) for title, (column, pattern) in formats.items()})

# %% [markdown]
# ## Answer
#
# **{glue:text}`answer`** This is one run of {glue:text}`network`, profile "{glue:text}`profile_name`".
#
# - On test images the reconstruction costs {glue:text}`recon_upright:.1f` nats upright and {glue:text}`recon_rotated:.1f` rotated, of which
#   {glue:text}`floor_upright:.1f` and {glue:text}`floor_rotated:.1f` cannot be avoided. The code says {glue:text}`kl_upright:.2f` nats about an
#   upright and {glue:text}`kl_rotated:.2f` about a rotated digit.
# - {glue:text}`active` of {glue:text}`latent_dim` dimensions are active (variance of μ above {glue:text}`active_from:g`). After the last epoch they carry
#   {glue:text}`kl_least:.2f` to {glue:text}`kl_most:.2f` nats each on validation images.
# - The validation reconstruction lies {glue:text}`gap:+.1f` nats from that of the training subset, both in evaluation mode. The two subsets are different
#   digits, so part of this is the choice of digits.
