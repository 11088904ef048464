"""What the published runs cost: time of the processor, energy, and what a GPU would take."""

import pandas as pd

from vaelib import published
from vaelib.profiles import Profile
from vaelib.report.plan import NOTED, blocks

WATTS_A_CORE = 10.0
"""Of a core at work with its share of memory, power supply and cooling, as on a server of some 30 cores."""
GPU_SECONDS_A_STEP = 3e-3
"""Networks this small leave a GPU idle: a step takes as long as launching its 300 or so kernels."""


def training_costs(profile: Profile) -> pd.DataFrame:
    """Return what the published runs of a plan cost, a row a block and their sum, by their own provenance.

    Runs, steps of training, core-hours of the processor; `WATTS_A_CORE` makes kWh of them, and
    `GPU_SECONDS_A_STEP` of the steps what one GPU would take, in hours: both are assumed, not measured.
    """
    rows = []
    for block in blocks(profile):
        runs = [spec for spec in block.runs if spec.id in published.index()]
        seconds = [
            sum(published.read_record(spec.id, "provenance.json", NOTED)["core_seconds_per_epoch"])
            for spec in runs
        ]
        steps = sum(spec.epochs * spec.n_batches for spec in runs)
        rows.append((block.title, len(runs), steps, sum(seconds) / 3600))
    found = pd.DataFrame(rows, columns=["block", "runs", "steps", "core-hours"]).set_index("block")
    found.loc["all"] = found.sum()
    found["kWh"] = found["core-hours"] * WATTS_A_CORE / 1000
    found["hours of one GPU"] = found["steps"] * GPU_SECONDS_A_STEP / 3600
    return found.astype({"runs": int, "steps": int})
