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
# (sec-factor-capture)=
# # Capture of factors
#
# The presentation moves one latent dimension at a time and looks. **What does each dimension do to an image, and does one of them capture the angle?** First we look, then we measure.

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "ours"  # network: ours, or the article's
beta = 4.0  # weight of the KL term
seed = 0  # seed of the run
start_seed = 0  # draws the random point of the prior [0 to 4294967295]
steps = 11  # images along a dimension [3 to 21]
named_dims = [1, 6, 8]  # three dimensions shown large, those the presentation names [3 of 1 to 10]
n_moved = 200  # test images decoded with each dimension moved [2 to 2000]
turned_per_class = 50  # test digits of each class that are turned through all angles [1 to 500]
n_named = 50  # test images on which the dimensions get their names [2 to 2000]

# %% tags=["hide-input"]
import numpy as np

from vaelib import RunStore, load_profile
from vaelib.data import CROSSED, load_split, rotation_sweep
from vaelib.metrics import LEAST_P, two_way
from vaelib.models import encode, prior_samples, traversal_ranges, traverse
from vaelib.plots import (
    arc,
    change_maps,
    dimension_profile,
    image_grid,
    importance_matrix,
    response_curves,
    traversal_panels,
)
from vaelib.report import (
    about_run,
    beside_in_words,
    check_chapter,
    crossed_images,
    dimension_names,
    glue_all,
    importances,
    isolation_by_subset,
    latents_table,
    named_transforms,
    profile_in_words,
    scores_beside,
    turned_in_words,
)
from vaelib.scores import VISIBLE, baseline_scores, fit_baselines, moved_maps, profiles_of, score

check_chapter("factor_capture", globals())
run = RunStore(store).get(load_profile(profile).run(arch=arch, beta=beta, seed=seed))
test = load_split(run.spec, "test")
[found] = profiles_of([run], run.spec, n_moved)
per_dim = found.per_dim.sort_values("kl", ascending=False, kind="stable")
mu = encode(run.model, test.images).mu
values, dictionary = traversal_ranges(mu, steps), named_transforms(run.model, mu, n_named)
names = dimension_names(per_dim["kl"], dictionary)
glue_all(about_run(run) | profile_in_words(found))
glue_all(
    {
        "n_moved": min(n_moved, len(test)),
        "steps": steps,
        "named": ", ".join(map(str, named_dims)),
        "visible_from": VISIBLE,
        "n_named": min(n_named, len(test)),
        "least_p": LEAST_P,
    }
)

# %% [markdown]
# This page shows **{glue:text}`network`** at β = {glue:text}`beta:g`, seed {glue:text}`seed`. A *traversal* takes one code, gives one of its dimensions {glue:text}`steps` values at regular
# intervals and decodes each. The intervals span the range in which the dimension itself lies for 98 % of the test images (from its 1 % to its 99 % quantile), so that the decoder is asked for
# nothing that it was never trained on, and a dimension that is not used shows as a row of equal images. Dimensions are numbered as they came out of training. The numbers carry no meaning:
# another seed deals the same roles to other numbers, so "dimension 6" here is not the presentation's dimension 6. Where they are sorted, they are sorted by KL. The word and the number P
# beside a dimension say which simple change of an image its traversal resembles most, and how much of it that change explains ({ref}`sec-names`).
#
# ## From a random point
#
# {numref}`fig-random-point` starts from one point of the prior. It is quick to read, and it has a weakness that the presentation noted: a random point need not decode to a digit.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-random-point", "caption": "Every dimension varied from one random point of the prior, one row per dimension, sorted by KL (nats, beside its number; below it the simple transform that it resembles most)."}, "image": {"alt": "Grid of images: each row shows one decoded code while one latent dimension moves from its 1 percent to its 99 percent quantile."}}
start = prior_samples(run.model, 1, start_seed)[0]
rows = [traverse(run.model, start, [dim - 1], values[dim - 1])[0] for dim in per_dim.index]
image_grid(np.stack(rows), list(names.values()), ["1 %", *[""] * (steps - 2), "99 %"])

# %% [markdown]
# ## From the encoding of test images
#
# So we start from the codes of real digits, the first upright test image of each class. The presentation shows the dimensions {glue:text}`named` of this network, and so do
# {numref}`fig-named-first`, {numref}`fig-named-second` and {numref}`fig-named-third`; all the others are in {numref}`fig-other-dimensions`. What to look for: does a column change every digit
# in the same way, and is that way one thing one could name (slant, width, thickness, angle)? Or do the digits turn into other digits?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-first", "caption": "The first of the three dimensions, varied from the code of one test digit of each class. Above the columns: the values it takes."}, "image": {"alt": "Grid of images with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
digits = test.factors.drop_duplicates("digit").sort_values("digit")
grids = {
    dim: np.stack([traverse(run.model, mu[row], [dim - 1], values[dim - 1])[0] for row in digits.index])
    for dim in per_dim.index
}


def large_grid(dim):
    columns = [f"{value:.1f}".replace("-", "−") for value in values[dim - 1]]
    return image_grid(grids[dim], digits["digit"].astype(str).tolist(), columns, names[dim])


large_grid(named_dims[0])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-second", "caption": "The second of the three dimensions, as before."}, "image": {"alt": "Grid of images with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
large_grid(named_dims[1])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-third", "caption": "The third of the three dimensions, as before."}, "image": {"alt": "Grid of images with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
large_grid(named_dims[2])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-other-dimensions", "caption": "All other dimensions, sorted by KL: one panel per dimension, one row per digit, every second value of the traversal."}, "image": {"alt": "Panels of small images, one panel for each remaining latent dimension, each with ten rows of digits that change from left to right."}}
others = [dim for dim in per_dim.index if dim not in named_dims]
traversal_panels(np.stack([grids[dim][:, ::2] for dim in others]), [names[dim] for dim in others])

# %% [markdown]
# ## What each dimension changes
#
# The eye is a poor judge of small changes, so we measure them. {glue:text}`n_moved` test images are encoded, and each dimension is moved from its 5 % to its 95 % quantile with the others left
# as they are. {numref}`fig-change-maps` shows where on the image this changes anything.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-change-maps", "caption": "Root mean square change of each pixel when one dimension moves from its 5 % to its 95 % quantile, on one scale for all dimensions."}, "image": {"alt": "A small heat map of the image plane for each latent dimension; bright where moving the dimension changes the pixels."}}
change_maps(moved_maps(run.model, mu, n_moved), [f"dimension {dim}" for dim in found.per_dim.index])

# %% [markdown]
# Added up over the pixels and divided by what two different test images differ by, the change becomes one number, the *traversal energy*
#
# $$
# T_j=\frac{\mathbb E\,\lVert g(\mu\mid z_j=q_{95})-g(\mu\mid z_j=q_{05})\rVert^2}{\mathbb E\,\lVert x-x'\rVert^2}
# $$ (traversal-energy)
#
# where $g$ is the decoder. We call a dimension visible when $T_j$ exceeds {glue:text}`visible_from:g`; the limit is a convention, so {numref}`fig-profile` shows all values. Its third panel
# asks whether a dimension does *the same* to every image: the mean cosine between the changes of the pixel logits of two images. At 1 the same image is added to all digits, whatever they are.
# An affine decoder cannot do anything else ({ref}`sec-architectures`). Where T is near zero the agreement means nothing: there is no change to compare.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-profile", "caption": "The dimensions, sorted by KL. From left to right: KL; traversal energy T, with the limit of visibility; agreement of the changes between images; R² of the angle from this dimension alone; share of its variance that lies between digit classes."}, "image": {"alt": "Five bar charts side by side with a row for each latent dimension: KL, traversal energy, agreement between images, R squared of the angle, share of variance between digits."}}
dimension_profile(found.per_dim, VISIBLE)

# %% [markdown]
# ## What each dimension says about an image
#
# The last two panels of {numref}`fig-profile` go the other way, from image to code. For the angle, a straight line is fitted from each dimension alone. For the digit it is the share of the
# dimension's variance that lies between classes. A dimension that carried one factor would be long in one of the two panels and short in the other.
#
# Two rules keep the angle honest. It is asked of the rotated test images only, because half of all images lie at exactly 0°. And digits are split in two: the lines
# are fitted, and the best dimension is chosen, on one half; R² is scored on the other. What *all* dimensions hold together is read by the mean angle of the {glue:text}`n_neighbours` nearest codes. Intervals are 95
# %, over resampled test images of this one run; they say nothing about another seed.

# %% tags=["hide-input"]
latents_table(per_dim)

# %% [markdown]
# (sec-names)=
# ## What each dimension does, by name
#
# The presentation named dimensions by looking. Here each is compared with a dictionary of simple transforms: turning the image, thickening its strokes, shearing it, scaling its width or its
# height. {glue:text}`n_named` codes are moved by one and two standard deviations to either side along a dimension, and
#
# $$
# P_j = 1-\frac{\sum\,\min_t\lVert g(z+\delta e_j)-T_t\,g(z)\rVert^2}{\sum\,\lVert g(z+\delta e_j)-g(z)\rVert^2}
# $$ (transform-share)
#
# is the share of the change that the transform $T$ explains when its amount $t$ may be chosen anew for each image and each move. A dimension that turned the digit and did nothing else would
# have P = 1 for rotation. A dimension is named after the transform with the largest P, and *unnamed* if that is below {glue:text}`least_p:g`.

# %% tags=["hide-input"]
dictionary.p.loc[per_dim.index].map("{:.2f}".format).assign(name=dictionary.names)

# %% [markdown]
# (sec-rotation-sweep)=
# ## One digit, every angle
#
# Test images confound the angle with everything else that differs between digits. So we turn the same unseen digits, {glue:text}`n_turned` of them, through all angles in steps of
# {glue:text}`turn_step:g`° and follow each dimension. Its variance over digits $i$ and angles $a$ has three parts that add up to one,
#
# $$
# \mu_j(i,a)=m+A(a)+I(i)+AI(i,a),\qquad \eta^2_A+\eta^2_I+\eta^2_{AI}=1:
# $$ (two-way)
#
# what the angle does to *every* digit alike, what the digit is at any angle, and what the angle does differently to different digits. Only the first is a captured rotation; a large third part
# is rotation that is there, but entangled with the digit. The largest $\eta^2_A$ of any dimension is the *rotation isolation score* RIS: 1 exactly when some dimension is a function of the angle alone.

# %% tags=["hide-input"]
limit = run.spec.rotation_range
sweep = rotation_sweep(run.spec.image_size, turned_per_class, limit / 18, limit)
responses = sweep.layout(encode(run.model, sweep.images).mu)
linear = sweep.layout(fit_baselines(run.spec, store, ["pca"])["pca"].encode(sweep.images).mu)
split = two_way(responses).table
glue_all(turned_in_words(responses, linear, dictionary, float(sweep.angles[1] - sweep.angles[0])))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-response", "caption": "Posterior mean of every dimension while the same digits are turned. Thin lines: three digits of each class, in its colour; bold: the mean of all; band: 80 % of them. Above each panel the shares of its variance: angle, digit, and both together."}, "image": {"alt": "A panel for each latent dimension with thin coloured curves of single digits over the angle and a bold mean curve."}}
response_curves(responses, sweep.angles, sweep.digit, split)

# %% [markdown]
# {numref}`fig-arc` sets the two dimensions with the largest $\eta^2_A$ against each other. A captured rotation would be a line along one axis. An arc or a ring means that the angle is spread
# over both, one following its cosine and the other its sine, as principal components do.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arc", "caption": "The two dimensions that follow the angle most, for all turned digits. Bold: the mean over digits, coloured by the angle; thin: the mean of each class."}, "image": {"alt": "Scatter of points in the plane of two latent dimensions, coloured by angle, with the mean path drawn bold."}}
pair = split["eta2_angle"].fillna(0).nlargest(2).index.to_numpy()
arc(responses[:, :, pair - 1], sweep.angles, sweep.digit, tuple(f"dimension {dim}" for dim in pair))

# %% [markdown]
# A 6 turned by 90° to one side is a 9 turned by 90° to the other, and 0, 1 and 8 look much the same upside down. How much does the result depend on them? RIS, with and without:

# %% tags=["hide-input"]
isolation_by_subset(responses, linear, sweep.digit)

# %% [markdown]
# (sec-importance)=
# ## Which factors does a dimension stand for?
#
# The sweep crosses digits with angles. The *factorial set* crosses them with thickness, slant and size as well, {glue:text}`n_crossed:,d` images in all, so that no factor can be read from
# another. Random forests predict each factor from all dimensions. How much each dimension counts in this is the importance matrix ({numref}`fig-importance`); a code with one dimension per
# factor has a single 1 in every column {cite:p}`eastwood2018`. D is one when each dimension serves a single factor, C when each factor is served by a single dimension, I is how well the forest predicts.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-importance", "caption": "Importance of each dimension in predicting each factor of the factorial set, by random forests. Columns add up to 1; a column of zeros is a factor that cannot be predicted better than by chance, and empty cells are undefined: no dimension is active."}, "image": {"alt": "Heat map with a row for each latent dimension and a column for each factor, digit, angle, thickness, shear and scale; the importances stand in the cells."}}
scores = score(run, store)
importance_matrix(importances(scores, run.spec.latent_dim), list(CROSSED))

# %% tags=["hide-input"]
baselines = baseline_scores(run.spec, store)
glue_all(beside_in_words(scores, baselines) | {"n_crossed": crossed_images(run.spec)})
scores_beside(scores, baselines)

# %% [markdown]
# Some of these images are unlike any that the network was trained on: a digit shrunk, thickened and turned at once. The largest importance of any dimension is {glue:text}`importance_most`,
# the largest for the angle {glue:text}`angle_importance`. The other columns say what such numbers are worth: principal and independent components of the same images, the same network before
# training, the same encoder trained to predict digit and angle (*supervised*), and the network's own code turned at random, which holds as much and is aligned with nothing (not drawn for D and C, which need
# one forest per turn). {glue:text}`beside_text:s`.
#
# ## Answer
#
# **{glue:text}`answer`** This is one run of {glue:text}`network`.
#
# - {glue:text}`visible` of {glue:text}`latent_dim` dimensions are visible by {eq}`traversal-energy`, {glue:text}`active` are active. T goes from {glue:text}`energy_least:.3f` to
#   {glue:text}`energy_most:.3f` (dimension {glue:text}`energy_most_dim`).
# - Moving a dimension does the same to different images when the agreement is 1; here it is {glue:text}`agreement_mean:.3f` on average and {glue:text}`agreement_least:.3f` at the least.
# - The best single dimension for the angle, number {glue:text}`best_dim`, has R² = {glue:text}`angle_best` by a line; all dimensions together, by nearest neighbours, {glue:text}`angle_all`.
#   The difference is angle that the code holds but no dimension isolates on a line.
# - Of its variance, {glue:text}`digit_share_of_best:.2f` lies between digit classes; the largest such share is {glue:text}`digit_share_most:.2f`, of dimension {glue:text}`digit_best_dim`.
# - The digit is read from the nearest codes in {glue:text}`digits_upright:.0f` % of upright and {glue:text}`digits_rotated:.0f` % of rotated test images (one in ten would be chance).
# - {glue:text}`rotation_found:s`.
# - {glue:text}`n_unnamed` of {glue:text}`latent_dim` dimensions resemble no simple transform. {glue:text}`rotation_named:s`.
