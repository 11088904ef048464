"""What a profile trains, block by block: how many runs, how long they take, and what is done."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vaelib import published
from vaelib.architectures import encoder_layout
from vaelib.files import NUMBERS, read_json, record
from vaelib.profiles import Block, Profile, in_checkout
from vaelib.report.build import page_runs
from vaelib.spec import RunSpec

log = logging.getLogger(__name__)

NOTED = record(core_seconds_per_epoch=NUMBERS)
"""What is read of the provenance of a run (JSON schema)."""
FIRST_SEEDS = 3
"""Seeds of every block that are trained before the others of any: the fewest from which a claim is judged."""

SECONDS_A_STEP, SECONDS_A_MULTIPLY_ADD = 5e-3, 2.5e-10
"""Of one core, forward and backward, for the encoder's multiply-adds: 500 images of 64 pixels a second by
the article's network in batches of 64, and 1,200 of 32 pixels in batches of 16 (2-core AMD EPYC)."""
SLOWER = {"pose": 1.5, "pair": 1.4, "factor_vae": 1.3}
"""How much longer a step of some objectives takes than one of the β-VAE."""


def core_seconds(spec: RunSpec) -> float:
    """Return about how long one core trains a run: steps and multiply-adds, each at a measured pace."""
    channels, work = 1, 0
    for conv, side in encoder_layout(spec.arch, spec.image_size, spec.depth):
        work += channels * conv.channels * (conv.kernel * side) ** 2
        channels = conv.channels
    a_image = SECONDS_A_STEP / spec.batch_size + SECONDS_A_MULTIPLY_ADD * work
    return spec.epochs * spec.n_images * a_image * SLOWER.get(spec.objective, 1.0)


def blocks(profile: Profile) -> list[Block]:
    """Return the blocks of a profile's plan; without one, its pages are the blocks.

    A run belongs to the first block that names it.
    """
    every: list[dict[str, Any]] = [{"block": name, "page": name} for name in profile.pages]
    entries = profile.planned or every
    named: dict[RunSpec, str] = {}
    for entry in entries:
        if "page" in entry:
            runs = page_runs(profile, profile.pages[entry["page"]])
        else:
            runs = [spec for product in entry["runs"] for spec in profile.runs(product)]
        for spec in runs:
            named.setdefault(spec, entry["block"])
    return [
        Block(entry["block"], tuple(spec for spec, block in named.items() if block == entry["block"]))
        for entry in entries
    ]


def in_order(chosen: Sequence[Block]) -> list[RunSpec]:
    """Return the runs in the order in which they are trained, so that stopping anywhere leaves a report.

    The first `FIRST_SEEDS` seeds of every setting, block by block, then the others, block by block.
    """
    first: list[RunSpec] = []
    others: list[RunSpec] = []
    for block in chosen:
        seen: dict[RunSpec, int] = defaultdict(int)
        for spec in block.runs:
            setting = spec.changed(seed=0)
            (first if seen[setting] < FIRST_SEEDS else others).append(spec)
            seen[setting] += 1
    return first + others


def _spent(run: str, store: Path) -> float:
    """Return the core-seconds that a run took; 0, and a warning, where its provenance cannot be read."""
    try:
        if (store / run / "done.json").exists():
            found = read_json(store / run / "provenance.json", NOTED)
        else:
            found = published.read_record(run, "provenance.json", NOTED)
    except (OSError, ValueError) as error:
        log.warning("what %s took is not known: %s", store / run, error)
        return 0.0
    return sum(found["core_seconds_per_epoch"])


def table(chosen: Sequence[Block], store: Path | str) -> list[dict[str, Any]]:
    """Return a row a block and their sum: runs, done, and core-hours expected, of those done, and spent.

    What is done has a `done.json`, or is published in the training version of today; nothing is verified.
    What is published of an earlier training, or has scores of an earlier version, is outdated: it is read,
    and would have to be made again.
    """
    folder = in_checkout(store)
    rows = []
    for block in chosen:
        done = [s for s in block.runs if s.id in published.index() or (folder / s.id / "done.json").exists()]
        rows.append(
            {
                "block": block.title,
                "runs": len(block.runs),
                "done": len(done),
                "outdated": sum(map(published.is_outdated, block.runs)),
                "core-hours": sum(map(core_seconds, block.runs)) / 3600,
                "of those done": sum(map(core_seconds, done)) / 3600,
                "spent": sum(_spent(spec.id, folder) for spec in done) / 3600,
            }
        )
    return [*rows, {name: sum(row[name] for row in rows) if name != "block" else "all" for name in rows[0]}]
