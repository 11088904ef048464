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
# (sec-architectures)=
# # Architectures
#
# The presentation compares two networks: the convolutional one of the β-VAE article {cite:p}`higgins2017` and a deeper one of
# its own, built "to capture better factors of variation". The slides say "our network" of the second, and so does this report. **What are the two networks, and what does the depth of ours
# buy?** This chapter draws both and says what the slides leave open.

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
archs = ["ours", "article"]  # networks to compare
beta = 4.0  # value of β they are trained with
seed = 0  # seed of the runs
n_tested = 200  # test images on which the maps are tried, half upright and half rotated [40 to 20000]
n_starts = 40  # test images at which traversals start [2 to 40]

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from vaelib import ARCHITECTURES, InputError, RunStore, load_profile
from vaelib.data import as_float, load_split
from vaelib.models import affine_map, affinity, encode, layer_table, maps, pairwise_cosines, traversal_steps
from vaelib.plots import affine_templates, network_diagrams, printed_table, traversal_differences
from vaelib.report import check_chapter, depth_in_words, glue_all

check_chapter("architectures", globals())
if set(archs) != {"ours", "article"}:
    raise InputError(f"archs {archs} is refused; accepted: 'ours' and 'article', in any order.")
prof = load_profile(profile)
runs = {arch: RunStore(store).get(prof.run(arch=arch, beta=beta, seed=seed)) for arch in archs}
titles = {arch: ARCHITECTURES[arch].title for arch in archs}
size = runs[archs[0]].spec.image_size
tables = {arch: layer_table(run.spec) for arch, run in runs.items()}
for arch, layers in tables.items():
    glue_all(
        {
            f"parameters_{arch}": int(layers["parameters"].sum()),
            f"multiply_adds_{arch}": float(layers["multiply_adds"].sum() / 1e6),
            f"convolutions_{arch}": len(ARCHITECTURES[arch].convs),
        }
    )
glue_all({"image_size": size, "beta": float(beta), "seed": seed})

# %% [markdown]
# ## The two networks
#
# {numref}`fig-networks` has both at the scale of this report's images. They share a plan. The encoder shrinks the image
# and widens the channels until little more than a list is left, and a last dense layer reads mean and log variance of
# the latents from it. The decoder is the mirror image, ending in a sigmoid that makes every pixel a probability.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-networks", "caption": "The networks from the image (left) to its reconstruction (right). Every block is what a layer puts out: higher for more pixels, thicker for more channels. Below, side squared and channels, or the number of units."}, "image": {"alt": "Two rows of blocks. In each, blocks shrink from the input image towards the latents in the middle and grow again, mirrored, to the output image; colours tell strided from unstrided convolutions, dense layers and latents."}}
network_diagrams({titles[arch]: layers for arch, layers in tables.items()}, size)

# %% [markdown]
# The article's network is four convolutions, a dense layer of 256 units, and ReLU in between. Layer by layer, with the work
# of one image forward in multiply-adds:

# %% tags=["hide-input"]
printed_table(layer_table(prof.run(arch="article")))

# %% [markdown]
# Our network has seven convolutions with 32, 32, 64, 64, 128, 128 and 256 channels and no dense layer but the last. Between layers stand
# batch normalisation (BN, {cite:t}`ioffe2015`) and a "linear activation". A bias directly before batch normalisation
# would be subtracted again at once, so it is left out.

# %% tags=["hide-input"]
printed_table(layer_table(prof.run(arch="ours")))

# %% [markdown]
# ## What the slides leave open
#
# - **Kernels and strides** of our network. Seven convolutions cannot all halve a 64 × 64 image: after six
#   it is 1 × 1. We use 4 × 4 kernels with stride 2, as the article does, wherever something is left to halve, and a 3 × 3 kernel with
#   stride 1 for the second layer of 128 channels. On smaller images the last layers find a single pixel and keep it.
# - **"Linear activation"**. Taken at its word it means no activation: the identity. It could also be a slip for ReLU, the
#   rectified *linear* unit. We take the slides at their word; the second interpretation is the field `activation` of a run, on the command
#   line `--activation relu`.
# - **The dense layer of the article's network**. The article has two networks, this convolutional one and a fully connected one for
#   its 2D shapes; the slides' figure fits either. We take the convolutional one.
#
# ## Why depth without activation is no depth
#
# Write each layer of our encoder as a map of a list of numbers. A convolution with zero padding is linear, $h\mapsto Ah$.
# Batch normalisation, once trained, uses fixed running statistics: with mean $m$, variance $v$, scale $\gamma$ and shift $c$ a channel becomes
# $\gamma\,(h-m)/\sqrt{v+\varepsilon}+c$, which is $Dh+d$ with a diagonal $D$. The activation is the identity. A chain of such maps is
# again one of them:
#
# $$
# \begin{aligned}
# \mu(x)&=W_\mu x+b_\mu,\\
# \log\sigma^2(x)&=W_\sigma x+b_\sigma,\\
# \operatorname{logit}p(x\mid z)&=Vz+b_V.
# \end{aligned}
# $$ (affine)
#
# Seven convolutions amount to one matrix. (During training batch normalisation divides by the statistics of the batch, so
# only then is there anything else.) What is left is a relative of principal component analysis with Bernoulli
# pixels; linear VAEs are known to be probabilistic PCA {cite:p}`lucas2019,tipping1999`. Three consequences can be tested on the trained
# networks (β = {glue:text}`beta:g`, seed {glue:text}`seed`):
#
# 1. the output at the midpoint of two inputs is the midpoint of their outputs;
# 2. the encoder can be replaced by one matrix, the decoder by another;
# 3. a step along a latent adds $\delta V_j$ to the logits, *the same image for every digit*.

# %% tags=["hide-input"]
test = load_split(runs[archs[0]].spec, "test")
half = min(n_tested, len(test)) // 2
rows = np.r_[:half, len(test) // 2 : len(test) // 2 + half]
images = test.images[rows]
codes = {arch: encode(run.model, images).mu for arch, run in runs.items()}
numbers = {arch: affinity(run.model, images, codes[arch]) for arch, run in runs.items()}
names = {"mu": "μ", "logvar": "log σ²", "logits": "logits"}
for arch, of_maps in numbers.items():
    for measure in ("midpoint_gap", "collapse_error"):
        glue_all(
            {
                f"{measure}_{arch}": max(values[measure] for values in of_maps.values()),
                f"least_{measure}_{arch}": min(values[measure] for values in of_maps.values()),
            }
        )
glue_all({"n_tested": len(images)})
pd.DataFrame(
    {
        (titles[arch], names[key]): {
            "gap at the midpoint": f"{values['midpoint_gap']:.3g}",
            "error of one matrix": f"{values['collapse_error']:.3g}",
        }
        for arch, of_maps in numbers.items()
        for key, values in of_maps.items()
    }
).T

# %% [markdown]
# The table gives the first two, over {glue:text}`n_tested` test images (for the decoder, their codes): the largest
# $|f(\tfrac{x+x'}2)-\tfrac12 f(x)-\tfrac12 f(x')|$, and the largest difference between $f(x)$ and $Wx+b$, both in standard deviations of
# $f$. Computed in double precision, rounding is about $10^{-15}$. For the
# article's network there is no such $W$; tried are its derivative at the black image and its decoder's answers to unit latents.
#
# Our encoder's matrix can be looked at: a row of $W_\mu$ has a weight for each pixel, and so has a column of $V$
# ({numref}`fig-templates`). This is all the network has learned.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-templates", "caption": "Our network in full: for each latent, the weights its mean reads from the image and the image its decoder adds to the logits (orange negative, purple positive, each on its own scale). The latent with most KL first."}, "image": {"alt": "Two rows of images, one column per latent. The upper row shows the encoder's weights for each pixel, the lower row smooth patterns of positive and negative blobs that the decoder adds."}}
ours = maps(runs["ours"].model)
latent_dim = runs["ours"].spec.latent_dim
reads = affine_map(ours["mu"], (1, size, size))[0].reshape(-1, size, size).numpy()
adds = affine_map(ours["logits"], (latent_dim,))[0].T.reshape(-1, size, size).numpy()
affine_templates(reads, adds, np.argsort(runs["ours"].metrics["kl_per_dim"])[::-1])

# %% [markdown]
# The third consequence concerns the report's main tool, the traversal: decode a digit's code, change one latent, and watch.
# {numref}`fig-steps` shows what a step of one prior standard deviation adds. If it turned every digit, it would have
# to add a different image to each.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-steps", "caption": "Left: what a step of one along the latent with most KL adds to the logits, starting from the codes of four test digits. Right: cosine similarity of the images added at every two starts; dots are medians, bars hold 95 % of the pairs."}, "image": {"alt": "Left, a row of test digits and below, for each network, the signed images that a step adds to them. Right, cosine similarities for every latent and both networks."}}
starts = {arch: codes[arch][np.r_[: n_starts // 2, half : half + n_starts // 2]] for arch in archs}
steps = {arch: traversal_steps(run.model, starts[arch]) for arch, run in runs.items()}
cosines = {arch: pairwise_cosines(images) for arch, images in steps.items()}
strongest = {arch: int(np.argmax(run.metrics["kl_per_dim"])) for arch, run in runs.items()}
digits = test.factors["digit"].to_numpy()[: n_starts // 2]
four = np.unique(digits, return_index=True)[1][:4]
traversal_differences(
    {titles[arch]: own[strongest[arch]][four] for arch, own in steps.items()},
    as_float(images[four, 0]).numpy(),
    {titles[arch]: values for arch, values in cosines.items()},
)

# %% tags=["hide-input"]
for arch, values in cosines.items():
    glue_all(
        {
            f"cosine_median_{arch}": float(np.median(values[strongest[arch]])),
            f"cosine_least_{arch}": float(values.min()),
            f"cosine_mean_{arch}": float(values.mean()),
        }
    )
glue_all({"n_starts": len(starts[archs[0]])})
is_affine = all(values["midpoint_gap"] < 1e-6 for values in numbers["ours"].values())
glue_all({"affine": "is affine" if is_affine else "is not affine", "answer": depth_in_words(is_affine)})

# %% [markdown]
# ## Answer
#
# **{glue:text}`answer`**
#
# - The article's network has {glue:text}`parameters_article:,d` parameters and takes {glue:text}`multiply_adds_article:.1f` million multiply-adds a
#   image of {glue:text}`image_size` × {glue:text}`image_size`; ours has {glue:text}`parameters_ours:,d` and takes {glue:text}`multiply_adds_ours:.1f` million.
# - As the slides state it, our network {glue:text}`affine` at test time: its largest gap at a midpoint is
#   {glue:text}`midpoint_gap_ours:.1e` standard deviations, the article's network has gaps from {glue:text}`least_midpoint_gap_article:.2g` to
#   {glue:text}`midpoint_gap_article:.2g`. One matrix each
#   reproduces our encoder and our decoder to {glue:text}`collapse_error_ours:.1e` standard deviations.
# - A step along a latent of ours adds the same image everywhere: the least cosine over all latents and pairs of
#   {glue:text}`n_starts` starts is {glue:text}`cosine_least_ours:.4f`. For the article's network the mean is {glue:text}`cosine_mean_article:.2f` and the
#   least {glue:text}`cosine_least_article:.2f`.
# - A map that adds the same image to every digit cannot turn them all, whatever β: what the presentation found wanting in its own network may be explained before any training.
