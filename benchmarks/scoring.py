"""What the scores of one run cost: seconds of one core a group of scores, and memory.

Every measurement is a process of its own, since sets of images and what was imported stay in memory. It
neither reads nor writes the scores that the store keeps.
"""

import json
import resource
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.cost import megabytes
from vaelib.data.dataset import load_split
from vaelib.profiles import load_profile
from vaelib.scores.baselines import of_model
from vaelib.scores.digit_classifier import digit_classifier
from vaelib.scores.registry import measure
from vaelib.scores.representation import Representation, ScoringConfig
from vaelib.spec import RunSpec
from vaelib.training.store import RunStore

SCALES = ("quick", "published")


def scoring(store: Path | str, turns: int) -> list[dict]:
    """Return a row a network and scale: seconds of each group and of all, and the peak memory in MB.

    Seconds are the processor's own, of one thread, and medians over `turns`; the memory is the largest.
    The networks are those of the profile "quick", from the store, and trained if missing: of a scale, only
    its test images make scores dearer.
    """
    rows = []
    for arch in ("article", "ours"):
        run = RunStore(store).get(load_profile("quick").run(arch=arch))
        for scale in SCALES:
            n_test = load_profile(scale).run().n_test
            digit_classifier(replace(run.spec, n_test=n_test), store)  # trained once a store, not once a run
            found = [_in_own_process(run.spec, store, n_test) for _ in range(turns)]
            seconds = {
                group: round(statistics.median(one["seconds"][group] for one in found), 2)
                for group in found[0]["seconds"]
            }
            rows.append(
                {
                    "arch": arch,
                    "scale": scale,
                    "turns": turns,
                    "seconds": seconds,
                    "all": round(statistics.median(sum(one["seconds"].values()) for one in found), 1),
                    "peak_memory_mb": max(one["peak_memory_mb"] for one in found),
                }
            )
    return rows


def _in_own_process(spec: RunSpec, store: Path | str, n_test: int) -> dict:
    code = "import sys; from benchmarks.scoring import score_once; score_once(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, spec.to_json(), str(store), str(n_test)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def score_once(spec: str, store: str, n_test: str) -> None:
    """Print the seconds of each group of scores of a run, on n_test digits, and the process's memory."""
    run = RunStore(store).get(RunSpec.from_json(spec))
    images = replace(run.spec, n_test=int(n_test))
    test, config = load_split(images, "test"), ScoringConfig.of(images)
    found = measure(
        Representation(of_model(run.model, "run"), images, test, store, config, run.model), progress=False
    )
    peak = megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    print(json.dumps({"seconds": found.seconds, "peak_memory_mb": peak}))
