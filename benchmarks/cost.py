"""What a training costs beside speed: memory, and how cost grows with images and epochs."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from vaelib.spec import RunSpec


def peak_memory_mb(spec: RunSpec, steps: int) -> int:
    """Return the largest resident size, MB, of a process that holds the images and takes some steps."""
    code = (  # the order of RunStore.get
        "import sys, resource, torch; torch.set_num_threads(1)\n"
        "from vaelib.training.memory import keep_large_blocks\n"
        "from vaelib.data import dataset as data\n"
        "from vaelib.spec import RunSpec\n"
        "from vaelib.models.inference import bound_terms\n"
        "from vaelib.training import checkpoint, loop\n"
        "spec = RunSpec.from_json(sys.argv[1])\n"
        "train, val = (data.load_split(spec, split) for split in ('train', 'val'))\n"
        "keep_large_blocks()\n"
        "state = checkpoint.init_state(spec, torch.device('cpu')); state.model.train()\n"
        "few = train.images[: int(sys.argv[2]) * spec.batch_size]\n"
        "loop._run_epoch(state, spec, few, torch.device('cpu'), False)\n"
        "bound_terms(state.model, val.images[:2000], spec.likelihood)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, spec.to_json(), str(steps)], capture_output=True, text=True, check=True
    )
    return megabytes(int(done.stdout))


def megabytes(ru_maxrss: int) -> int:
    """Return the largest resident size in MB from what the system calls it: kB, and bytes on macOS."""
    return round(ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3))


def growth(spec: RunSpec, digits: list[int]) -> list[dict]:
    """Return images and seconds of whole runs, by digits trained on and epochs."""
    rows = []
    for n in digits:
        sized = RunSpec.from_dict(json.loads(spec.to_json()) | {"n_train": n})
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [sys.executable, "-c", _TRAIN, sized.to_json(), folder], check=True, capture_output=True
            )
            provenance = json.loads((Path(folder) / sized.id / "provenance.json").read_text(encoding="utf-8"))
        images = 2 * (n - sized.n_val)
        for epoch, seconds in enumerate(np.cumsum(provenance["seconds_per_epoch"]), start=1):
            rows.append({"images": images, "epochs": epoch, "seconds": round(float(seconds), 2)})
    return rows


_TRAIN = (
    "import sys; from vaelib.training.store import RunStore; from vaelib.spec import RunSpec\n"
    "RunStore(sys.argv[2]).get(RunSpec.from_json(sys.argv[1]), progress=False)"
)


def straightness(rows: list[dict]) -> dict[str, float]:
    """Return the least-squares line seconds = a · images · epochs, and its largest relative error."""
    work = np.array([row["images"] * row["epochs"] for row in rows])
    seconds = np.array([row["seconds"] for row in rows])
    slope = float(work @ seconds / (work @ work))
    return {
        "images_per_second": 1 / slope,
        "largest_relative_error": float(np.abs(seconds / (slope * work) - 1).max()),
    }
