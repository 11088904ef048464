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
# Of its own network the presentation says that "few dimensions are responsible for a variation (only 1, 6 and 8)" of
# ten. A negative result is worth as much as its explanation. Here one thing at a time is changed in that network, and some in all
# combinations, to see what makes *3 of 10* appear and what makes it go away.

# %% tags=["parameters"]
profile = "quick"  # scale of the report; the sweep has a recipe of its own, below
store = "runs"  # folder of the trained runs
arch = "ours"  # network from which one thing at a time is changed
activations = ["identity", "relu"]  # between layers, crossed with the readings of the loss
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
n_moved = 100  # test images decoded with each dimension moved

# %% tags=["hide-input"]
from dataclasses import replace

import numpy as np
import pandas as pd

from vaelib import RunStore, load_profile
from vaelib.claims import (
    ACTIVE_KL,
    AS_STATED,
    COUNTS,
    against_theory,
    agreement,
    balanced,
    changes,
    reading,
    results,
    shares,
    stated_beta,
    summary,
    theory_in_words,
)
from vaelib.data import as_float, load_split
from vaelib.models import beta_eff, linear_theory, matched_beta
from vaelib.plots import attribution, count_matrix, kl_against_beta
from vaelib.report import glue, glue_all, span
from vaelib.scores import VISIBLE, profile_latents

IN_USE = f"kl_{ACTIVE_KL:g}"
prof = load_profile(profile)
specs = prof.runs(globals())  # those that the parameters name
base = specs[0]
runs = [RunStore(store).get(spec) for spec in specs]
screened = [run for run in runs if run.spec.image_size == image_size]
table = results(screened, base)
test = load_split(base, "test")
table["visible"] = [profile_latents(run.model, test, n_moved).visible for run in screened]
m = base.latent_dim
summed = reading(base)
suspect = reading(replace(base, reduction="mean_pixels_784", likelihood="gaussian"))
names = {
    AS_STATED: "as stated: identity",
    "activation relu": "with ReLU",
    "activation leaky_relu": "with leaky ReLU",
    "arch article": "the article's network",
}
crossed = table[table["changed"].isin(names)]
crossed = crossed.assign(changed=crossed["changed"].map(names))
panels = {
    title: summary(crossed, ["changed", "reading"], column).assign(
        matched_beta=crossed.groupby(["changed", "reading"])["matched_beta"].first()
    )
    for title, column in {"in use": IN_USE, "visible": "visible"}.items()
}


def count(changed, name):
    """Return the latents in use and visible of a cell in words, mean and span over seeds."""
    same = table[(table["changed"] == changed) & (table["reading"] == name)]
    if same.empty:
        return "no run"
    return ", ".join(
        f"{span(list(same[column]), '{:.2g}')} {what}"
        for column, what in ((IN_USE, "in use"), ("visible", "visible"))
    )


glue_all(
    {
        "n_runs": len(runs),
        "profile_name": profile,
        "seeds_text": "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds",
        "n_images": base.n_images,
        "n_test": 2 * base.n_test,
        "image_size": image_size,
        "epochs": epochs,
        "latent_dim": m,
        "beta": beta,
        "beta_stated": stated_beta(base),
        "beta_eff_suspect_here": beta_eff(replace(base, reduction="mean_pixels_784", beta=stated_beta(base))),
        "beta_eff_suspect": matched_beta(replace(base, reduction="mean_pixels_784", beta=stated_beta(base))),
        "active_kl": ACTIVE_KL,
        "init": init,
        "lr": lr,
        "visible_from": VISIBLE,
    }
)

# %% [markdown]
# ## Suspects
#
# - **The reading of β.** The slides give β = {glue:text}`beta_stated:g` and not what their program averaged. The six readings of
#   {ref}`sec-beta-study` lie between β_eff = 0.4 and 16,384. If the loss was an average over pixels times 784 (the pixels of the images before
#   they were enlarged), β_eff is {glue:text}`beta_eff_suspect:.1f`.
# - **The likelihood.** A mean squared error (MSE), a Gaussian likelihood, curves half as much as cross-entropy (BCE) at its
#   flattest: the same β weighs more.
# - **The activation.** With batch normalisation and no activation the network is affine ({ref}`sec-architectures`). It might be
#   unable to use more.
# - **Training.** Seven layers deep and normalised, stopped after few epochs, it might not have found what it could use.
#
# ## The sweep
#
# {glue:text}`n_runs` runs (profile "{glue:text}`profile_name`"), each trained {glue:text}`epochs` epochs on {glue:text}`n_images:,d` images and
# measured on {glue:text}`n_test:,d` test images; crossed cells have {glue:text}`seeds_text`, where not said otherwise. This is a screening: images have
# {glue:text}`image_size` × {glue:text}`image_size` pixels. A sum over pixels shrinks with them, and so must β: β = {glue:text}`beta:g` of a summed
# loss stands for the presentation's {glue:text}`beta_stated:g`. An average over pixels does not, and keeps its β; 784 times it has β_eff =
# {glue:text}`beta_eff_suspect_here:.2f` here, for {glue:text}`beta_eff_suspect:.1f` at 64 × 64. **Every β_eff of this chapter is that of 64 × 64 images with the same
# weight per pixel.**
#
# A latent counts as *in use* when its KL on test images is above {glue:text}`active_kl:g` nats. It counts as *visible*, what an audience goes
# by, when moving it from its 5 % to its 95 % quantile changes an image by more than {glue:text}`visible_from:g` of the mean squared distance
# between two images ({ref}`sec-factor-capture`).
#
# ## Activation and reading, crossed
#
# {numref}`fig-active-counts` has the result. The presentation's finding would be a 3.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-active-counts", "caption": "Latents in use (KL above 0.05 nats) and visible ones (traversal energy above 0.05) for each activation and each reading of the loss, sorted by the effective β at 64 × 64. Means over seeds; below, the least and the most where seeds differ. An empty cell was not run at this scale."}, "image": {"alt": "Two matrices with a row for each network and a column for each reading of the loss, coloured by the number of latents in use and of visible ones, from nearly all at the left to none at the right; the numbers stand in the cells."}}
count_matrix(panels, m)

# %% [markdown]
# The number depends on the definition where it matters, because latents fade rather than break off. *AU*: variance of $\mu_j$ above
# 0.01 {cite:p}`burda2016`; *KL*: above so many nats. Means over seeds, readings below β_eff = 100:

# %% tags=["hide-input"]
plausible = crossed[crossed["matched_beta"] < 100]
by_definition = plausible.groupby(["changed", "reading"], sort=False)[[*COUNTS, "visible"]].mean()
widest = (by_definition.max(axis=1) - by_definition.min(axis=1)).idxmax()
glue_all(
    {
        "widest_cell": f"{widest[0]}, {widest[1]}",
        "widest_low": by_definition.loc[widest].min(),
        "widest_high": by_definition.loc[widest].max(),
    }
)
printed = by_definition.rename(
    columns={"au": "AU"} | {name: name.replace("kl_", "KL > ") for name in COUNTS[1:]}
)
printed.rename_axis([None, None]).map("{:.3g}".format)

# %% [markdown]
# ## What an affine network can do at best
#
# The network as stated is affine, and for affine networks the answer is known without training. With a Gaussian likelihood it is
# probabilistic principal component analysis {cite:p}`tipping1999,lucas2019`. With either likelihood, to second order about the mean
# image $p$, a direction of the logits pays for its nats if and only if the images vary along it enough:
#
# $$
# \begin{aligned}
# &\text{latent } i \text{ is in use} \iff s_i>\beta_\text{eff},\qquad
# \mathrm{KL}_i=\tfrac12\ln\frac{s_i}{\beta_\text{eff}},\\
# &s_i=\begin{cases}2\,\lambda_i(C)&\text{MSE}\\ \lambda_i\bigl(P^{-1/2}CP^{-1/2}\bigr)&\text{BCE,}\end{cases}
# \end{aligned}
# $$ (thresholds)
#
# where $C$ is the covariance of the pixels, $\lambda_i$ its eigenvalues and $P=\operatorname{diag}p(1-p)$. {numref}`fig-kl-thresholds`
# compares it with the affine networks of the sweep.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-kl-thresholds", "caption": "KL of each latent of the network as stated, sorted, against the effective β at 64 × 64: dots are runs, lines the theory for affine networks; one colour a rank. Where a line meets the axis, that latent should fall silent. Dotted: the KL from which a latent counts as in use. Runs with a β far above all thresholds are left out."}, "image": {"alt": "Two panels, cross-entropy at the left and squared error at the right, with falling lines that reach zero one after the other, much earlier for squared error, and dots of trained runs around them."}}
pixels = as_float(load_split(base, "train").images).flatten(1).numpy()
per_pixel = matched_beta(base) / beta_eff(base)
titles = {"bernoulli": "BCE", "gaussian": "MSE"}
theories = {likelihood: linear_theory(pixels, likelihood, m) for likelihood in titles}
affine = [run for run in screened if set(changes(run.spec, base)) <= {"beta", "depth"}]
stated = [run for run in affine if run.spec.depth == base.depth]
measured = {
    titles[likelihood]: (
        np.array([matched_beta(run.spec) for run in same]),
        np.array([run.metrics["kl_per_dim"] for run in same]),
    )
    for likelihood in titles
    if (same := [run for run in stated if run.spec.likelihood == likelihood])
}
kl_against_beta(
    measured,
    {titles[likelihood]: per_pixel * theory.thresholds for likelihood, theory in theories.items()},
)

# %% [markdown]
# For each of these runs, and for the same affine function of fewer layers, what theory predicts and what was found. The angles are the principal angles between what the latents in use add to
# the pixels (about the mean image) and as many leading directions of the theory, which for MSE are the principal components: 0° for the same
# subspace, near 90° for unrelated ones.

# %% tags=["hide-input"]
against = against_theory(affine, theories)
windows = {
    titles[likelihood]: per_pixel * theory.thresholds[[3, 2]] * np.exp(-2 * ACTIVE_KL)
    for likelihood, theory in theories.items()
}
deepest = against["layers"] == against["layers"].max()
glue_all(
    {
        "window_text": " and ".join(
            f"between β_eff = {low:.0f} and {high:.0f} with {name}" for name, (low, high) in windows.items()
        ),
        "theory_summed": int((theories["bernoulli"].kl(beta_eff(base)) > ACTIVE_KL).sum()),
        "deep_text": theory_in_words(against[deepest]),
        "shallow_text": theory_in_words(against[~deepest]),
    }
)
shown = against.round(2).astype(object).where(against.notna(), "")
shown.set_index(["likelihood", "β_eff", "layers", "seed"])

# %% [markdown]
# In theory exactly three latents are in use {glue:text}`window_text`; summed and with β_eff = {glue:text}`beta_stated:g`, {glue:text}`theory_summed` of
# {glue:text}`latent_dim`. Of the runs of the whole network, {glue:text}`deep_text`. Of those with fewer layers, {glue:text}`shallow_text`.
#
# ## One thing at a time
#
# The same network with one thing changed, under the reading that the slides' formula has and under the suspected one. "As stated" is seven
# convolutions with batch normalisation and identity, first weights "{glue:text}`init`", a learning rate of {glue:text}`lr:g` at the start.

# %% tags=["hide-input"]
others = list(dict.fromkeys(table.loc[~table["changed"].str.startswith("beta "), "changed"]))
single = {}
for changed in others:
    for name in (summed, suspect):
        same = table[(table["changed"] == changed) & (table["reading"] == name)]
        if len(same):
            single[changed, name] = {
                "in use": span(list(same[IN_USE]), "{:.2g}"),
                "visible": span(list(same["visible"]), "{:.2g}"),
                "KL, nats": span(list(same["kl"])),
                "seeds": str(len(same)),
            }
one_at_a_time = pd.DataFrame(single).T.unstack().swaplevel(axis=1)
columns = [(name, what) for name in (summed, suspect) for what in ("in use", "visible", "KL, nats", "seeds")]
one_at_a_time = one_at_a_time.reindex(
    index=others, columns=[c for c in columns if c in one_at_a_time.columns]
)
by_id = {run.id: run for run in screened}
slowly = table[(table["reading"] == summed) & table["changed"].str.match(f"{AS_STATED}|lr|epochs")]
over_epochs = {
    changed: (by_id[same["id"].iloc[0]].history.filter(like="val_kl_") > ACTIVE_KL).sum(axis=1)
    for changed, same in slowly.sort_values("seed").groupby("changed", sort=False)
}
epochs_text = "; ".join(f"{changed}: {', '.join(map(str, of))}" for changed, of in over_epochs.items())
glue("epochs_text", epochs_text, display=False)
one_at_a_time.fillna("")

# %% [markdown]
# The number of latents in use after each epoch, on validation images, summed reading, first seed: {glue:text}`epochs_text`.
#
# ## What the variance is due to
#
# Over the cells in which every activation was trained with every reading and {glue:text}`seeds_text`, the variance of a count splits exactly
# into parts: the activation alone, the reading alone, both together, and the seed ({numref}`fig-attribution`). The shares are those of these levels: a
# reading that silences everything makes the reading's share large.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-attribution", "caption": "What the variance is due to, by a two-way analysis of variance of the crossed cells: latents in use, visible latents, logarithm of the total KL."}, "image": {"alt": "Stacked horizontal bars from zero to one, one for each response, divided into activation, reading of the loss, both together and seed."}}
activation_rows = crossed[crossed["changed"] != names["arch article"]]
designs = (activation_rows, activation_rows[activation_rows["matched_beta"] < 100])
responses = {"in use": IN_USE, "visible": "visible", "log KL": "log_kl"}
attributed, cells_text = {}, []
for design in designs:
    values, of_activations, of_readings = balanced(design, IN_USE, len(seeds))
    shape = " × ".join(
        f"{n} {what}" for n, what in zip(values.shape, ("activations", "readings", "seeds"), strict=True)
    )
    if shape in cells_text:
        continue  # the same cells as before
    cells_text.append(shape)
    for response, column in responses.items():
        label = f"{response}, {len(of_readings)} readings"
        attributed[label] = shares(balanced(design, column, len(seeds))[0])
glue("cells_text", " and ".join(cells_text), display=False)
attribution(attributed, ("activation", "reading of the loss"))

# %% tags=["hide-input"]
large = [run for run in runs if run.spec.image_size != image_size]
if large:
    size = large[0].spec.image_size
    at_large = summary(
        results(large, replace(base, image_size=size, beta=stated_beta(base))), ["changed", "reading"], IN_USE
    )
    at_small = summary(table, ["changed", "reading"], IN_USE).loc[at_large.index]
    agreed = agreement(at_small, at_large)
    proxy_text = (
        f"Of {agreed['cells']} cells trained at {size} × {size} as well, {agreed['near']} have as many latents in use "
        f"there, within one, and {agreed['same_sign']} of {agreed['contrasts']} differences between them have the same sign: "
        + "; ".join(
            f"{cell[0]}, {cell[1]}: {at_small.loc[cell, 'mean']:.2g} → {at_large.loc[cell, 'mean']:.2g}"
            for cell in at_large.index
        )
        + "."
    )
else:
    proxy_text = (
        "Whether the small images stand for 64 × 64 is not checked at this scale; the profile published does."
    )


def share_text(kind):
    return ", ".join(
        f"{response}: {'not measured' if np.isnan(parts[kind]) else f'{parts[kind]:.0%}'}"
        for response, parts in attributed.items()
    )


means = table.groupby(["changed", "reading"], sort=False)[["au", IN_USE, "visible"]].mean()
few = means.apply(lambda column: column.between(2, 4))


seed_span = int((panels["in use"]["most"] - panels["in use"]["least"]).max())


def cells_in_words(chosen):
    return "; ".join(f"{changed}, {name}" for changed, name in means.index[chosen]) or "none"


glue_all(
    {
        "proxy_text": proxy_text,
        "count_summed": count(AS_STATED, summed),
        "count_summed_relu": count("activation relu", summed),
        "count_summed_article": count("arch article", summed),
        "count_bce": count(AS_STATED, suspect.replace("MSE", "BCE")),
        "count_mse": count(AS_STATED, suspect),
        "count_mse_relu": count("activation relu", suspect),
        "count_mse_article": count("arch article", suspect),
        "n_cells": len(means),
        "few_twice": cells_in_words(few.sum(axis=1) >= 2),
        "few_in_use": cells_in_words(few[IN_USE]),
        "few_visible": cells_in_words(few["visible"]),
        "share_activation": share_text("first"),
        "share_reading": share_text("second"),
        "share_both": share_text("interaction"),
        "share_seed": share_text("seed"),
        "seeds_note": "With one seed a cell, a difference between two cells may be the seed's"
        if len(seeds) == 1
        else f"Crossed cells have {len(seeds)} seeds, whose counts of latents in use differ by up to {seed_span}; single changes often have one, as the table says",
    }
)

# %% [markdown]
# The design: {glue:text}`cells_text`.
#
# {glue:text}`proxy_text`
#
# ## What was found
#
# - **Summed, as the formula of the slides has it**, the network as stated has {glue:text}`count_summed` of {glue:text}`latent_dim` latents;
#   with ReLU {glue:text}`count_summed_relu`, the article's network {glue:text}`count_summed_article`.
# - **784 times a mean**: with cross-entropy the network as stated has {glue:text}`count_bce`, with squared error
#   {glue:text}`count_mse`. With squared error, ReLU leaves {glue:text}`count_mse_relu`, the article's network {glue:text}`count_mse_article`.
# - **Three of ten.** Of {glue:text}`n_cells` cells, two to four latents (mean over seeds) by at least two of AU, use and visibility have: {glue:text}`few_twice`.
#   By use alone: {glue:text}`few_in_use`. By visibility alone: {glue:text}`few_visible`.
# - **Theory has exactly three in use** {glue:text}`window_text`, of a range from 0.4 to 16,384. Of the affine runs of the whole network
#   {glue:text}`deep_text`; of those with fewer layers, {glue:text}`shallow_text`. All are affine,
#   none has a layer narrower than its latents, and they have the same loss: where the whole network falls short, training did not get there. Latents in
#   use after each epoch: {glue:text}`epochs_text`.
# - **The variance** is due to the reading ({glue:text}`share_reading`), to the activation ({glue:text}`share_activation`), to both
#   together ({glue:text}`share_both`) and to the seed ({glue:text}`share_seed`).
# - **The count itself is soft.** In the cell where definitions differ most ({glue:text}`widest_cell`) they give from
#   {glue:text}`widest_low:.2g` to {glue:text}`widest_high:.2g`.
# - {glue:text}`seeds_note`.
