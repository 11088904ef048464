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
# (sec-additions)=
# # Possible additions
#
# The presentation's one regret was that rotation was not captured, and it ended by asking what could be added. This chapter adds a network to which a pose is
# something of its own, trained without any label of the angle.

# %% tags=["parameters"]
profile = "quick"  # scale of the report; the networks of this chapter have a recipe of their own, below
store = "runs"  # folder of the trained runs
arch = "article"  # network of encoder and decoder
objectives = ["beta_vae", "pose"]  # the plain network, and the one with a pose
beta = 1.0  # weight of the KL term; at 1 the loss is the negative bound
seeds = [0]  # seeds of both
rotation_range = 90.0  # angles are uniform in plus or minus this, degrees
image_size = 32  # side of the pictures, pixels
n_train = 6000  # source digits to train on
n_test = 1000  # source digits to test on
epochs = 5  # passes over the training pictures
batch_size = 16  # images a step
lr = 2e-3  # learning rate at the start
schedule = "cosine"  # of the learning rate
init = "he"  # first weights
turned_per_class = 50  # unseen digits of each class that are turned through all angles
steps = 9  # pictures along a dimension

# %% tags=["hide-input"]
# %matplotlib inline
import inspect

import numpy as np
import pandas as pd
from IPython.display import Markdown

from vaelib import pose as pose_module
from vaelib.chapters import glue_all
from vaelib.data import as_float, load_split
from vaelib.interventions import rotation_sweep
from vaelib.latents import encode, traverse
from vaelib.metrics.curves import span
from vaelib.metrics.rotation import class_breakdown, invariance, rotation_isolation, two_way
from vaelib.plots.additions import pose_in_one_drawing
from vaelib.plots.latent import traversal_panels
from vaelib.plots.pictures import picture_grid
from vaelib.plots.rotation import response_curves
from vaelib.plots.training import kl_over_epochs, loss_curves
from vaelib.profiles import load_profile
from vaelib.runs import RunStore

recipe = {
    "arch": arch,
    "beta": beta,
    "rotation_range": rotation_range,
    "image_size": image_size,
    "n_train": n_train,
    "n_test": n_test,
    "epochs": epochs,
    "batch_size": batch_size,
    "lr": lr,
    "schedule": schedule,
    "init": init,
}
prof = load_profile(profile)
specs = prof.runs(recipe | {"objectives": objectives, "seeds": seeds})
runs = {name: [RunStore(store).get(s) for s in specs if s.objective == name] for name in objectives}
plain, posed = (runs[name][0] for name in objectives)
spec = posed.spec
test = load_split(spec, "test")
sweep = rotation_sweep(image_size, turned_per_class)
responses = {
    name: [sweep.layout(encode(run.model, sweep.images).mu) for run in same] for name, same in runs.items()
}
upright = list(sweep.angles).index(0.0)


def error_of(k):
    """Return by how many degrees the pose is off, from the same digit upright, for one seed."""
    pose = responses["pose"][k][:, :, 0] * runs["pose"][k].model.degrees
    return np.abs(pose - pose[:, [upright]] - sweep.angles)


errors = error_of(0)
glue_all(
    {
        "rotation_range": rotation_range,
        "image_size": image_size,
        "n_train": spec.n_pictures,
        "epochs": spec.epochs,
        "n_content": spec.latent_dim - 1,
        "latent_dim": spec.latent_dim,
        "bins": pose_module.BINS,
        "bin_width": float(pose_module.WIDTH),
        "slant": pose_module.SLANT,
        "upright_share": pose_module.UPRIGHT,
        "n_turned": len(sweep.index),
        "seeds_text": "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds",
    }
)

# %% [markdown]
# ## The idea in one drawing
#
# A likelihood of pixels takes a digit that was turned by more than some 35° for another digit ({ref}`sec-dataset`). So the turn is taken out of what the decoder has to draw.
# {numref}`fig-pose-idea` follows one unseen digit through the network: a small network says how well the picture would stand if it were turned back by each angle; the picture is
# turned back by a draw of these; what is left is encoded into {glue:text}`n_content` content latents; the decoder draws an upright canvas; and the canvas is turned forward again and
# compared with the picture.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pose-idea", "caption": "One unseen digit on its way through the network. The curve is the posterior over angles; the dot is its mode."}, "image": {"alt": "Four small pictures of a digit, as it is, turned back, as an upright canvas, and turned forward again, with a curve over the angles between the first and the second."}}
chosen = int(np.flatnonzero(test.factors["rotated"].to_numpy() & (test.factors["digit"] == 4).to_numpy())[0])
pose_in_one_drawing(posed.model, as_float(test.images[[chosen]]))

# %% [markdown]
# ## In formulas
#
# $$
# \begin{aligned}
# p(x)&=\int p(\theta)\,p(z)\,p\big(x\mid R_\theta\,g(z)\big)\,dz\,d\theta,\\
# q(\theta,z\mid x)&=q(\theta\mid x)\;q(z\mid R_{-\theta}\,x)
# \end{aligned}
# $$ (pose-model)
#
# with the decoder $g$ and the turn $R_\theta$. The bound has one more KL, that of the pose, and counts it like every other:
#
# $$
# \begin{aligned}
# -\log p(x)\le{}&\mathbb E_{q(\theta,z\mid x)}\big[-\log p(x\mid R_\theta\,g(z))\big]\\
# &+\mathrm{KL}\big(q(\theta\mid x)\Vert p(\theta)\big)\\
# &+\mathbb E_{q(\theta\mid x)}\mathrm{KL}\big(q(z\mid R_{-\theta}x)\Vert p(z)\big)
# \end{aligned}
# $$ (pose-bound)
#
# $q(\theta\mid x)$ has a constant density in each of {glue:text}`bins` bins of {glue:text}`bin_width:g`°. It does not learn from the bound: a bin cannot be reached from another by a
# derivative. It is self-supervised: it learns from turns of our own. A picture is turned by an angle δ, anywhere around the circle, and the small network is asked for it. For an upright picture δ is the right answer;
# for one that had been turned before, the answer is off by an angle that nobody knows. Of the pictures a share $p$ = {glue:text}`upright_share:g` is upright, which is known of how the data
# were made, and which ones they are is not told. So the loss is that of a mixture,
#
# $$
# -\log\big[\,p\;s_\delta(R_\delta x)+(1-p)\,u\,\big],
# $$ (pose-surprise)
#
# where $s$ is the softmax over the bins and the constant $u$ forgives the rest. No angle of a picture is ever shown. The prior $p(\theta)$ is that of the applied angle, 0 or uniform in
# ±{glue:text}`rotation_range:g`°, plus handwriting's own slant with a standard deviation of {glue:text}`slant:g`°, from which no pose can be told apart.

# %% tags=["hide-input"]
excerpts = (pose_module.PoseVAE.encode, pose_module.PoseVAE.decode, pose_module.pose)
Markdown(
    "The difference from the plain network in the library's own words:\n\n```python\n"
    + "\n".join(inspect.cleandoc("\n" + inspect.getsource(method)) for method in excerpts)
    + "\n```"
)

# %% [markdown]
# ## Trained
#
# Networks of this chapter see pictures of {glue:text}`image_size` pixels, {glue:text}`n_train:,d` of them in each of {glue:text}`epochs` epochs ({glue:text}`seeds_text`).

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pose-losses", "caption": "The bound and its two terms while the network with a pose is trained. First seed."}, "image": {"alt": "Three panels over the epochs: reconstruction plus KL, reconstruction, and KL, each with curves for training and validation pictures."}}
loss_curves(posed.history)

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pose-kl", "caption": "KL of each latent after each epoch, on validation pictures. Latent 1 is the pose."}, "image": {"alt": "Heat map of KL with a row for each latent and a column for each epoch."}}
kl_over_epochs(posed.history)

# %% [markdown]
# ## What the pose does, and what is left to the content
#
# In {numref}`fig-pose-traversal` the pose alone is moved. In {numref}`fig-content-traversals` the pose is held upright and the content latents with the most KL are moved.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pose-traversal", "caption": "The pose moved through its range, a row a test digit; the content is left alone."}, "image": {"alt": "Grid of digits: each row shows one digit turning from right to left."}}
model = posed.model
half = len(test) // 2
firsts = test.factors.iloc[:half].drop_duplicates("digit").sort_values("digit").index.to_numpy(copy=True)
codes = encode(model, test.images[firsts]).mu
angles = np.linspace(-rotation_range, rotation_range, steps)
picture_grid(np.stack([traverse(model, code, [0], angles / model.degrees)[0] for code in codes]))

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-content-traversals", "caption": "The four content latents with the most KL, each moved over its 1–99 % range with the pose at 0; a row a test digit."}, "image": {"alt": "Four panels of small pictures; in each, rows of upright digits change their form from left to right."}}
everything = encode(model, test.images)
order = 1 + np.argsort(posed.metrics["kl_per_dim"][1:])[::-1][:4]
ends = np.quantile(everything.mu, [0.01, 0.99], axis=0)
panels = []
for dim in order:
    values = np.linspace(*ends[:, dim], steps)
    standing = codes[[1, 2, 4, 7]] * (np.arange(spec.latent_dim) > 0)
    panels.append([traverse(model, code, [dim], values)[0] for code in standing])
traversal_panels(
    np.array(panels),
    [f"latent {dim + 1} · KL {posed.metrics['kl_per_dim'][dim]:.2f}" for dim in order],
    cols=2,
)

# %% [markdown]
# ## Turned through all angles
#
# The same measurement as in {ref}`sec-rotation-sweep`: {glue:text}`n_turned` unseen digits, each at all angles.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-pose-response", "caption": "Posterior mean of the pose (latent 1) and of three content latents while the same digits are turned; thin lines are digits."}, "image": {"alt": "Four panels over the angle; in the first, lines rise together along the diagonal, in the others they stay level."}}
split = {name: [two_way(r) for r in same] for name, same in responses.items()}
response_curves(responses["pose"][0], sweep.angles, sweep.digit, split["pose"][0].table, dims=[0, *order[:3]])

# %% [markdown]
# Digit by digit, against what was aimed at before. *RIS* is the share of the pose's variance that is a function of the angle alone; a pose that also takes a digit's own slant for its angle
# cannot reach 1. *Purity* leaves that out: of what changes with the angle, the share that is the same for all digits. The error is that of the pose relative to the same digit upright.

# %% tags=["hide-input"]
by_class = class_breakdown(responses["pose"][0][:, :, 0], sweep.digit)
per_digit = pd.DataFrame(
    {
        "RIS": by_class["eta2_angle"],
        "purity": by_class["eta2_angle"] / (by_class["eta2_angle"] + by_class["eta2_interaction"]),
        "error, median, degrees": [np.median(errors[sweep.digit == d]) for d in by_class.index],
        "error above 20°, %": [100 * np.mean(errors[sweep.digit == d] > 20) for d in by_class.index],
    }
)
per_digit.map("{:.3g}".format).rename_axis(None)

# %% tags=["hide-input"]
fit = np.arange(len(sweep.index)) % 2 == 0
read = {name: invariance(r[0], sweep.digit, sweep.angles, 0, fit) for name, r in responses.items()}
probe = pd.DataFrame(
    {
        "plain network, all latents": read["beta_vae"]["all"],
        "network with a pose, content alone": read["pose"]["without"],
        "pose alone": read["pose"]["alone"],
    }
)


def over_seeds(measure):
    values = [measure(k) for k in range(len(seeds))]
    return float(np.mean(values)), span(values, "{:.3g}")


def bound_gain(k):
    own, plain_own = (runs[name][k].metrics["test"]["all"]["neg_elbo"] for name in ("pose", "beta_vae"))
    return plain_own - own


goals = {
    "purity of the pose": (0.97, "least", lambda k: split["pose"][k].table["purity"].iloc[0]),
    "RIS": (0.90, "least", lambda k: rotation_isolation(responses["pose"][k]).ris.value),
    "angle's share in a content latent, most": (
        0.02,
        "most",
        lambda k: split["pose"][k].table["eta2_angle"].iloc[1:].max(),
    ),
    "error, median, degrees": (3.0, "most", lambda k: np.median(error_of(k))),
    "error above 20°, %": (2.0, "most", lambda k: 100 * np.mean(error_of(k) > 20)),
    "held-out bound, gain over the plain network, nats": (4.0, "least", bound_gain),
}
measured = {name: over_seeds(measure) for name, (_, _, measure) in goals.items()}
reached = {
    name: bool(measured[name][0] >= goal if sense == "least" else measured[name][0] <= goal)
    for name, (goal, sense, _) in goals.items()
}
glue_all({"n_reached": sum(reached.values()), "n_goals": len(goals)})
pd.DataFrame(
    {
        name: {
            "measured": measured[name][1],
            "goal": f"at {sense} {goal:g}",
            "reached": "yes" if reached[name] else "no",
        }
        for name, (goal, sense, _) in goals.items()
    }
).T

# %% [markdown]
# Which digit it is, read from the code by nearest neighbours, by size of the angle (share of unseen digits that are read right):

# %% tags=["hide-input"]
probe.map("{:.2f}".format).rename_axis(None)

# %% [markdown]
# A 6 and a 9 are each other's picture turned by a half-turn, so near ±90° nothing but the writer's habit tells them apart: which of both the network stands upright decides the pose, and a
# wrong one is wrong by 180°. Of the digits 6 and 9 above |60°|, this share gets a pose that is off by more than 20°, as against the share of all others:

# %% tags=["hide-input"]
steep = np.abs(sweep.angles) > 60
ambiguous = np.isin(sweep.digit, [6, 9])
pd.DataFrame(
    {
        name: {"error above 20°, %": f"{100 * np.mean(errors[kept][:, steep] > 20):.1f}"}
        for name, kept in {"6 and 9": ambiguous, "all other digits": ~ambiguous}.items()
    }
)

# %% [markdown]
# ## What was found
#
# {glue:text}`n_reached` of {glue:text}`n_goals` goals are reached ({glue:text}`seeds_text`). A pose that is off is rarely off by little: for some digits it jumps to another
# reading of the same strokes ({numref}`fig-pose-response`), and a variance counts a jump by its square.
#
# ## What remains open
#
# - Whether such jumps can be avoided where they are not called for. Near a quarter-turn some are: a 6 there is a 9.
# - Larger pictures, other ranges of angles, and the cost in time beside the plain network.
# - Other objectives that promise separate factors can be trained with the same command (`vaelib train --objective …`), and are not compared here yet.
