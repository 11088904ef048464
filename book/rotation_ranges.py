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
# (sec-ranges)=
# # How far may a digit turn?
#
# A small turn is a small change of an image, and a latent may well follow it. **How far may digits turn before no latent of the plain network follows?** The plain network and the one with a pose
# ({ref}`sec-additions`) are trained on data whose digits are turned by little, by more, and all around, and each is asked about the turns that it was trained on.

# %% tags=["parameters"]
profile = (
    "quick"  # scale of the report: number of test digits; the networks have a recipe of their own, below
)
store = "runs"  # folder of the trained runs
arch = "article"  # network of encoder and decoder
objectives = ["beta_vae", "pose"]  # the plain network, and the one with a pose [2]
beta = 1.0  # weight of the KL term
rotation_ranges = [15.0, 45.0, 90.0, 180.0]  # angles are uniform in ± one of these, degrees [1 to 180]
seeds = [0, 1, 2]  # seeds of each network and range
image_size = 32  # side of the images, pixels
n_train = 3000  # source digits to train on
epochs = 5  # passes over the training images
batch_size = 16  # images a step
lr = 2e-3  # learning rate at the start
schedule = "cosine"  # of the learning rate
init = "he"  # first weights
turned_per_class = 50  # unseen digits of each class that are turned [1 to 500]
n_measured = 1000  # test digits behind the curve of distances, or all there are [2 to 10000]

# %% tags=["hide-input"]
import numpy as np
import pandas as pd

from vaelib import RunStore, load_profile, title
from vaelib.claims import isolation_table, turned_distances
from vaelib.data import load_mnist, load_split, rotation_sweep
from vaelib.plots import rotation_over_ranges
from vaelib.report import check_chapter, degrees_or_none, direction, glue_all, number, range_in_words, span
from vaelib.scores import baseline_titles, fit_baselines, isolation, turned_isolation

check_chapter("rotation_ranges", globals())
specs = load_profile(profile).runs(globals())  # those that the parameters name
sweeps = {limit: rotation_sweep(image_size, turned_per_class, limit / 18, limit) for limit in rotation_ranges}
measured = isolation_table(
    (title(s), s.rotation_range, turned_isolation(RunStore(store).get(s), sweeps[s.rotation_range]))
    for s in specs
)
plain, posed = measured["network"].unique()
firsts = [s for s in specs if s.objective == objectives[0] and s.seed == seeds[0]]
linear = {s.rotation_range: fit_baselines(s, store, ["pca"])["pca"] for s in firsts}
called = baseline_titles(specs[0].latent_dim)["pca"]
pca = isolation_table(
    (called, limit, isolation(sweep.layout(linear[limit].encode(sweep.images).mu)))
    for limit, sweep in sweeps.items()
)

# %% [markdown]
# ## The distance that a turn makes
#
# The measurement of {ref}`sec-dataset`, all the way round, for images of {glue:text}`image_size` pixels: the mean squared distance between a digit and itself turned, in units of that
# between two different digits. It needs no network. A digit is as far from itself turned by {glue:text}`crossing_same` as from another of its class, and as far as from a digit of
# another class when it is turned by {glue:text}`crossing_different`.

# %% tags=["hide-input"]
digits = load_mnist("test")
chosen = load_split(specs[0], "test").factors.query("not rotated")["index"].to_numpy()[:n_measured]
turns = np.linspace(0, max(rotation_ranges), 19)
distances, crossings = turned_distances(digits.images[chosen], digits.labels[chosen], image_size, turns)

# %% [markdown]
# ## What the best latent holds of the turn
#
# {numref}`fig-ranges` has two shares of variance of the latent that follows the angle best, chosen on every second digit and measured on the others. The network with a pose is given the
# range, the share of upright images, and the spread of handwriting's slant ({ref}`sec-additions`); the others are given nothing. *RIS* is what the angle alone decides, of all that the latent does while digits are turned: in a
# narrow range other things than the turn decide most of it, whatever the network. *Purity* looks only at what changes with the turn, and says how much of it is the same for all digits.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-ranges", "caption": "Against the range of angles that a network was trained on and is asked about: RIS and purity of its best latent, mean over seeds with the least and the most as a band; PCA for comparison. Below, over the same axis, the distance between a digit and itself turned by that angle; dashed lines are two images of the same digit and of two different ones, which are the unit."}, "image": {"alt": "Three panels above each other that share the axis of angles from 0 to 180 degrees: RIS, purity, and the relative distance of a digit from itself turned."}}
rotation_over_ranges(measured, pca, turns, distances)

# %% tags=["hide-input"]
cells = pd.concat([measured, pca]).groupby(["network", "range"], sort=False)
table = cells[["eta2_angle", "purity"]].agg(lambda values: span(values.to_numpy()))
table.columns = ["RIS", "purity"]
table = table.unstack("range").swaplevel(axis=1).sort_index(axis=1, level=0, sort_remaining=False)
table.columns = [f"{score}, ±{limit:g}°" for limit, score in table.columns]
table.T.rename_axis(None, axis=1)

# %% tags=["hide-input"]
purity = measured.groupby(["range", "network"])["purity"].mean().unstack("network")
gap = (purity[posed] - purity[plain]).dropna()
ends = {"first": purity.index[0], "last": purity.index[-1]}
glue_all(
    {
        "image_size": image_size,
        "seeds_text": "one seed" if len(seeds) == 1 else f"means over {len(seeds)} seeds",
        "n_turned": 10 * turned_per_class,
        "first_range": ends["first"],
        "last_range": ends["last"],
        **{f"plain_{end}": number(float(purity.loc[limit, plain])) for end, limit in ends.items()},
        **{f"posed_{end}": number(float(purity.loc[limit, posed])) for end, limit in ends.items()},
        "answer": range_in_words(purity[plain], purity[posed]),
        "plain_moves": direction(purity[plain].to_numpy()),
        "posed_moves": direction(purity[posed].to_numpy()),
        "widest_gap": f"±{gap.idxmax():g}°" if len(gap) else "no range",
        **{f"crossing_{which}": degrees_or_none(angle) for which, angle in crossings.items()},
    }
)

# %% [markdown]
# ## Answer
#
# **{glue:text}`answer`** From ±{glue:text}`first_range:g`° to ±{glue:text}`last_range:g`°, the purity of the plain network's best latent {glue:text}`plain_moves`: it is {glue:text}`plain_first` at first and
# {glue:text}`plain_last` at last ({glue:text}`seeds_text`, {glue:text}`n_turned` unseen digits). That of the pose {glue:text}`posed_moves`, from {glue:text}`posed_first` to
# {glue:text}`posed_last`; the two are furthest apart at {glue:text}`widest_gap`. At ±180° a line cannot hold the turn even in principle: the image comes round, and the angle
# has to jump somewhere.
