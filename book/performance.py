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
# (sec-performance)=
# # How fast it trains
#
# Every figure of this report takes training time on an ordinary machine, so speed decides how many seeds and values of β it can
# afford, and every number in it takes scoring. **How fast is the training, and does it reach the goals that were set?** This page shows the benchmarks as `python -m benchmarks` wrote them.

# %% tags=["parameters"]
profile = "quick"  # scale of the report; this page is the same at each
results = "benchmarks/results.json"  # file written by python -m benchmarks
manifest = "published/manifest.json"  # what is published

# %% tags=["hide-input"]
import json

import pandas as pd

from vaelib import ROOT, load_profile
from vaelib.plots import quality_chart, throughput_chart
from vaelib.report import GPU_SECONDS_A_STEP, WATTS_A_CORE, check_chapter, glue_all, training_costs
from vaelib.scores import GROUPS

check_chapter("performance", globals())
measured = json.loads((ROOT / results).read_text())
machine = measured["machine"]
goals = pd.DataFrame(measured["goals"])
peers = {row["peer"]: row["images_per_second"][row["peer"]] for row in measured["races"]}
gain = next(row["gain"]["value"] for row in measured["workers"] if row["arch"] == "article")
sweep = gain * next(
    row["images_per_second"]
    for row in measured["throughput"]
    if (row["arch"], row["threads"], row["what"]) == ("article", 1, "end to end")
)
dear = [
    sum(row["seconds"][group] for group in ("codes", "forest", "haar")) / row["all"]
    for row in measured["scoring"]
    if row["scale"] == "quick"
]
glue_all(machine)
glue_all(
    {
        "n_goals": len(goals),
        "n_met": int(goals["met"].sum()),
        "peak_memory_mb": measured["peak_memory_mb"],
        "line_error": 100 * measured["line"]["largest_relative_error"],
        "n_windows": measured["windows"],
        "images_mb": 120_000 * 64**2 / 1e6,
        "sweep_joint_vae": sweep / peers["joint-vae"],
        "sweep_disentangling_vae": sweep / peers["disentangling-vae"],
        "n_seeds": len({row["seed"] for row in measured["quality"]}),
        "test_quick": 2 * load_profile("quick").run().n_test,
        "test_published": 2 * load_profile("published").run().n_test,
        "scoring_turns": measured["scoring"][0]["turns"],
        "dear_share": 100 * min(dear),
    }
)

# %% [markdown]
# The machine: {glue:text}`processor:s`, {glue:text}`cores` cores, {glue:text}`memory_gb` GB, {glue:text}`system:s`, Python {glue:text}`python:s`,
# torch {glue:text}`torch:s`. Contestants take turns, {glue:text}`n_windows` each, in processes of their own: the machine's
# speed drifts, and what alternates sees the same drift. Numbers are medians over the turns; ratios are taken turn by turn. A turn
# in which something else ran on the machine shows as a long line in {numref}`fig-throughput` and moves a median little.
#
# ## Goals
#
# {glue:text}`n_met` of {glue:text}`n_goals` are met. The time to quality is that of {numref}`fig-time-to-quality`; the peers are public implementations that train the
# same network (joint-vae) or a lighter one (disentangling-vae), run from their own code with their own loader.

# %% tags=["hide-input"]
goals.assign(
    met=goals["met"].map({True: "met", False: "short"}),
    measured=goals["measured"].map("{:.3g}".format),
    needed=goals["needed"].map("{:.3g}".format),
).set_index("goal")[["measured", "needed", "met"]].rename(columns={"met": ""})

# %% [markdown]
# Where a goal is missed, this is why, as far as we know:
#
# - *A single training against the peers*: one training does not use two cores as well as two trainings do, one per core, which is how a sweep runs. Such a pair, estimated from one worker
#   and the gain of a second, gets through
#   {glue:text}`sweep_joint_vae:.2f` times the images of joint-vae and {glue:text}`sweep_disentangling_vae:.2f` times those of disentangling-vae, each of which has both cores.
# - *Two workers*: they share the last level of cache and the memory.
# - *Memory*: the images take {glue:text}`images_mb:.0f` MB of it, and importing torch, before any work, about as much again.
# - *All scores of a run*: at quick scale {glue:text}`dear_share:.0f` % of the time or more go to encoding turned and crossed images, to forests and to random rotations of the code.
#
# ## Speed
#
# A training image costs 2 floating-point operations for each multiply-add of {ref}`sec-architectures` forward and 4 backward.
# {numref}`fig-throughput` compares what a network achieves with a product of two large matrices, the fastest thing the same cores can
# do. *Plain* is the same loop with the library's own layers and the C library's own settings; three things make the difference:
#
# - *Freed memory is kept.* The C library returns large blocks to the kernel and has them faulted in again at every step; here it is asked to keep them.
# - *The last transposed convolution* has a single output channel, for which the library's forward pass is slow; it is computed as one matrix
#   product and a fold.
# - *Convolutions onto a single point* meet the image with their inner taps only, and become matrix products.
#
# All are exact: the tests compare outputs and gradients with the plain layers. What is skipped is still counted as work done, so the share says how long a
# training takes and not how busy the machine is. Batch norm, activations, the loss and the optimiser take time and are not counted.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-throughput", "caption": "Training speed of both networks on one thread and on all, in per cent of the rate of a large matrix product on the same threads. Bars are medians over the turns, grey lines the least and the largest, white numbers images a second, batch size 64."}, "image": {"alt": "Horizontal bars for the article's network and ours: a single step, end to end, and end to end with plain layers; one panel for each number of threads."}}
throughput_chart(measured["throughput"])

# %% tags=["hide-input"]
pd.DataFrame(
    [
        {
            "network": row["arch"],
            "threads": row["threads"],
            "what": row["what"],
            "images/s": round(row["images_per_second"]),
            "% of the matrix product": f"{100 * row['share']['value']:.0f}",
            "times plain": f"{row['to_plain']['value']:.2f}",
        }
        for row in measured["throughput"]
    ]
).set_index(["network", "threads"])

# %% [markdown]
# ## Time to quality
#
# The presentation trains 15 epochs at a constant rate. {numref}`fig-time-to-quality` sets the recipe of the profile "quick" beside it: first weights that keep
# a signal's variance {cite:p}`he2015`, smaller batches, and a learning rate that falls to zero along a cosine. Both see the same images and are judged by the same held-out
# bound. Torch's own first weights lose the signal on its way through a dozen layers, and the first epochs pass on a plateau.

# %% tags=["hide-input"] mystnb={"figure": {"name": "fig-time-to-quality", "caption": "Held-out negative bound against the images seen, β = 4, one line per seed. Dotted: the mean of the presentation's recipe after its last epoch."}, "image": {"alt": "Two panels, one a network, of falling curves; those of the quick recipe end far to the left of the others."}}
quality_chart(measured["quality"])

# %% tags=["hide-input"]
pd.DataFrame(
    [
        {
            "network": row["arch"],
            "seed": row["seed"],
            "recipe": row["recipe"],
            "images": f"{row['images_per_epoch'] * len(row['neg_elbo']):,d}",
            "held-out −ELBO, nats": f"{row['neg_elbo'][-1]:.1f}",
            "active units": row["active_units"],
        }
        for row in measured["quality"]
    ]
).set_index(["network", "seed"])

# %% [markdown]
# ## Cost
#
# A process that trains on 60,000 upright and 60,000 rotated images, a twelfth of them held out, takes at most {glue:text}`peak_memory_mb` MB. Its time is proportional to
# images times epochs: over the runs below the largest departure from a line through the origin is {glue:text}`line_error:.1f` %.

# %% tags=["hide-input"]
growth = pd.DataFrame(measured["growth"])
growth.pivot(index="images", columns="epochs", values="seconds").rename_axis(
    columns="epochs, seconds of one thread"
)

# %% [markdown]
# A second worker, one thread each, multiplies what a sweep gets done:

# %% tags=["hide-input"]
pd.DataFrame(
    [
        {
            "network": row["arch"],
            "workers": row["workers"],
            "times one worker": f"{row['gain']['value']:.2f} ({row['gain']['low']:.2f} to {row['gain']['high']:.2f})",
        }
        for row in measured["workers"]
    ]
).set_index("network")

# %% [markdown]
# ## What scores cost
#
# Each run of the report is measured by every group of scores below, and so are the baselines beside it. The table has the seconds of one core for all
# scores of one run, with the {glue:text}`test_quick:,d` test images of the profile "quick" and with the {glue:text}`test_published:,d` of "published". *Codes* is encoding: the rotation
# sweep, the factorial set and the test images pass through the network once, and their codes serve the other groups. Number of measurements, whose medians these are:
# {glue:text}`scoring_turns`. Seconds are the processor's and not the clock's, but what else runs on the machine lengthens these, too, as it shares caches and memory.

# %% tags=["hide-input"]
costs = {
    (row["arch"], row["scale"]): {
        group.title: f"{row['seconds'][name]:.1f}" for name, group in GROUPS.items() if name in row["seconds"]
    }
    | {"all, seconds": f"{row['all']:.0f}", "peak memory, MB": f"{row['peak_memory_mb']:,}"}
    for row in measured["scoring"]
}
pd.DataFrame(costs)

# %% [markdown]
# ## The demo
#
# How fast the {ref}`demo <sec-demo>` answers in Chromium, opened from disk, as it is and with the processor slowed down as a phone's. *Frame* is the work of one frame while a slider
# is dragged: the image, and a slice of the grid of traversals, which fills up in between. *From frame to frame* is the 95th percentile meanwhile.

# %% tags=["hide-input"]
pd.DataFrame(
    [
        {
            "network": row["network"],
            "slowed down": f"{row['slowdown']} times" if row["slowdown"] > 1 else "no",
            "until it answers, s": row["ready"],
            "frame, ms": row["frame"],
            "from frame to frame, ms": row["between"],
            "grid, ms": row["grid"],
        }
        for row in measured["demo"]
    ]
).set_index(["network", "slowed down"])

# %% [markdown]
# (sec-budget)=
# ## What the report cost
#
# The runs that come with the report, block by block of its plan, by what each noted of its own training. Energy is estimated with {glue:text}`watts:g` W a core, and the time of a GPU with
# {glue:text}`gpu_step:g` ms a step, which is what launching the operations of networks this small takes: neither was measured.

# %% tags=["hide-input"]
cost = training_costs(load_profile("published"))
glue_all({"watts": WATTS_A_CORE, "gpu_step": 1000 * GPU_SECONDS_A_STEP})
whole = cost[["runs", "steps"]].map("{:,d}".format)
whole.join(cost.drop(columns=["runs", "steps"]).map("{:.2f}".format)).rename_axis(None)

# %% [markdown]
# ## Measure it yourself
#
# ```shell
# python -m benchmarks --json out.json --race joint-vae PATH_TO_A_CLONE
# ```
#
# writes the numbers and a chart beside them (`--only scoring` measures one part anew and keeps the rest); with `--json benchmarks/results.json` this page shows them after the next `make book`. The time to quality trains
# its runs when they are missing, which takes about an hour on two cores; the rest takes about half an hour.
#
# ## Answer
#
# **{glue:text}`n_met` of {glue:text}`n_goals` goals are met.** Two trainings, one per core, get through {glue:text}`sweep_joint_vae:.2f` times the images of joint-vae and {glue:text}`sweep_disentangling_vae:.2f` times those of disentangling-vae.
