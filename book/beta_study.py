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
# One number, β, decides how much a β-VAE may write down about each image. This chapter says what β multiplies,
# what a given value of it means at our size of image, and what it does on our data.

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "article"  # network the sweep is made with
betas = [1, 4, 16, 64]  # values of β
seeds = [0]  # seeds of each value
example_beta = 4.0  # the value whose readings are tabulated
also = []  # further runs, in which β is swept with several seeds

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from vaelib import ARCHITECTURES, REDUCTIONS, RunStore, load_profile
from vaelib.claims import did_not_help, gather, groups_needed, helped
from vaelib.data import as_float, load_split
from vaelib.models import (
    REFERENCE_SIDE,
    beta_eff,
    beta_norm,
    decode,
    encode,
    prior_samples,
    reduction_weights,
)
from vaelib.plots import (
    image_blocks,
    kl_spectra,
    learning_curves,
    rate_distortion,
    scores_against_beta,
    terms_against_beta,
)
from vaelib.report import direction, glue, glue_all, span
from vaelib.scores import baseline_scores

prof = load_profile(profile)
runs = {
    beta: [RunStore(store).get(prof.run(arch=arch, beta=beta, seed=seed)) for seed in seeds]
    for beta in sorted(betas)
}
spec = runs[min(betas)][0].spec
table = pd.DataFrame(
    [
        {
            "beta": beta,
            "seed": run.spec.seed,
            "part": part,
            **numbers,
            "active_units": run.metrics["active_units"],
        }
        for beta, same_beta in runs.items()
        for run in same_beta
        for part, numbers in run.metrics["test"].items()
    ]
)
glue_all(
    {
        "n_seeds": len(seeds),
        "seeds_in_words": "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds",
        "n_test": int(table.loc[table["part"] == "all", "n"].iloc[0]),
        "arch": arch,
        "example_beta": float(example_beta),
        "image_size": spec.image_size,
        "n_pixels": spec.n_pixels,
        "latent_dim": spec.latent_dim,
    }
)

# %% [markdown]
# ## A bound of two terms
#
# A variational autoencoder {cite:p}`kingma2014,rezende2014` explains an image $x$ by a short code $z$ of $M$ numbers, the
# *latents*. Its encoder turns $x$ into a normal distribution $q(z\mid x)=\mathcal N(\mu,\operatorname{diag}\sigma^2)$, its
# decoder turns $z$ into a probability $p(x\mid z)$ for every pixel, and both are trained to push up a lower bound on
# the likelihood of the data, the ELBO:
#
# $$
# \log p(x)\;\ge\;\mathbb E_{q(z\mid x)}\big[\log p(x\mid z)\big]-\sum_{j=1}^{M}\mathrm{KL}\big(q(z_j\mid x)\,\Vert\,\mathcal N(0,1)\big)
# $$ (elbo)
#
# The first term asks for faithful reconstructions. The second charges for every bit of the code that differs from
# standard normal noise: it counts, in nats (1 nat is about 1.44 bits), what the code says about the image. The β-VAE
# {cite:p}`higgins2017` changes nothing but the price, and minimises
#
# $$
# \mathcal L_\beta=\underbrace{\mathbb E_{q(z\mid x)}\big[-\log p(x\mid z)\big]}_{\text{distortion }D}+\beta\,\underbrace{\sum_{j=1}^{M}\tfrac12\big(\mu_j^2+\sigma_j^2-1-\log\sigma_j^2\big)}_{\text{rate }R}
# $$ (beta-objective)
#
# At β = 1 this is the negative of {eq}`elbo`. The larger β, the more a nat has to pay back in reconstruction before it is
# written: at an optimum the last nat saves exactly β nats of distortion. The hope is that a code under such pressure
# spends its nats on separate, independent causes of variation, one a latent {cite:p}`higgins2017,burgess2018`. The price is
# known in advance: fidelity. β can take any value from 0; the presentation considers $[1,+\infty[$.
#
# ## What "β = 4" means
#
# Equation {eq}`beta-objective` holds with both terms *summed*, distortion over pixels and rate over latents, and this is the
# convention of this report. A program that averages one of them instead optimises another β without saying so. The table
# converts six ways of writing the loss with β = {glue:text}`example_beta:g` to the convention, for
# {glue:text}`n_pixels:,d` pixels and {glue:text}`latent_dim` latents. The last column is
# $\beta_\text{norm}=\beta M/N$ of {cite:t}`higgins2017`, with $N$ pixels, which makes different sizes of image comparable.

# %% tags=["hide-input"]
words = {
    "sum": "sum over pixels, sum over latents (ours)",
    "mean_latents": "sum over pixels, mean over latents",
    "mean_pixels_784": "mean over pixels × 784, sum over latents",
    "mean_pixels_784_mean_latents": "mean over pixels × 784, mean over latents",
    "mean_pixels_mean_latents": "mean over pixels, mean over latents",
    "mean_pixels": "mean over pixels, sum over latents",
}
readings = {
    reduction: prof.run(arch=arch, beta=example_beta, reduction=reduction) for reduction in REDUCTIONS
}
weights = [
    reduction_weights(name, reading.n_pixels, reading.latent_dim) for name, reading in readings.items()
]
for name, reading in readings.items():
    glue(f"beta_eff_{name}", beta_eff(reading), display=False)
pd.DataFrame(
    {
        "weight of a pixel": [f"{on_recon:.3g}" for on_recon, _ in weights],
        "weight of a latent": [f"{example_beta * on_kl:.3g}" for _, on_kl in weights],
        "effective β": [
            f"{beta_eff(reading):,.4g}" if beta_eff(reading) < 1000 else f"{beta_eff(reading):,.0f}"
            for reading in readings.values()
        ],
        "β_norm": [f"{beta_norm(reading):.3g}" for reading in readings.values()],
    },
    index=[words[name] for name in readings],
).rename_axis(columns=f"β = {example_beta:g} written as")

# %% tags=["hide-input"]
same_at_28 = example_beta * 28**2 / spec.n_pixels
glue_all(
    {
        "same_at_28": float(same_at_28),
        "beta_norm_example": beta_norm(readings["sum"]),
    }
)
for name, side in (("reading_ratio", spec.image_size), ("reading_ratio_deck", REFERENCE_SIDE)):
    effective = [beta_eff(reading.changed(image_size=side)) for reading in readings.values()]
    glue(name, max(effective) / min(effective), display=False)

# %% [markdown]
# The readings lie a factor of {glue:text}`reading_ratio:,.0f` apart. A popular one comes from programs
# for 28 × 28 pixels: average over pixels and multiply by 784, a constant that is left behind when the image grows. It turns
# β = {glue:text}`example_beta:g` into {glue:text}`beta_eff_mean_pixels_784:.1f`. And even summed correctly, the same β is weaker on
# larger images, because a resized image has more pixels and no more content ({ref}`sec-dataset`): β =
# {glue:text}`example_beta:g` at {glue:text}`image_size` × {glue:text}`image_size` weighs what
# β = {glue:text}`same_at_28:.2f` would at 28 × 28. So a value of β alone says little, and a study of it has to span a wide range.
#
# ## The sweep
#
# We train the network "{glue:text}`arch`" with each β on upright and rotated digits together and measure on test
# digits it has not seen ({glue:text}`n_test:,d` images, {glue:text}`seeds_in_words` a value). {numref}`fig-beta-history`
# follows both terms through training.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beta-history", "caption": "Both terms on validation images after every epoch, a colour for each β and a line for each seed."}, "image": {"alt": "Two panels of curves over the epochs, validation reconstruction at the left and validation KL at the right, one colour for each value of beta."}}
learning_curves({beta: [run.history for run in same_beta] for beta, same_beta in runs.items()})

# %% [markdown]
# {numref}`fig-beta-terms` has the outcome: distortion, rate and the number of latents that respond to the image at all
# (*active* ones: the variance of $\mu_j$ over images is above 0.01, {cite:t}`burda2016`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-beta-terms", "caption": "Reconstruction (less is better), KL and active latents against β on test images. A dot is a run, the line joins the means."}, "image": {"alt": "Three panels against beta on a logarithmic axis: reconstruction and KL, each for upright and for rotated test images, and the number of active latents."}}
terms_against_beta(table)

# %% [markdown]
# The two terms are two sides of one trade {cite:p}`alemi2018`. {numref}`fig-rate-distortion` puts one on each axis: rate is what the code costs,
# distortion what is still missing when it is read back. No β is "right" here. Each picks a point, and only along the dotted
# diagonals are two points equally good as a model of the data, by equation {eq}`elbo`.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-rate-distortion", "caption": "The runs in the plane of rate and distortion, all test images. On a dotted line the negative ELBO, rate plus distortion, is constant; the lower the line, the better the bound."}, "image": {"alt": "Scatter plot with KL on the horizontal and reconstruction on the vertical axis, a labelled point for each beta joined by a line, and dotted diagonals."}}
rate_distortion(table)

# %% [markdown]
# Where the nats go is in {numref}`fig-kl-spectrum`. A latent with almost none is passive: its code is the prior's noise whatever
# the image, and the decoder has learned to expect nothing from it. Dimensions carry no fixed meaning from run to run, so they are sorted.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-kl-spectrum", "caption": "KL of each latent on test images, sorted within each run and averaged over seeds."}, "image": {"alt": "Heat map with a row for each beta and a column for each latent sorted by KL; the number of nats stands in every cell."}}
spectra = {
    beta: np.mean([np.sort(run.metrics["kl_per_dim"])[::-1] for run in same_beta], axis=0)
    for beta, same_beta in runs.items()
}
kl_spectra(spectra)

# %% [markdown]
# Numbers aside, this is what one sees ({numref}`fig-beta-images`). A reconstruction passes through the code of a test
# image; a sample starts from noise, so that it shows what the model believes an image looks like.

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
    ["test digit", *(f"β = {beta:g}" for beta in runs)],
)

# %% [markdown]
# ## Does β separate the factors?
#
# Whether a code is better *organised* at a larger β is a question of scores and of several seeds. The networks of this section are trained with
# {glue:text}`sweep_seeds` seeds at each β, on images of {glue:text}`sweep_size` pixels; their β is given as that of equal β_norm at {glue:text}`reference_side`
# pixels, the presentation's. The scores are of a *factorial set*: test digits turned, thickened, slanted and scaled in all combinations, so that every factor is known and none
# goes with another.
#
# - **MIG** {cite:p}`chen2018`: how much more of a factor the best latent knows than the next, as a share of what there is to know.
# - **D** {cite:p}`eastwood2018`: how far each latent is used for one factor alone, by random forests.
# - **UDR** {cite:p}`duan2020`: how far two seeds find the same latents, whatever these mean.
# - **RIS**: the share of the variance of the best latent that is a function of the angle alone, when digits are turned ({ref}`sec-rotation-sweep`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-scores-beta", "caption": "Scores of organisation and active latents against β. A dot is a run, a line joins the means, the band is the 95 % interval over seeds. Grey: codes that know no β, of the same images."}, "image": {"alt": "Five panels against beta, MIG, D, UDR, RIS and active latents, with a line and a band for each network and grey horizontal lines for principal components, independent components and an untrained network."}}
sweep = {"archs": [arch], "betas": betas, "seeds": seeds, "also": also}
measured = gather([RunStore(store).get(one) for one in prof.runs(sweep)], prof, store)
in_sweep = measured["swept"] if measured["swept"].any() else measured["full"]
swept = measured[in_sweep].assign(network=measured["arch"].map(lambda a: ARCHITECTURES[a].title))
small = prof.run(arch=arch, **(prof.sweep if measured["swept"].any() else {}))
names = {
    "pca": f"PCA-{spec.latent_dim}",
    "ica": f"ICA-{spec.latent_dim}",
    "untrained": "untrained network",
    "supervised": "network told the labels",
}
titles = {"mig": "MIG", "dci_d": "D", "udr": "UDR", "ris": "RIS", "active_variance": "active latents"}
baselines = {
    names[name]: {score: found.scores.get(score) for score in titles}
    for name, found in baseline_scores(small, store, groups=groups_needed(small, prof)).items()
}
scores_against_beta(swept, titles, {name: baselines[name] for name in list(names.values())[:3]})


# %% tags=["hide-input"]
def cell(rows, score):
    values = rows[score].dropna()
    return span(list(values), "{:.3g}") if len(values) else "undefined"


pd.DataFrame(
    {
        **{
            f"{network}, β = {b:g}": {title: cell(rows, score) for score, title in titles.items()}
            for (network, b), rows in swept.groupby(["network", "beta"])
        },
        **{
            name: {
                title: cell(pd.DataFrame([scores]), score)
                for score, title in titles.items()
                if score != "udr"
            }
            for name, scores in baselines.items()
        },
    }
).T.fillna("–")

# %% tags=["hide-input"]
verdicts = {}
for name, judge in (("article", helped), ("ours", did_not_help)):
    found = judge(swept[swept["arch"] == name])
    verdicts[f"verdict_{name}"] = found.verdict
    verdicts[f"finding_{name}"] = found.finding
full, cells = measured[measured["full"]], ["network", "beta"]
full = full.assign(network=full["arch"].map(lambda a: ARCHITECTURES[a].title))
small_cells = dict(iter(swept.groupby(cells)))
pairs = {point: (large, small_cells[point]) for point, large in full.groupby(cells) if point in small_cells}
agreeing = [
    abs(large["active_variance"].mean() - little["active_variance"].mean()) <= 1
    for large, little in pairs.values()
]
glue_all(
    {
        **verdicts,
        "sweep_seeds": int(swept.groupby(["arch", "beta"])["seed"].nunique().max()),
        "sweep_size": small.image_size,
        "reference_side": REFERENCE_SIDE,
        "scales_note": "The sweep is at the scale of the report itself"
        if small.image_size == spec.image_size
        else f"The number of active latents agrees within one in {sum(agreeing)} of {len(pairs)} cells",
    }
)

# %% [markdown]
# By the rule of the ledger ({ref}`sec-conclusion`, C6), that β separates the factors of the article's network is *{glue:text}`verdict_article`* ({glue:text}`finding_article:s`), and that it
# does not separate those of ours is *{glue:text}`verdict_ours`* ({glue:text}`finding_ours:s`).
#
# ### Do small images stand for large ones?
#
# The sweep is trusted as far as it agrees with networks at the scale of the rest of this report, at equal β_norm. {glue:text}`scales_note:s`.

# %% tags=["hide-input"]
pd.DataFrame(
    {
        f"{network}, β = {b:g}, {size} pixels": {
            "seeds": len(rows),
            "active latents": cell(rows, "active_variance"),
            "KL, nats": cell(rows, "kl"),
            "MIG": cell(rows, "mig"),
            "D": cell(rows, "dci_d"),
            "RIS": cell(rows, "ris"),
        }
        for (network, b), both in pairs.items()
        for size, rows in zip((spec.image_size, small.image_size), both, strict=True)
    }
).T

# %% tags=["hide-input"]
everything = table[table["part"] == "all"]
means = everything.groupby("beta")[["recon", "kl", "neg_elbo", "active_units"]].mean()
parts = table.groupby(["part", "beta"])["recon"].mean()
low, high = min(betas), max(betas)
for name, beta in (("low", low), ("high", high)):
    glue(f"beta_{name}", float(beta), display=False)
    for column in ("recon", "kl", "active_units"):
        glue(f"{column}_{name}", float(means.loc[beta, column]), display=False)
    for part in ("upright", "rotated"):
        glue(f"recon_{part}_{name}", float(parts[part, beta]), display=False)
    glue_all(
        {
            f"kl_least_{name}": float(spectra[beta].min()),
            f"kl_most_{name}": float(spectra[beta].max()),
        }
    )
for column in ("recon", "kl", "active_units"):
    glue(f"{column}_direction", direction(means[column]), display=False)
glue_all(
    {
        "beta_best": float(means["neg_elbo"].idxmin()),
        "neg_elbo_best": float(means["neg_elbo"].min()),
    }
)
spread = everything.groupby("beta")[["recon", "kl"]].std().max()
glue(
    "seeds_note",
    f"{len(seeds)} seeds a value; their standard deviation is at most {spread['recon']:.1f} nats for the reconstruction and {spread['kl']:.2f} for the KL"
    if len(seeds) > 1
    else "One seed a value, an anecdote: nothing here says how far another seed would fall",
    display=False,
)

# %% [markdown]
# ## What was found
#
# - From β = {glue:text}`beta_low:g` to {glue:text}`beta_high:g` the reconstruction {glue:text}`recon_direction`
#   (from {glue:text}`recon_low:.1f` to {glue:text}`recon_high:.1f` nats) and the KL {glue:text}`kl_direction` (from {glue:text}`kl_low:.2f`
#   to {glue:text}`kl_high:.2f` nats), over {glue:text}`n_test:,d` test images. {glue:text}`seeds_note`.
# - The number of active latents {glue:text}`active_units_direction`: {glue:text}`active_units_low:.3g` of {glue:text}`latent_dim` at
#   β = {glue:text}`beta_low:g`, {glue:text}`active_units_high:.3g` at {glue:text}`beta_high:g`. At the smallest β the latents carry
#   {glue:text}`kl_least_low:.2f` to {glue:text}`kl_most_low:.2f` nats each. Many active latents are what
#   little pressure gives; they are no sign of separated factors by themselves.
# - Rotated digits cost {glue:text}`recon_rotated_low:.1f` nats against {glue:text}`recon_upright_low:.1f` for upright ones at the smallest
#   β, and {glue:text}`recon_rotated_high:.1f` against {glue:text}`recon_upright_high:.1f` at the largest.
# - The best bound, {glue:text}`neg_elbo_best:.1f` nats, is at β = {glue:text}`beta_best:g`. Any gain in organisation from another β is
#   bought with likelihood; whether there is such a gain is measured in {ref}`the comparison <sec-comparison>`.
# - "β = {glue:text}`example_beta:g`" can mean anything from {glue:text}`beta_eff_mean_latents:.2g` to
#   {glue:text}`beta_eff_mean_pixels:,.0f`, depending on what a program averages. Ours is
#   β_norm = {glue:text}`beta_norm_example:.4f`.
