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
# (sec-ablation)=
# # Why only three dimensions vary
#
# Of its own network (*our network* in this report, as on the slides) the presentation says that "few dimensions are responsible for a variation (only 1, 6 and 8)" of ten. **What makes three
# of ten appear, and what makes it go away?** One thing at a time is changed in that network, and some things in all combinations.

# %% tags=["parameters"]
profile = "quick"  # scale of the report; the sweep has a recipe of its own, below
store = "runs"  # folder of the trained runs
arch = "ours"  # network from which one thing at a time is changed
activations = ["identity", "relu"]  # between layers, crossed with the losses
beta = 1.0  # value of β of a summed loss, for images of this size
seeds = [0, 1]  # seeds of the crossed cells
image_size = 32  # side of the images, pixels
n_train = 2000  # source digits to train on
n_test = 500  # source digits to test on
epochs = 2  # passes over the training images
batch_size = 32  # images a step
lr = 2e-3  # learning rate at the start
schedule = "cosine"  # of the learning rate
init = "he"  # first weights
also = [
    {"reduction": "mean_pixels_784", "likelihood": "gaussian", "beta": 4.0},
    {"activation": "leaky_relu"},
    {"activation": "leaky_relu", "reduction": "mean_pixels_784", "likelihood": "gaussian", "beta": 4.0},
    {"activation": "identity", "reduction": "mean_pixels", "beta": 4.0, "seed": 0},
    {"activation": "identity", "betas": [16.0], "seed": 0},
    {"activation": "identity", "likelihood": "gaussian", "betas": [7.0], "seed": 0},
    {"activation": "identity", "norm": "none", "seed": 0},
    {"activation": "identity", "depth": 4, "seed": 0},
    {"activation": "identity", "head_norm": "batch", "seed": 0},
    {"activation": "identity", "epochs": 6, "seed": 0},
    {"activation": "identity", "init": "torch", "seed": 0},
    {"activation": "identity", "images": "rotated", "seed": 0},
    {"arch": "article", "activation": "relu", "seed": 0},
    {
        "arch": "article",
        "activation": "relu",
        "reduction": "mean_pixels_784",
        "likelihood": "gaussian",
        "beta": 4.0,
        "seed": 0,
    },
]  # further runs: each entry changes what it names
n_moved = 100  # test images decoded with each dimension moved [2 to 2000]

# %% tags=["hide-input"]
from vaelib import RunStore, load_profile
from vaelib.claims import (
    ACTIVE_KL,
    LIKELIHOODS,
    against_theory,
    changes,
    reading,
    reading_range,
    results,
    stated_beta,
)
from vaelib.data import as_float, load_split
from vaelib.metrics import ACTIVE_VARIANCE
from vaelib.models import beta_eff, linear_theory, matched_beta
from vaelib.plots import attribution, count_matrix, kl_against_beta
from vaelib.report import (
    PLAUSIBLE,
    attributed,
    check_chapter,
    count_panels,
    counts_by_definition,
    crossed_cells,
    glue_all,
    kl_by_likelihood,
    one_at_a_time,
    over_epochs_in_words,
    screening_words,
    sizes_in_words,
    theory_in_words,
    window_in_words,
)
from vaelib.scores import VISIBLE, profiles_of

check_chapter("ablation", globals())
prof = load_profile(profile)
specs = prof.runs(globals())  # those that the parameters name
base = specs[0]
runs = [RunStore(store).get(spec) for spec in specs]
screened = [run for run in runs if run.spec.image_size == image_size]
large = [run for run in runs if run.spec.image_size != image_size]
table = results(screened, base)
table["visible"] = [found.visible for found in profiles_of(screened, base, n_moved)]
crossed = crossed_cells(table)
summed, suspect = (
    reading(base.changed(**other))
    for other in ({}, {"reduction": "mean_pixels_784", "likelihood": "gaussian"})
)
averaged = base.changed(reduction="mean_pixels_784", beta=stated_beta(base))
glue_all(
    {
        "n_runs": len(runs),
        "profile_name": profile,
        "seeds_text": "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds",
        "n_images": base.n_images,
        "n_test": 2 * base.n_test,
        "image_size": image_size,
        "epochs": epochs,
        "latent_dim": base.latent_dim,
        "beta": beta,
        "beta_stated": stated_beta(base),
        "beta_eff_suspect_here": beta_eff(averaged),
        "beta_eff_suspect": matched_beta(averaged),
        **dict(zip(("least_reading", "most_reading"), reading_range(base), strict=True)),
        "active_kl": ACTIVE_KL,
        "active_from": ACTIVE_VARIANCE,
        "plausible": PLAUSIBLE,
        "init": init,
        "lr": lr,
        "visible_from": VISIBLE,
    }
)

# %% [markdown]
# ## Suspects
#
# - **The loss.** The slides give β = {glue:text}`beta_stated:g` and not what their program averaged. The six ways of {ref}`sec-beta-study` to write the loss lie between β_eff =
#   {glue:text}`least_reading:g` and {glue:text}`most_reading:,.0f`. If the loss was an average over pixels times 784 (the pixels of the images before they were enlarged), β_eff is
#   {glue:text}`beta_eff_suspect:.1f`.
# - **The likelihood.** A mean squared error (MSE), a Gaussian likelihood, curves half as much as cross-entropy (BCE) at its flattest: the same β weighs more.
# - **The activation.** With batch normalisation and no activation the network is affine ({ref}`sec-architectures`). It might be unable to use more.
# - **Training.** Seven layers deep and normalised, stopped after few epochs, it might not have found what it could use.
#
# ## The sweep
#
# {glue:text}`n_runs` runs (profile "{glue:text}`profile_name`"), each trained {glue:text}`epochs` epochs on {glue:text}`n_images:,d` images and measured on {glue:text}`n_test:,d` test images;
# crossed cells have {glue:text}`seeds_text`, where not said otherwise. This is a screening: images have {glue:text}`image_size` × {glue:text}`image_size` pixels. A sum over pixels shrinks
# with them, and so must β: β = {glue:text}`beta:g` of a summed loss stands for the presentation's {glue:text}`beta_stated:g`. An average over pixels does not, and keeps its β; 784 times it
# has β_eff = {glue:text}`beta_eff_suspect_here:.2f` here, for {glue:text}`beta_eff_suspect:.1f` at 64 × 64. **Every β_eff of this chapter is that of 64 × 64 images with the same weight per
# pixel.**
#
# A latent counts as *in use* when its KL on test images is above {glue:text}`active_kl:g` nats. It counts as *visible*, what an audience goes by, when moving it from its 5 % to its 95 %
# quantile changes an image by more than {glue:text}`visible_from:g` of the mean squared distance between two images ({ref}`sec-factor-capture`).
#
# ## Activation and loss, crossed
#
# {numref}`fig-active-counts` has the result. The presentation's finding would be a 3.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-active-counts", "caption": "Latents in use and visible ones, by the limits given above, for each activation and each loss, sorted by the effective β at 64 × 64. Means over seeds; below, the least and the most where seeds differ. An empty cell was not run at this scale."}, "image": {"alt": "Two matrices with a row for each network and a column for each loss, coloured by the number of latents in use and of visible ones, from nearly all at the left to none at the right; the numbers stand in the cells."}}
count_matrix(count_panels(crossed), base.latent_dim)

# %% [markdown]
# The number depends on the definition where it matters, because latents fade rather than break off. *AU*: variance of $\mu_j$ above {glue:text}`active_from:g` {cite:p}`burda2016`; *KL*: above so many nats. Means over seeds, losses with a β_eff below {glue:text}`plausible:g`:

# %% tags=["hide-input"]
by_definition = counts_by_definition(crossed)
by_definition.rename_axis([None, None]).map("{:.3g}".format)

# %% [markdown]
# ## What an affine network can do at best
#
# The network as stated is affine, and for affine networks the answer is known without training. With a Gaussian likelihood it is probabilistic principal component analysis
# {cite:p}`tipping1999,lucas2019`. With either likelihood, to second order about the mean image $p$, a direction of the logits pays for its nats if and only if the images vary along it enough:
#
# $$
# \begin{aligned}
# &\text{latent } i \text{ is in use} \iff s_i>\beta_\text{eff},\qquad
# \mathrm{KL}_i=\tfrac12\ln\frac{s_i}{\beta_\text{eff}},\\
# &s_i=\begin{cases}2\,\lambda_i(C)&\text{MSE}\\ \lambda_i\bigl(P^{-1/2}CP^{-1/2}\bigr)&\text{BCE,}\end{cases}
# \end{aligned}
# $$ (thresholds)
#
# where $C$ is the covariance of the pixels, $\lambda_i$ its eigenvalues and $P=\operatorname{diag}p(1-p)$. {numref}`fig-kl-thresholds` compares it with the affine networks of the sweep.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-kl-thresholds", "caption": "KL of each latent of the network as stated, sorted, against the effective β at 64 × 64: dots are runs, lines the theory for affine networks; one colour a rank. Where a line meets the axis, that latent should fall silent. Dotted: the KL from which a latent counts as in use. Runs with a β far above all thresholds are left out."}, "image": {"alt": "Two panels, cross-entropy at the left and squared error at the right, with falling lines that reach zero one after the other, much earlier for squared error, and dots of trained runs around them."}}
pixels = as_float(load_split(base, "train").images).flatten(1).numpy()
per_pixel = matched_beta(base) / beta_eff(base)
theories = {name: linear_theory(pixels, name, base.latent_dim) for name in ("bernoulli", "gaussian")}
affine = [run for run in screened if set(changes(run.spec, base)) <= {"beta", "depth"}]
kl_against_beta(
    kl_by_likelihood(run for run in affine if run.spec.depth == base.depth),
    {LIKELIHOODS[name]: per_pixel * theory.thresholds for name, theory in theories.items()},
)

# %% [markdown]
# For each of these runs, and for the same affine function of fewer layers, what theory predicts and what was found. The angles are the principal angles between what the latents in use add to
# the pixels (about the mean image) and as many leading directions of the theory, which for MSE are the principal components: 0° for the same subspace, near 90° for unrelated ones.

# %% tags=["hide-input"]
against = against_theory(affine, theories)
deepest = against["layers"] == against["layers"].max()
glue_all(
    {
        "window_text": window_in_words(theories, per_pixel),
        "theory_summed": int((theories["bernoulli"].kl(beta_eff(base)) > ACTIVE_KL).sum()),
        "deep_text": theory_in_words(against[deepest]),
        "shallow_text": theory_in_words(against[~deepest]),
    }
)
shown = against.round(2).astype(object).where(against.notna(), "")
shown.set_index(["likelihood", "β_eff", "layers", "seed"])

# %% [markdown]
# In theory exactly three latents are in use {glue:text}`window_text`; summed and with β_eff = {glue:text}`beta_stated:g`, {glue:text}`theory_summed` of {glue:text}`latent_dim`. Of the runs of
# the whole network, {glue:text}`deep_text`. Of those with fewer layers, {glue:text}`shallow_text`.
#
# ## One thing at a time
#
# The same network with one thing changed, under the loss of the slides' formula and under the suspected one. "As stated" is seven convolutions with batch normalisation and identity,
# first weights "{glue:text}`init`", a learning rate of {glue:text}`lr:g` at the start.

# %% tags=["hide-input"]
glue_all({"epochs_text": over_epochs_in_words(screened, table, summed)})
one_at_a_time(table, (summed, suspect))

# %% [markdown]
# The number of latents in use after each epoch, on validation images, summed loss, first seed: {glue:text}`epochs_text`.
#
# ## What the variance is due to
#
# Over the cells in which every activation was trained with every loss and {glue:text}`seeds_text`, the variance of a count splits exactly into parts: the activation alone, the loss alone, both together, and the seed ({numref}`fig-attribution`). The shares are those of these levels: a loss that silences everything makes the share of the loss large.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attribution", "caption": "What the variance is due to, by a two-way analysis of variance of the crossed cells: latents in use, visible latents, logarithm of the total KL."}, "image": {"alt": "Stacked horizontal bars from zero to one, one for each response, divided into activation, loss, both together and seed."}}
found, designs = attributed(crossed, len(seeds))
attribution(found, ("activation", "loss"))

# %% tags=["hide-input"]
at_64 = results(large, base.changed(image_size=64, beta=stated_beta(base))) if large else None
glue_all({"designs": designs, "sizes_text": sizes_in_words(table, at_64)})
glue_all(screening_words(table, (summed, suspect), found, len(seeds)))

# %% [markdown]
# The design: {glue:text}`designs`. {glue:text}`sizes_text`
#
# ## Answer
#
# **{glue:text}`answer`** These are means over seeds, by at least two of three definitions: AU, use and visibility. By use alone: {glue:text}`few_in_use`. By visibility alone:
# {glue:text}`few_visible`.
#
# - **Summed, as in the formula of the slides**, the network as stated has {glue:text}`summed` of {glue:text}`latent_dim` latents; with ReLU {glue:text}`summed_relu`, the article's network
#   {glue:text}`summed_article`.
# - **784 times a mean**: with cross-entropy the network as stated has {glue:text}`averaged_bce`, with squared error {glue:text}`averaged`. With squared error, ReLU leaves
#   {glue:text}`averaged_relu`, the article's network {glue:text}`averaged_article`.
# - **Theory has exactly three in use** {glue:text}`window_text`; the losses reach from {glue:text}`least_reading:g` to {glue:text}`most_reading:,.0f`. All the networks compared with it are
#   affine, none has a layer narrower than its latents, and they have the same loss: where the whole network falls short of it and one with fewer layers does not, training did not get there.
# - **The variance** is due to the loss ({glue:text}`share_second`), to the activation ({glue:text}`share_first`), to both together ({glue:text}`share_interaction`) and to the seed
#   ({glue:text}`share_seed`).
# - **The count itself is soft.** The definitions differ most in one cell ({glue:text}`widest`).
# - {glue:text}`seeds_note`.
