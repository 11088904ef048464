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
# What does each latent dimension do to a picture, and what does it tell about it? First we look, then we measure.

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the pictures, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "ours"  # network: ours, or the article's
beta = 4.0  # weight of the KL term
seed = 0  # seed of the run
start_seed = 0  # draws the random point of the prior
steps = 11  # pictures along a dimension
named_dims = [1, 6, 8]  # three dimensions shown large, those the presentation names
n_moved = 200  # test pictures decoded with each dimension moved

# %% tags=["hide-input"]
# %matplotlib inline
import numpy as np

from vaelib.architectures import ARCHITECTURES
from vaelib.capture import VISIBLE, capture, ranges
from vaelib.chapters import glue_all
from vaelib.data import load_split
from vaelib.latents import prior_samples, traverse
from vaelib.plots.latent import change_maps, dimension_profile, traversal_panels
from vaelib.plots.pictures import picture_grid
from vaelib.profiles import load_profile
from vaelib.runs import RunStore

run = RunStore(store).get(load_profile(profile).run(arch=arch, beta=beta, seed=seed))
test = load_split(run.spec, "test")
found = capture(run.model, test, n_moved)
per_dim = found.per_dim.sort_values("kl", ascending=False, kind="stable")
values = ranges(found.codes.mu, steps)
names = {dim: f"dimension {dim} · KL {kl:.2f}" for dim, kl in per_dim["kl"].items()}
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
    }
)

# %% [markdown]
# This page shows **{glue:text}`network`** at β = {glue:text}`beta:g`, seed {glue:text}`seed`. A *traversal* takes one code, gives one
# of its dimensions {glue:text}`steps` values at regular intervals and decodes each. The intervals span the range in which the dimension
# itself lies for 98 % of the test pictures (from its 1 % to its 99 % quantile), so that the decoder is asked for nothing that it was never trained on, and a dimension
# that is not used shows as a row of equal pictures. Dimensions are numbered as they came out of training. The numbers carry no meaning: another seed deals
# the same roles to other numbers, so "dimension 6" here is not the presentation's dimension 6. Where they are sorted, they are sorted by KL.
#
# ## From a random point
#
# {numref}`fig-random-point` starts from one point of the prior. It is quick to read, and it has a weakness that the presentation noted: a random
# point need not decode to a digit.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-random-point", "caption": "Every dimension varied from one random point of the prior, a row a dimension, sorted by KL (nats, beside its number)."}, "image": {"alt": "Grid of pictures: each row shows one decoded code while one latent dimension moves from its 1 percent to its 99 percent quantile."}}
start = prior_samples(1, run.spec.latent_dim, start_seed)[0]
rows = [traverse(run.model, start, [dim - 1], values[dim - 1])[0] for dim in per_dim.index]
ends = ["1 %", *[""] * (steps - 2), "99 %"]
picture_grid(np.stack(rows), list(names.values()), ends)

# %% [markdown]
# ## From the encoding of test pictures
#
# So we start from the codes of real digits, the first upright test picture of each class. The presentation shows the dimensions
# {glue:text}`named` of this network, and so do {numref}`fig-named-first`, {numref}`fig-named-second` and {numref}`fig-named-third`; all the
# others are in {numref}`fig-other-dimensions`. What to look for: does a column change every digit in the same way, and is that way one thing
# one could name (slant, width, thickness, angle)? Or do the digits turn into other digits?

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-first", "caption": "The first of the three dimensions, varied from the code of one test digit of each class. Above the columns: the values it takes."}, "image": {"alt": "Grid of pictures with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
digits = test.factors.drop_duplicates("digit").sort_values("digit")


def grid(dim):
    """Return the traversals (digits, steps, S, S) of dimension `dim`, numbered from 1."""
    return np.stack(
        [traverse(run.model, found.codes.mu[row], [dim - 1], values[dim - 1])[0] for row in digits.index]
    )


def large_grid(dim):
    columns = [f"{value:.1f}".replace("-", "−") for value in values[dim - 1]]
    return picture_grid(grid(dim), digits["digit"].astype(str).tolist(), columns, names[dim])


large_grid(named_dims[0])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-second", "caption": "The second of the three dimensions, as before."}, "image": {"alt": "Grid of pictures with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
large_grid(named_dims[1])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-named-third", "caption": "The third of the three dimensions, as before."}, "image": {"alt": "Grid of pictures with a row for each digit from 0 to 9 and a column for each value of the latent dimension."}}
large_grid(named_dims[2])

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-other-dimensions", "caption": "All other dimensions, sorted by KL: a panel a dimension, a row a digit, every second value of the traversal."}, "image": {"alt": "Panels of small pictures, one panel for each remaining latent dimension, each with ten rows of digits that change from left to right."}}
others = [dim for dim in per_dim.index if dim not in named_dims]
traversal_panels(np.stack([grid(dim)[:, ::2] for dim in others]), [names[dim] for dim in others])

# %% [markdown]
# ## What each dimension changes
#
# The eye is a poor judge of small changes, so we measure them. {glue:text}`n_moved` test pictures are encoded, and each dimension is moved from
# its 5 % to its 95 % quantile with the others left as they are. {numref}`fig-change-maps` shows where on the picture this changes anything.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-change-maps", "caption": "Root mean square change of each pixel when one dimension moves from its 5 % to its 95 % quantile, on one scale for all dimensions."}, "image": {"alt": "A small heat map of the picture plane for each latent dimension; bright where moving the dimension changes the pixels."}}
change_maps(found.change_maps, [f"dimension {dim}" for dim in found.per_dim.index])

# %% [markdown]
# Added up over the pixels and divided by what two different test pictures differ by, the change becomes one number, the *traversal energy*
#
# $$
# T_j=\frac{\mathbb E\,\lVert g(\mu\mid z_j=q_{95})-g(\mu\mid z_j=q_{05})\rVert^2}{\mathbb E\,\lVert x-x'\rVert^2}
# $$ (traversal-energy)
#
# where $g$ is the decoder. We call a dimension visible when $T_j$ exceeds {glue:text}`visible_from:g`; the limit is a convention, so {numref}`fig-profile` shows all
# values. Its third panel asks whether a dimension does *the same* to every picture: the mean cosine between the changes of the pixel logits of two
# pictures. At 1 all digits get the same stencil added, whatever they are. An affine decoder cannot do anything else ({ref}`sec-architectures`). Where
# T is near zero the agreement means nothing: there is no change to compare.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-profile", "caption": "The dimensions, sorted by KL. From left to right: KL; traversal energy T, with the limit of visibility; agreement of the changes between pictures; R² of the angle from this dimension alone; share of its variance that lies between digit classes."}, "image": {"alt": "Five bar charts side by side with a row for each latent dimension: KL, traversal energy, agreement between pictures, R squared of the angle, share of variance between digits."}}
dimension_profile(found.per_dim, VISIBLE)

# %% [markdown]
# ## What each dimension tells
#
# The last two panels of {numref}`fig-profile` go the other way, from picture to code. For the angle, a straight line is fitted from
# each dimension alone. For the digit it is the share of the dimension's variance that lies between classes. A dimension that
# carried one factor would be long in one of the two panels and short in the other.
#
# Two rules keep the angle honest. It is asked of the {glue:text}`n_rotated:,d` rotated test pictures only, because half of all pictures lie at exactly 0°. And digits are
# split in two: the lines are fitted, and the best dimension is chosen, on one half; R² is scored on the other. What *all*
# dimensions know together is read by the mean angle of the 10 nearest codes. Intervals are 95 %, over resampled test pictures of this one run; they say
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
# ## What was found
#
# One run of {glue:text}`network`.
#
# - {glue:text}`visible` of {glue:text}`latent_dim` dimensions are visible by {eq}`traversal-energy`, {glue:text}`active` are active. T goes
#   from {glue:text}`energy_least:.3f` to {glue:text}`energy_most:.3f` (dimension {glue:text}`energy_most_dim`).
# - Moving a dimension does much the same to different pictures when the agreement is near 1: here it is {glue:text}`agreement_mean:.3f` on average and
#   {glue:text}`agreement_least:.3f` at the least.
# - The best single dimension for the angle, number {glue:text}`best_dim`, has R² = {glue:text}`angle_best` by a line; all dimensions together, by nearest
#   neighbours, {glue:text}`angle_all`. The difference is angle that the code holds but no dimension isolates on a line.
# - The same dimension has {glue:text}`digit_share_of_best:.2f` of its variance between digit classes; the dimension with the largest share, number
#   {glue:text}`digit_best_dim`, has {glue:text}`digit_share_most:.2f`.
# - The digit is read from the nearest codes in {glue:text}`digits_upright:.0f` % of upright and {glue:text}`digits_rotated:.0f` % of rotated test pictures (one in ten would
#   be chance).
