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
# (sec-latent-space)=
# # Latent space
#
# A code has more dimensions than a page, so the presentation flattens it to two, by PCA and t-SNE. **What does such a plane show of the latent space, and are its latents independent?**

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "ours"  # network: ours, or the article's
beta = 4.0  # weight of the KL term
seed = 0  # seed of the run
perplexity = 30.0  # of t-SNE: about how many neighbours of a code count [1 to 60]
n_tsne = 2000  # codes given to t-SNE and shown in both planes, or all there are [200 to 20000]
tsne_seed = 0  # of t-SNE [0 to 4294967295]

# %% tags=["hide-input"]
import numpy as np
from sklearn.decomposition import PCA

from vaelib import RunStore, load_profile
from vaelib.data import load_split
from vaelib.metrics import latent_correlations, mean_abs_correlation, tsne
from vaelib.models import encode
from vaelib.plots import correlation_map, plane, spectra
from vaelib.report import about_run, check_chapter, glue_all, plane_in_words

check_chapter("latent_space", globals())
run = RunStore(store).get(load_profile(profile).run(arch=arch, beta=beta, seed=seed))
test = load_split(run.spec, "test")
codes = encode(run.model, test.images)
pca = PCA(svd_solver="full").fit(codes.mu)
components = pca.transform(codes.mu)
n_shown = min(n_tsne, len(test))
shown = np.arange(n_shown) * len(test) // n_shown
factors = [test.factors[name].to_numpy()[shown] for name in ("digit", "angle", "rotated")]
glue_all(about_run(run) | {"n_shown": n_shown, "perplexity": perplexity})

# %% [markdown]
# This page shows **{glue:text}`network`** at {glue:text}`beta_name`, seed {glue:text}`seed`: the mean codes μ of
# {glue:text}`n_test:,d` test images, {glue:text}`latent_dim` numbers each.
#
# ## Principal components
#
# Principal component analysis turns the axes so that the first few hold as much of the variance as any plane can. It is linear: straight lines stay
# straight and distances are never stretched, only shortened. {numref}`fig-pca` is the first plane, once coloured by digit and once by
# angle, and {numref}`fig-spectra`, left, says how much of the whole it holds. With the prior pulling every dimension towards the same
# variance, no two components can be expected to hold most of it.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pca", "caption": "Codes of test images in the plane of their first two principal components. At the left all images by digit; at the right the rotated ones by angle, the upright ones small and grey."}, "image": {"alt": "Two scatter plots of the same points in the plane of the first two principal components: the left one coloured by digit, the right one by rotation angle from minus 90 to 90 degrees."}}
shares = 100 * pca.explained_variance_ratio_
plane(
    components[shown, :2],
    *factors,
    tuple(f"component {k + 1} ({shares[k]:.0f} % of the variance)" for k in (0, 1)),
)

# %% [markdown]
# Variance is one measure of what a dimension is used for, KL the other; {numref}`fig-spectra`, right, gives
# the KL of each latent as it is, without turning. For a dimension that ignores the image both are near zero.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-spectra", "caption": "Left: share of the variance of the codes held by each principal component, and together with those before it. Right: KL of each latent dimension, sorted."}, "image": {"alt": "Two bar charts: shares of variance of the principal components with a rising cumulative line, and the KL of the latent dimensions in falling order."}}
kl = codes.kl_per_dim
spectra(pca.explained_variance_ratio_, kl)

# %% [markdown]
# ## t-SNE
#
# t-SNE {cite:p}`vandermaaten2008` gives up distances and keeps neighbours: codes close to each other should stay close. {numref}`fig-tsne` is made with
# perplexity {glue:text}`perplexity:g` from {glue:text}`n_shown:,d` codes, starts at the principal components and has a fixed seed.
#
# ```{caution}
# Distances, sizes and gaps in a t-SNE image are no evidence. It makes islands from even noise when the perplexity is small, and the room between two islands
# means nothing. Use it to see which colours mix; for claims, use the numbers below and those of {ref}`sec-factor-capture`.
# ```

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-tsne", "caption": "The same codes flattened by t-SNE. At the left all images by digit; at the right the rotated ones by angle, the upright ones small and grey."}, "image": {"alt": "Two scatter plots of the same points in a t-SNE plane: the left one coloured by digit, the right one by rotation angle from minus 90 to 90 degrees."}}
plane(tsne(codes.mu[shown], perplexity, tsne_seed), *factors, ("t-SNE 1", "t-SNE 2"))

# %% [markdown]
# ## Are the latents independent?
#
# Independent factors would leave the latents uncorrelated over the test images ({numref}`fig-correlations`). The reverse does not hold: uncorrelated
# latents can still depend on each other, and can still mix the factors.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-correlations", "caption": "Correlations of the mean codes over the test images, each pair once."}, "image": {"alt": "Lower triangle of a matrix with a row and a column for each latent dimension; cells are coloured from blue for minus one through grey to orange for one, with the correlation written in each."}}
correlations = latent_correlations(codes.mu)
correlation_map(correlations)

# %% tags=["hide-input"]
low = np.tril(correlations, k=-1)
strongest = np.unravel_index(np.abs(low).argmax(), low.shape)
glue_all(
    {
        "variance_two": shares[:2].sum(),
        "variance_even": 200 / run.spec.latent_dim,
        "kl_sum": kl.sum(),
        "kl_least": kl.min(),
        "kl_most": kl.max(),
        "correlation_mean": mean_abs_correlation(codes.mu),
        "correlation_most": low[strongest],
        "strongest_a": int(min(strongest)) + 1,
        "strongest_b": int(max(strongest)) + 1,
        "kl_most_dim": int(kl.argmax()) + 1,
        "answer": plane_in_words(shares[:2].sum(), float(low[strongest])),
    }
)

# %% [markdown]
# ## Answer
#
# **{glue:text}`answer`** This is one run of {glue:text}`network`, on {glue:text}`n_test:,d` test images.
#
# - The first two principal components hold {glue:text}`variance_two:.0f` % of the variance of the codes; two of
#   {glue:text}`latent_dim` equal ones would hold {glue:text}`variance_even:.0f` %. A plane leaves the rest out.
# - The code carries {glue:text}`kl_sum:.2f` nats, from {glue:text}`kl_least:.2f` in the quietest dimension to {glue:text}`kl_most:.2f` in dimension
#   {glue:text}`kl_most_dim`.
# - Two latents correlate by {glue:text}`correlation_mean:.2f` on average (absolute value). The strongest
#   pair, dimensions {glue:text}`strongest_a` and {glue:text}`strongest_b`, has r = {glue:text}`correlation_most:.2f`.
