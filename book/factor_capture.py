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
# What does each latent dimension do to an image, and what does it tell about it? First we look, then we measure.

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "ours"  # network: ours, or the article's
beta = 4.0  # weight of the KL term
seed = 0  # seed of the run
start_seed = 0  # draws the random point of the prior
steps = 11  # images along a dimension
named_dims = [1, 6, 8]  # three dimensions shown large, those the presentation names
n_moved = 200  # test images decoded with each dimension moved
turned_per_class = 50  # test digits of each class that are turned through all angles
n_named = 50  # test images on which the dimensions get their names

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from vaelib import ARCHITECTURES, RunStore, load_profile
from vaelib.data import ANGLES, CROSSED, SCALE, SHEAR, THICKNESS, load_split, rotation_sweep
from vaelib.metrics import LEAST_P, moved_images, rotation_isolation, transform_dictionary, two_way
from vaelib.models import decode, encode, prior_samples, traverse
from vaelib.plots import (
    arc,
    change_maps,
    dimension_profile,
    image_grid,
    importance_matrix,
    response_curves,
    traversal_panels,
)
from vaelib.report import glue_all
from vaelib.scores import (
    VISIBLE,
    ScoringConfig,
    baseline_scores,
    fit_baselines,
    profile_latents,
    score,
    traversal_ranges,
)

run = RunStore(store).get(load_profile(profile).run(arch=arch, beta=beta, seed=seed))
test = load_split(run.spec, "test")
found = profile_latents(run.model, test, n_moved)
per_dim = found.per_dim.sort_values("kl", ascending=False, kind="stable")
values = traversal_ranges(found.codes.mu, steps)
spread = np.arange(min(n_named, len(test))) * len(test) // min(n_named, len(test))
moves = np.array([-2.0, -1.0, 1.0, 2.0])
dictionary = transform_dictionary(
    *moved_images(lambda z: decode(run.model, z), found.codes.mu[spread], moves, found.codes.mu.std(0)),
    moves,
)
names = {
    dim: f"dimension {dim} · KL {kl:.2f}\n{dictionary.names[dim]}"
    + ("" if dictionary.p.loc[dim].isna().all() else f", P {dictionary.p.loc[dim].max():.2f}")
    for dim, kl in per_dim["kl"].items()
}
glue_all(
    {
        "network": ARCHITECTURES[arch].title,
        "beta": beta,
        "seed": seed,
        "latent_dim": run.spec.latent_dim,
        "n_test": len(test),
        "n_rotated": int(test.factors["rotated"].sum()),
        "n_moved": min(n_moved, len(test)),
        "steps": steps,
        "named": ", ".join(map(str, named_dims)),
        "visible_from": VISIBLE,
        "n_named": len(spread),
        "least_p": LEAST_P,
    }
)

# %% [markdown]
# This page shows **{glue:text}`network`** at β = {glue:text}`beta:g`, seed {glue:text}`seed`. A *traversal* takes one code, gives one
# of its dimensions {glue:text}`steps` values at regular intervals and decodes each. The intervals span the range in which the dimension
# itself lies for 98 % of the test images (from its 1 % to its 99 % quantile), so that the decoder is asked for nothing that it was never trained on, and a dimension
# that is not used shows as a row of equal images. Dimensions are numbered as they came out of training. The numbers carry no meaning: another seed deals
# the same roles to other numbers, so "dimension 6" here is not the presentation's dimension 6. Where they are sorted, they are sorted by KL. The word and the
# number P beside a dimension say which simple change of an image its traversal resembles most, and how much of it that change explains ({ref}`sec-names`).
#
# ## From a random point
#
# {numref}`fig-random-point` starts from one point of the prior. It is quick to read, and it has a weakness that the presentation noted: a random
# point need not decode to a digit.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-random-point", "caption": "Every dimension varied from one random point of the prior, a row a dimension, sorted by KL (nats, beside its number; below it the simple transform that it resembles most)."}, "image": {"alt": "Grid of images: each row shows one decoded code while one latent dimension moves from its 1 percent to its 99 percent quantile."}}
start = prior_samples(run.model, 1, start_seed)[0]
rows = [traverse(run.model, start, [dim - 1], values[dim - 1])[0] for dim in per_dim.index]
ends = ["1 %", *[""] * (steps - 2), "99 %"]
image_grid(np.stack(rows), list(names.values()), ends)

# %% [markdown]
# ## From the encoding of test images
#
# So we start from the codes of real digits, the first upright test image of each class. The presentation shows the dimensions
# {glue:text}`named` of this network, and so do {numref}`fig-named-first`, {numref}`fig-named-second` and {numref}`fig-named-third`; all the
# others are in {numref}`fig-other-dimensions`. What to look for: does a column change every digit in the same way, and is that way one thing
# one could name (slant, width, thickness, angle)? Or do the digits turn into other digits?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-first", "caption": "The first of the three dimensions, varied from the code of one test digit of each class. Above the columns: the values it takes."}, "image": {"alt": "Grid of images with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
digits = test.factors.drop_duplicates("digit").sort_values("digit")


def grid(dim):
    """Return the traversals (digits, steps, S, S) of dimension `dim`, numbered from 1."""
    return np.stack(
        [traverse(run.model, found.codes.mu[row], [dim - 1], values[dim - 1])[0] for row in digits.index]
    )


def large_grid(dim):
    columns = [f"{value:.1f}".replace("-", "−") for value in values[dim - 1]]
    return image_grid(grid(dim), digits["digit"].astype(str).tolist(), columns, names[dim])


large_grid(named_dims[0])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-second", "caption": "The second of the three dimensions, as before."}, "image": {"alt": "Grid of images with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
large_grid(named_dims[1])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-third", "caption": "The third of the three dimensions, as before."}, "image": {"alt": "Grid of images with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
large_grid(named_dims[2])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-other-dimensions", "caption": "All other dimensions, sorted by KL: a panel a dimension, a row a digit, every second value of the traversal."}, "image": {"alt": "Panels of small images, one panel for each remaining latent dimension, each with ten rows of digits that change from left to right."}}
others = [dim for dim in per_dim.index if dim not in named_dims]
traversal_panels(np.stack([grid(dim)[:, ::2] for dim in others]), [names[dim] for dim in others])

# %% [markdown]
# ## What each dimension changes
#
# The eye is a poor judge of small changes, so we measure them. {glue:text}`n_moved` test images are encoded, and each dimension is moved from
# its 5 % to its 95 % quantile with the others left as they are. {numref}`fig-change-maps` shows where on the image this changes anything.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-change-maps", "caption": "Root mean square change of each pixel when one dimension moves from its 5 % to its 95 % quantile, on one scale for all dimensions."}, "image": {"alt": "A small heat map of the image plane for each latent dimension; bright where moving the dimension changes the pixels."}}
change_maps(found.change_maps, [f"dimension {dim}" for dim in found.per_dim.index])

# %% [markdown]
# Added up over the pixels and divided by what two different test images differ by, the change becomes one number, the *traversal energy*
#
# $$
# T_j=\frac{\mathbb E\,\lVert g(\mu\mid z_j=q_{95})-g(\mu\mid z_j=q_{05})\rVert^2}{\mathbb E\,\lVert x-x'\rVert^2}
# $$ (traversal-energy)
#
# where $g$ is the decoder. We call a dimension visible when $T_j$ exceeds {glue:text}`visible_from:g`; the limit is a convention, so {numref}`fig-profile` shows all
# values. Its third panel asks whether a dimension does *the same* to every image: the mean cosine between the changes of the pixel logits of two
# images. At 1 all digits get the same stencil added, whatever they are. An affine decoder cannot do anything else ({ref}`sec-architectures`). Where
# T is near zero the agreement means nothing: there is no change to compare.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-profile", "caption": "The dimensions, sorted by KL. From left to right: KL; traversal energy T, with the limit of visibility; agreement of the changes between images; R² of the angle from this dimension alone; share of its variance that lies between digit classes."}, "image": {"alt": "Five bar charts side by side with a row for each latent dimension: KL, traversal energy, agreement between images, R squared of the angle, share of variance between digits."}}
dimension_profile(found.per_dim, VISIBLE)

# %% [markdown]
# ## What each dimension tells
#
# The last two panels of {numref}`fig-profile` go the other way, from image to code. For the angle, a straight line is fitted from
# each dimension alone. For the digit it is the share of the dimension's variance that lies between classes. A dimension that
# carried one factor would be long in one of the two panels and short in the other.
#
# Two rules keep the angle honest. It is asked of the {glue:text}`n_rotated:,d` rotated test images only, because half of all images lie at exactly 0°. And digits are
# split in two: the lines are fitted, and the best dimension is chosen, on one half; R² is scored on the other. What *all*
# dimensions know together is read by the mean angle of the 10 nearest codes. Intervals are 95 %, over resampled test images of this one run; they say
# nothing about another seed.

# %% tags=["hide-input"]
glue_all(
    {
        "active": found.active,
        "visible": found.visible,
        "energy_most_dim": int(per_dim["energy"].idxmax()),
        "best_dim": found.best_dim,
        "angle_best": str(found.angle_best_dim),
        "angle_all": str(found.angle_all_dims),
        "digit_best_dim": int(per_dim["digit_share"].idxmax()),
        "energy_most": per_dim["energy"].max(),
        "energy_least": per_dim["energy"].min(),
        "agreement_least": per_dim["agreement"].min(),
        "agreement_mean": per_dim["agreement"].mean(),
        "digit_share_most": per_dim["digit_share"].max(),
        "digit_share_of_best": per_dim.loc[found.best_dim, "digit_share"],
        "digits_upright": 100 * found.digit_accuracy_upright,
        "digits_rotated": 100 * found.digit_accuracy_rotated,
        "correlation": found.correlation,
    }
)
per_dim.drop(columns="active").rename(
    columns={
        "kl": "KL",
        "energy": "T",
        "agreement": "agreement",
        "angle_r2": "R² of the angle",
        "digit_share": "share between digits",
    }
).map("{:.3f}".format)

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
# is the share of the change that the transform $T$ explains when its amount $t$ may be chosen anew for each image and each move. A dimension that turned the digit and did nothing else would have P = 1 for rotation.
# A dimension is named after the transform with the largest P, and *unnamed* if that is below {glue:text}`least_p:g`.

# %% tags=["hide-input"]
named_table = dictionary.p.loc[per_dim.index]
named_table.map("{:.2f}".format).assign(name=dictionary.names)

# %% [markdown]
# (sec-rotation-sweep)=
# ## One digit, every angle
#
# Test images confound the angle with everything else that differs between digits. So we turn the same unseen digits, {glue:text}`n_turned` of them, through all angles in steps of {glue:text}`turn_step:g`° and follow each
# dimension. Its variance over digits $i$ and angles $a$ has three parts that add up to one,
#
# $$
# \mu_j(i,a)=m+A(a)+I(i)+AI(i,a),\qquad \eta^2_A+\eta^2_I+\eta^2_{AI}=1:
# $$ (two-way)
#
# what the angle does to *every* digit alike, what the digit is at any angle, and what the angle does differently to different digits. Only the first is a captured rotation; a large third part is rotation that is there, but
# entangled with the digit. The largest $\eta^2_A$ of any dimension is the *rotation isolation score* RIS: 1 exactly when some dimension is a function of the angle alone.

# %% tags=["hide-input"]
limit = run.spec.rotation_range
sweep = rotation_sweep(run.spec.image_size, turned_per_class, limit / 18, limit)
responses = sweep.layout(encode(run.model, sweep.images).mu)
split = two_way(responses)
isolation = rotation_isolation(responses)
linear = fit_baselines(run.spec, store, ["pca"], progress=False)["pca"]
linear_responses = sweep.layout(linear.encode(sweep.images).mu)
linear_isolation = rotation_isolation(linear_responses)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-response", "caption": "Posterior mean of every dimension while the same digits are turned. Thin lines: three digits of each class, in its colour; bold: the mean of all; band: 80 % of them. Above each panel the shares of its variance: angle, digit, and both together."}, "image": {"alt": "A panel for each latent dimension with thin coloured curves of single digits over the angle and a bold mean curve."}}
response_curves(responses, sweep.angles, sweep.digit, split.table)

# %% [markdown]
# {numref}`fig-arc` sets the two dimensions with the largest $\eta^2_A$ against each other. A captured rotation would be a line along one axis. An arc or a ring means that the angle is spread over both, one following its cosine and the
# other its sine, as principal components do.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-arc", "caption": "The two dimensions that follow the angle most, for all turned digits. Bold: the mean over digits, coloured by the angle; thin: the mean of each class."}, "image": {"alt": "Scatter of points in the plane of two latent dimensions, coloured by angle, with the mean path drawn bold."}}
pair = split.table["eta2_angle"].fillna(0).nlargest(2).index.to_numpy()
arc(responses[:, :, pair - 1], sweep.angles, sweep.digit, tuple(f"dimension {dim}" for dim in pair))

# %% tags=["hide-input"]
both = split.table["eta2_interaction"]
if isolation.best_dim is None:
    rotation_found = (
        "When digits are turned no dimension varies: there is no best one for the angle, and RIS is undefined"
    )
else:
    beside = (
        "more than"
        if isolation.ris.low > linear_isolation.ris.high
        else "less than"
        if isolation.ris.high < linear_isolation.ris.low
        else "about as much as"
    )
    rotation_found = (
        f"Turned through all angles, the best dimension, number {isolation.best_dim}, has RIS = {isolation.ris} "
        f"(95 % over {len(sweep.index)} digits): the angle alone explains that share of its variance, and "
        f"{both[isolation.best_dim]:.2f} of it depends on digit and angle together. As many principal components of the "
        f"pixels reach {linear_isolation.ris}: the network isolates the angle {beside} a linear code that was told "
        f"nothing. Averaged over the dimensions, {both.mean():.2f} of the variance is such an interaction"
    )
turning = dictionary.p["rotation"].dropna()
rotation_named = (
    f"The dimension closest to a rotation, number {turning.idxmax()}, has P = {turning.max():.2f}"
    if len(turning)
    else "No dimension moves the image, so none has a name"
)
glue_all(
    {
        "n_turned": len(sweep.index),
        "turn_step": float(sweep.angles[1] - sweep.angles[0]),
        "rotation_found": rotation_found,
        "rotation_named": rotation_named,
        "n_unnamed": int(dictionary.names.isin(["unnamed", "still"]).sum()),
    }
)

# %% tags=["hide-input"]
subsets = {
    "all digits": np.ones_like(sweep.digit, dtype=bool),
    "without 6 and 9": ~np.isin(sweep.digit, [6, 9]),
    "without 0, 1 and 8": ~np.isin(sweep.digit, [0, 1, 8]),
}
rows = {}
for name, kept in subsets.items():
    own = rotation_isolation(responses[kept])
    rows[name] = {
        "digits": int(kept.sum()),
        "dimension": "none" if own.best_dim is None else str(own.best_dim),
        "RIS": str(own.ris),
        f"RIS of PCA-{run.spec.latent_dim}": str(rotation_isolation(linear_responses[kept]).ris),
    }
pd.DataFrame.from_dict(rows, orient="index")

# %% [markdown]
# A 6 turned by 90° to one side is a 9 turned by 90° to the other, and 0, 1 and 8 look much the same upside down. The table repeats RIS without them, so that
# one can see how much the result hangs on them.
#
# (sec-importance)=
# ## Which factors does a dimension stand for?
#
# The sweep crosses digits with angles. The *factorial set* crosses them with thickness, slant and size as well, {glue:text}`n_crossed:,d` images in all, so that
# no factor can be read from another. Random forests predict each factor from all dimensions. How much each dimension counts in this is the importance matrix
# ({numref}`fig-importance`); a code with one dimension a factor has a single 1 in every column {cite:p}`eastwood2018`. D is one when each dimension serves a
# single factor, C when each factor is served by a single dimension, I is how well the forest predicts.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-importance", "caption": "Importance of each dimension in predicting each factor of the factorial set, by random forests. Columns add up to 1; a column of zeros is a factor that cannot be told better than by chance, and empty cells are undefined: no dimension is active."}, "image": {"alt": "Heat map with a row for each latent dimension and a column for each factor, digit, angle, thickness, shear and scale; the importances stand in the cells."}}
scores = score(run, store)
importance = scores["dci_importance"]
matrix = np.full((run.spec.latent_dim, len(CROSSED)), np.nan) if importance is None else np.array(importance)
importance_matrix(matrix, list(CROSSED))

# %% tags=["hide-input"]
beside = baseline_scores(run.spec, store)
m = run.spec.latent_dim
titles = {"pca": f"PCA-{m}", "ica": f"ICA-{m}", "untrained": "untrained", "supervised": "told the labels"}
columns = {"this network": scores} | {titles[name]: found.scores for name, found in beside.items()}
shown = {"D": "dci_d", "C": "dci_c"} | {f"I, {factor}": f"dci_i_{factor}" for factor in CROSSED}
shown |= {"MIG": "mig", "SAP": "sap", "RIS": "ris"}
table = {
    title: {name: "undefined" if own[key] is None else f"{own[key]:.3f}" for name, key in shown.items()}
    for title, own in columns.items()
}
table["random axes, 95 %"] = {
    name: " to ".join(f"{end:.3f}" for end in scores.get(f"haar_{key}") or []) for name, key in shown.items()
}
banded = {name: key for name, key in shown.items() if scores.get(f"haar_{key}")}
beyond = [name for name, key in banded.items() if scores[key] > scores[f"haar_{key}"][1]]
others = pd.Series(
    {title: found.scores["dci_d"] for title, found in zip(titles.values(), beside.values(), strict=True)}
)
others = others.dropna().astype(float)
if importance is None:
    beside_text = "No dimension of this network is active: its scores are undefined"
else:
    beside_text = (
        f"D is {scores['dci_d']:.3f} here, and {others.min():.3f} to {others.max():.3f} for the codes beside it (most "
        f'for "{others.idxmax()}"). '
    )
    beside_text += (
        f"Of {', '.join(banded)}, {', '.join(beyond) or 'none'} is above the band of random axes"
        if banded
        else "With a single active dimension there are no other axes to turn to"
    )
cells = ANGLES * len(THICKNESS) * len(SHEAR) * len(SCALE)
glue_all(
    {
        "n_crossed": 10 * ScoringConfig.of(run.spec).crossed_per_class * cells,
        "framed_text": beside_text,
        "importance_most": "undefined" if importance is None else f"{matrix.max():.2f}",
        "angle_importance": "undefined"
        if importance is None
        else f"{matrix[:, CROSSED.index('angle')].max():.2f}",
    }
)
pd.DataFrame(table)

# %% [markdown]
# Some of these images are unlike any that the network was trained on: a digit shrunk, thickened and turned at once. The largest importance of any dimension is
# {glue:text}`importance_most`, the largest for the angle {glue:text}`angle_importance`. The other columns say what such numbers are worth: principal and independent
# components of the same images, the same network before training, the same encoder told digit and angle, and the network's own code turned at random, which
# knows as much and is aligned with nothing (not drawn for D and C, which need a forest a turn). {glue:text}`framed_text:s`.
#
# ## What was found
#
# One run of {glue:text}`network`.
#
# - {glue:text}`visible` of {glue:text}`latent_dim` dimensions are visible by {eq}`traversal-energy`, {glue:text}`active` are active. T goes
#   from {glue:text}`energy_least:.3f` to {glue:text}`energy_most:.3f` (dimension {glue:text}`energy_most_dim`).
# - Moving a dimension does much the same to different images when the agreement is near 1: here it is {glue:text}`agreement_mean:.3f` on average and
#   {glue:text}`agreement_least:.3f` at the least.
# - The best single dimension for the angle, number {glue:text}`best_dim`, has R² = {glue:text}`angle_best` by a line; all dimensions together, by nearest
#   neighbours, {glue:text}`angle_all`. The difference is angle that the code holds but no dimension isolates on a line.
# - The same dimension has {glue:text}`digit_share_of_best:.2f` of its variance between digit classes; the dimension with the largest share, number
#   {glue:text}`digit_best_dim`, has {glue:text}`digit_share_most:.2f`.
# - The digit is read from the nearest codes in {glue:text}`digits_upright:.0f` % of upright and {glue:text}`digits_rotated:.0f` % of rotated test images (one in ten would
#   be chance).
# - {glue:text}`rotation_found:s`.
# - {glue:text}`n_unnamed` of {glue:text}`latent_dim` dimensions resemble no simple transform. {glue:text}`rotation_named:s`.
