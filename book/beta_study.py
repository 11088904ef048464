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
# (sec-beta-study)=
# # β study
#
# One number, β, sets the price of what a β-VAE writes down about each image. The presentation hopes that a high price makes it write in an orderly way: one thing that varies per latent.
# **What does β change, and does it separate the factors of variation?**

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "article"  # network the sweep is made with
betas = [1, 4, 16, 64]  # values of β
seeds = [0]  # seeds of each value
example_beta = 4.0  # the value whose meaning is tabulated [0 to 1000]
also = []  # further runs, in which β is swept with several seeds

# %% tags=["hide-input"]
import numpy as np

from vaelib import RunStore, load_profile
from vaelib.claims import gather, groups_needed
from vaelib.data import as_float, load_split
from vaelib.models import REFERENCE_SIDE, beta_norm, decode, encode, matched_beta, prior_samples
from vaelib.plots import (
    beta_name,
    image_blocks,
    kl_spectra,
    learning_curves,
    rate_distortion,
    scores_against_beta,
    terms_against_beta,
)
from vaelib.report import (
    SCORES_OVER_BETA,
    check_chapter,
    glue_all,
    in_french,
    loss_readings,
    mean_spectra,
    reading_ratio,
    scores_over_beta,
    separated,
    separation_in_words,
    sizes_section,
    terms_of_runs,
    trade_in_words,
    with_networks,
)
from vaelib.scores import baseline_scores, baseline_titles

check_chapter("beta_study", globals())
prof = load_profile(profile)
runs = {b: [RunStore(store).get(prof.run(arch=arch, beta=b, seed=s)) for s in seeds] for b in sorted(betas)}
spec = runs[min(betas)][0].spec.changed(beta=example_beta)
at_64 = matched_beta(spec) / spec.beta  # β of equal β_norm at 64 pixels, for β = 1 here
table = terms_of_runs(run for same in runs.values() for run in same)
glue_all(trade_in_words(table))
glue_all(
    {
        "seeds_in_words": "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds",
        "n_test": int(table.loc[table["part"] == "all", "n"].iloc[0]),
        "arch": arch,
        "example_beta": float(example_beta),
        "example_name": beta_name(example_beta, at_64),
        "image_size": spec.image_size,
        "n_pixels": spec.n_pixels,
        "latent_dim": spec.latent_dim,
        "same_at_28": float(example_beta * 28**2 / spec.n_pixels),
        "beta_norm_example": beta_norm(spec),
        "reading_ratio": reading_ratio(spec),
        "reading_ratio_deck": reading_ratio(spec.changed(image_size=REFERENCE_SIDE)),
        "reading_ratio_deck_fr": in_french(f"{reading_ratio(spec.changed(image_size=REFERENCE_SIDE)):,.0f}"),
        "times_784": matched_beta(spec.changed(reduction="mean_pixels_784")) / at_64,
    }
)

# %% [markdown]
# ## A bound of two terms
#
# A variational autoencoder {cite:p}`kingma2014,rezende2014` explains an image $x$ by a short code $z$ of $M$ numbers, the *latents*. Its encoder turns $x$ into a normal distribution $q(z\mid
# x)=\mathcal N(\mu,\operatorname{diag}\sigma^2)$, its decoder turns $z$ into a probability $p(x\mid z)$ for every pixel, and both are trained to push up a lower bound on the likelihood of the
# data, the ELBO:
#
# $$
# \log p(x)\;\ge\;\mathbb E_{q(z\mid x)}\big[\log p(x\mid z)\big]-\sum_{j=1}^{M}\mathrm{KL}\big(q(z_j\mid x)\,\Vert\,\mathcal N(0,1)\big)
# $$ (elbo)
#
# The first term asks for faithful reconstructions. The second charges for every bit of the code that differs from standard normal noise: it counts, in nats (1 nat is about 1.44 bits), what
# the code says about the image. The β-VAE {cite:p}`higgins2017` changes nothing but the price, and minimises
#
# $$
# \mathcal L_\beta=\underbrace{\mathbb E_{q(z\mid x)}\big[-\log p(x\mid z)\big]}_{\text{distortion }D}+\beta\,\underbrace{\sum_{j=1}^{M}\tfrac12\big(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2\big)}_{\text{rate }R}
# $$ (beta-objective)
#
# At β = 1 this is the negative of {eq}`elbo`. The larger β, the more a nat has to pay back in reconstruction before it is written: at an optimum the last nat saves exactly β nats of
# distortion. The hope is that a code under such pressure spends its nats on separate, independent causes of variation, one per latent {cite:p}`higgins2017,burgess2018`. The price is known in
# advance: the reconstruction gets worse. β can take any value from 0; the presentation considers $[1,+\infty[$.
#
# ## What a value of β means
#
# Equation {eq}`beta-objective` holds with both terms *summed*, distortion over pixels and rate over latents, and this is the convention of this report. A program that averages one of them
# instead optimises another β without saying so. The table converts six ways of writing the loss with {glue:text}`example_name` to the convention, for {glue:text}`n_pixels:,d` pixels and
# {glue:text}`latent_dim` latents. The last column is $\beta_\text{norm}=\beta M/N$ of {cite:t}`higgins2017`, with $N$ pixels, which makes different sizes of image comparable.

# %% tags=["hide-input"]
loss_readings(spec)

# %% [markdown]
# These β lie a factor of {glue:text}`reading_ratio:,.0f` apart. A popular one comes from programs for 28 × 28 pixels: average over pixels and multiply by 784, a constant that is left
# behind when the image grows. It turns β = {glue:text}`example_beta:g` into {glue:text}`times_784:.1f`. And even summed correctly, the same β is weaker on larger images, because a resized
# image has more pixels and no more content ({ref}`sec-dataset`): β = {glue:text}`example_beta:g` at {glue:text}`image_size` × {glue:text}`image_size` weighs what β =
# {glue:text}`same_at_28:.2f` would at 28 × 28. So a value of β alone says little, and a study of it has to span a wide range. Where images are not of the presentation's 64 × 64 pixels, tables
# and figures name both: a network's own β, and in brackets the one that weighs as much at 64 × 64 (equal β_norm).
#
# ## The sweep
#
# We train the network "{glue:text}`arch`" with each β on upright and rotated digits together and measure on test digits it has not seen ({glue:text}`n_test:,d` images,
# {glue:text}`seeds_in_words` per value). {numref}`fig-beta-history` follows both terms through training.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beta-history", "caption": "Both terms on validation images after every epoch, a colour for each β and a line for each seed."}, "image": {"alt": "Two panels of curves over the epochs, validation reconstruction at the left and validation KL at the right, one colour for each value of beta."}}
learning_curves({b: [run.history for run in same] for b, same in runs.items()}, at_64)

# %% [markdown]
# {numref}`fig-beta-terms` has the outcome: distortion, rate and the number of latents that respond to the image at all (*active* ones: the variance of $\mu_j$ over images is above {glue:text}`active_from:g`,
# {cite:t}`burda2016`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beta-terms", "caption": "Reconstruction (less is better), KL and active latents against β on test images. A dot is a run, the line joins the means."}, "image": {"alt": "Three panels against beta on a logarithmic axis: reconstruction and KL, each for upright and for rotated test images, and the number of active latents."}}
terms_against_beta(table, at_64)

# %% [markdown]
# The two terms are two sides of one trade {cite:p}`alemi2018`. {numref}`fig-rate-distortion` puts one on each axis: rate is what the code costs, distortion what is still missing when it is read back. No β is
# "right" here. Each picks a point, and only along the dotted diagonals are two points equally good as a model of the data, by equation {eq}`elbo`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-rate-distortion", "caption": "The runs in the plane of rate and distortion, all test images. On a dotted line the negative ELBO, rate plus distortion, is constant; the lower the line, the better the bound."}, "image": {"alt": "Scatter plot with KL on the horizontal and reconstruction on the vertical axis, a labelled point for each beta joined by a line, and dotted diagonals."}}
rate_distortion(table, at_64)

# %% [markdown]
# Where the nats go is in {numref}`fig-kl-spectrum`. A latent with almost none is passive: its code is the prior's noise whatever the image, and the decoder has learned to expect nothing from
# it. Dimensions carry no fixed meaning from run to run, so they are sorted.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-kl-spectrum", "caption": "KL of each latent on test images, sorted within each run and averaged over seeds."}, "image": {"alt": "Heat map with a row for each beta and a column for each latent sorted by KL; the number of nats stands in every cell."}}
spectra = mean_spectra(runs)
for end, b in (("low", min(betas)), ("high", max(betas))):
    glue_all({f"kl_least_{end}": spectra[b].min(), f"kl_most_{end}": spectra[b].max()})
kl_spectra(spectra, at_64)

# %% [markdown]
# Numbers aside, this is what one sees ({numref}`fig-beta-images`). A reconstruction passes through the code of a test image; a sample starts from noise, so that it shows what the model
# believes an image looks like.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beta-images", "caption": "Reconstructions of upright and of rotated test digits, and samples from the prior (the same latents in every row). First seed of each β."}, "image": {"alt": "Grid of digits. The first row shows test digits, the rows below their reconstructions for growing beta, first upright, then rotated digits; at the right, samples drawn from the prior."}}
test = load_split(spec, "test")
half = len(test) // 2
digits = test.factors["digit"].to_numpy()[:half]
picked = [np.flatnonzero(digits == digit)[0] for digit in (2, 4, 6, 7)]
shown = test.images[[*picked, *(half + row for row in picked)]]
models = [same_beta[0].model for same_beta in runs.values()]
drawn = prior_samples(models[0], 6, seed=0)
images = np.stack(
    [as_float(shown)[:, 0].numpy(), *(decode(model, encode(model, shown).mu) for model in models)]
)
samples = np.stack([decode(model, drawn) for model in models])
blank = np.full_like(samples[:1], np.nan)
image_blocks(
    {
        "upright": images[:, :4],
        "rotated": images[:, 4:],
        "samples from the prior": np.concatenate([blank, samples]),
    },
    ["test digit", *(f"β = {b:g}" for b in runs)],
)

# %% [markdown]
# ## Does β separate the factors?
#
# Whether a larger β separates the factors is a question of scores and of several seeds. The networks of this section are trained with {glue:text}`sweep_seeds` seeds at each β, on images of
# {glue:text}`sweep_size` pixels. The scores are those of a *factorial set*: test digits turned, thickened, slanted and scaled in all combinations, so that every factor is known and none goes
# with another.
#
# - **MIG** {cite:p}`chen2018`: how much more the best latent says about a factor than the next one, as a share of all there is to say.
# - **D** {cite:p}`eastwood2018`: how far each latent is used for one factor alone, by random forests.
# - **UDR** {cite:p}`duan2020`: how far two seeds find the same latents, whatever these mean.
# - **RIS**: the share of the variance of the best latent that is a function of the angle alone, when digits are turned ({ref}`sec-rotation-sweep`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-scores-beta", "caption": "Scores of separation and active latents against β. A dot is a run, a line joins the means, the band is the 95 % interval over seeds. Grey: codes of the same images in which no β is involved."}, "image": {"alt": "Five panels against beta, MIG, D, UDR, RIS and active latents, with a line and a band for each network and grey horizontal lines for principal components, independent components and an untrained network."}}
sweep = {"archs": [arch], "betas": betas, "seeds": seeds, "also": also}
measured = gather([RunStore(store).get(one) for one in prof.runs(sweep)], prof, store)
in_sweep = "swept" if measured["swept"].any() else "full"
small = prof.run(arch=arch, **(prof.sweep if in_sweep == "swept" else {}))
small_at_64 = matched_beta(small) / small.beta
swept = with_networks(measured[measured[in_sweep]], small_at_64)
names = baseline_titles(spec.latent_dim)
scored = baseline_scores(small, store, groups=groups_needed(small, prof))
baselines = {
    names[n]: {score: own.scores.get(score) for score in SCORES_OVER_BETA} for n, own in scored.items()
}
unsupervised = {name: scores for name, scores in baselines.items() if name != names["supervised"]}
scores_against_beta(swept, SCORES_OVER_BETA, unsupervised, small_at_64)

# %% tags=["hide-input"]
judged = separation_in_words(measured[measured[in_sweep]])
glue_all(judged)
glue_all(
    {"sweep_seeds": swept["seed"].nunique(), "sweep_size": small.image_size, "answer": separated(judged)}
)
scores_over_beta(swept, baselines, small_at_64)

# %% [markdown]
# In brackets: the least and the most over seeds; *n* where a score is defined for some of them only. D is not meaningful where fewer than two latents are active in the mean: there are no two
# axes to tell apart. *Supervised* is the same encoder, trained with the labels.
#
# By the rule for C6 ({ref}`sec-conclusion`), that β separates the factors of the article's network is *{glue:text}`verdict_article`* ({glue:text}`finding_article:s`), and that it does not
# separate those of our network, as this report calls the presentation's own, is *{glue:text}`verdict_ours`* ({glue:text}`finding_ours:s`).

# %% tags=["hide-input"]
sizes_section(measured, (spec.image_size, small.image_size), (at_64, small_at_64))

# %% [markdown]
# ## Answer
#
# **From β = {glue:text}`beta_low:g` to {glue:text}`beta_high:g` the reconstruction error {glue:text}`recon_direction` and the KL {glue:text}`kl_direction`. {glue:text}`answer`**
#
# - Reconstruction: from {glue:text}`recon_low:.1f` to {glue:text}`recon_high:.1f` nats; KL: from {glue:text}`kl_low:.2f` to {glue:text}`kl_high:.2f` nats, over {glue:text}`n_test:,d` test
#   images. {glue:text}`seeds_note`.
# - The number of active latents {glue:text}`active_units_direction`: {glue:text}`active_units_low:.3g` of {glue:text}`latent_dim` at β = {glue:text}`beta_low:g`,
#   {glue:text}`active_units_high:.3g` at {glue:text}`beta_high:g`. At the smallest β the latents carry {glue:text}`kl_least_low:.2f` to {glue:text}`kl_most_low:.2f` nats each. Many active
#   latents are what little pressure gives; they are no sign of separated factors by themselves.
# - Rotated digits cost {glue:text}`recon_rotated_low:.1f` nats against {glue:text}`recon_upright_low:.1f` for upright ones at the smallest β, and {glue:text}`recon_rotated_high:.1f` against
#   {glue:text}`recon_upright_high:.1f` at the largest.
# - The best bound, {glue:text}`neg_elbo_best:.1f` nats, is at β = {glue:text}`beta_best:g`. Any gain in separation from another β is paid for in likelihood.
# - A printed "β = {glue:text}`example_beta:g`" can mean values that lie a factor of {glue:text}`reading_ratio:,.0f` apart, depending on what a program averages. Here it has β_norm =
#   {glue:text}`beta_norm_example:.4f`.
