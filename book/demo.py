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
# (sec-demo)=
# # Demo
#
# **What happens inside a trained network when a digit is turned?** Turn one and see. The networks of this report run in this page: pick an unseen digit or draw your own,
# turn it, and watch the latents of two networks side by side.
#
# <div id="vae-demo"><p>The live demo stands here in the built book where scripts are on. Elsewhere <a href="#fig-demo">a figure</a> stands in.</p></div>

# %% tags=["parameters"]
profile = "quick"  # scale of the report: size of the images, number of digits, epochs
store = "runs"  # folder of the trained runs
arch = "article"  # network that stands first in the demo
beta = 4.0  # weight of its KL term
seed = 0  # seed of all runs
also = [
    {"objective": "pose", "beta": 1.0},
    {"arch": "ours"},
    {"arch": "ours", "activation": "relu"},
]  # further networks, the one that stands second first
turned_per_class = 20  # unseen digits of each class that are turned [1 to 500]
moved = 0.5  # range from which a latent counts as moved as a digit turns; the prior's SD is 1 [0.01 to 10]

# %% tags=["hide-input"]
import numpy as np

from vaelib import RunStore, load_profile
from vaelib.data import rotation_sweep
from vaelib.metrics import LEAST_P, latents_moved
from vaelib.models import turned_and_traversed
from vaelib.plots import traversal_panels
from vaelib.report import check_chapter, glue_all, latents_that_move, moving_in_words, network_name
from vaelib.scores import turned_codes

check_chapter("demo", globals())
runs = [RunStore(store).get(spec) for spec in load_profile(profile).runs(globals())]
names = [network_name(run.spec) for run in runs]
limit = runs[0].spec.rotation_range
sweeps = [rotation_sweep(run.spec.image_size, turned_per_class, limit / 9, limit) for run in runs]
codes = [turned_codes(run, sweep) for run, sweep in zip(runs, sweeps, strict=True)]
counts = [latents_moved(mu, moved) for mu in codes]
glue_all({"moved": moved, "limit": limit, "n_turned": len(counts[0]), "least_p": LEAST_P})
glue_all({"answer": moving_in_words(dict(zip(names, counts, strict=True)))})

# %% [markdown]
# *Turn it to and fro* takes the digit to {glue:text}`limit:.0f`°, over to −{glue:text}`limit:.0f`° and back. The bar behind a slider is the way that its latent went meanwhile,
# coloured once it is longer than {glue:text}`moved`, where 1 is a standard deviation of the prior. The sliders move the latents by hand, and the grid shows what each of them
# does alone. *Like shear*, or another word beside a latent, names the simple change of an image that moving it resembles most, where that explains a share of {glue:text}`least_p:g` or more of what it
# does ({ref}`sec-names`).
#
# ```{tip}
# Tab reaches every control, and the arrow keys move a slider. Nothing leaves your computer: the networks run in this page.
# ```

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-demo", "caption": "The two networks that the demo starts with. From the top: an unseen digit at angles from −90° to 90°, what the network draws of it, and each latent moved alone from −3 to 3, the one that holds most first."}, "image": {"alt": "Two image grids, one for each network. On top an unseen digit turned in steps and its reconstructions; below, one row for each latent, with images that change from left to right."}}
shown = [sweep.images[8 * turned_per_class * 19 :][:19:2] for sweep in sweeps[:2]]
sheets = [turned_and_traversed(run.model, images) for run, images in zip(runs[:2], shown, strict=True)]
traversal_panels(np.stack(sheets), names[:2], cols=2)

# %% [markdown]
# ## Answer
#
# **{glue:text}`answer`** What the demo shows for one digit is counted here for {glue:text}`n_turned` unseen ones, turned from −{glue:text}`limit:.0f`° to {glue:text}`limit:.0f`°:

# %% tags=["hide-input"]
latents_that_move(names, [run.spec for run in runs], counts)
