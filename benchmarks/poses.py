"""What other networks with a pose find in the same images: their own code, for a given time, beside ours.

    python -m benchmarks.poses --spatial-vae PATH_TO_A_CLONE --target-vae PATH_TO_A_CLONE --minutes 30

Clones: github.com/tbepler/spatial-VAE and github.com/SMLC-NYSBC/TARGET-VAE. Their networks, losses and
defaults as they are, but for 9 latents of content, as ours has; on one thread, on the images of a spec.
"""

import contextlib
import io
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor

from vaelib.data.dataset import as_float, load_split
from vaelib.data.factorial import rotation_sweep
from vaelib.errors import InputError
from vaelib.files import write_json
from vaelib.metrics.rotation import two_way
from vaelib.models.inference import encode
from vaelib.objectives import OBJECTIVES
from vaelib.profiles import load_profile
from vaelib.spec import RunSpec
from vaelib.threads import torch_threads
from vaelib.training.store import RunStore

BATCH, CONTENT = 100, 9
SWEPT, TURNS = 5, 10.0
"""Digits of a class that are turned, and the step in degrees: a code of theirs takes some 0.03 seconds."""
SPREAD = np.pi / 4
"""SD of the angle that both are given, their own for digits turned by less than a half-turn."""
OUT = Path(__file__).with_name("poses.json")


@dataclass(frozen=True)
class Peer:
    """A network of others in training: `step` takes images (B, 1, S, S) once, `code` returns (N, 1 + M)."""

    step: Callable[[Tensor], None]
    code: Callable[[Tensor], np.ndarray]


def _coordinates(size: int) -> Tensor:
    """Return the positions of the pixels in [−1, 1] (S², 2), as both scripts lay them out."""
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(1, -1, size))
    return torch.from_numpy(np.stack([x.ravel(), y.ravel()], 1)).float()


def spatial_vae(clone: str, size: int) -> Peer:
    """Return spatial-VAE with a rotation and without translation, as its `train_mnist.py` makes it."""
    sys.path.insert(0, clone)
    import train_mnist
    from spatial_vae import models

    generator = models.SpatialGenerator(CONTENT, 500, num_layers=2)
    encoder = models.InferenceNetwork(size**2, CONTENT + 1, 500, num_layers=2)
    optimizer = torch.optim.Adam([*generator.parameters(), *encoder.parameters()], lr=1e-4)
    at = _coordinates(size)

    def step(images: Tensor) -> None:
        given = (at, images.flatten(1), generator, encoder)
        elbo, _, _ = train_mnist.eval_minibatch(*given, translate=False, theta_prior=SPREAD)
        (-elbo).backward()
        optimizer.step()
        optimizer.zero_grad()

    return Peer(step, lambda images: encoder(images.flatten(1))[0].numpy())


def target_vae(clone: str, size: int) -> Peer:
    """Return TARGET-VAE with attention over eight turns and offsets, as its `train_mnist.py` makes it."""
    sys.path.insert(0, clone)
    import train_mnist

    from src import models

    generator = models.SpatialGenerator(CONTENT, 512, num_layers=2)
    encoder = models.InferenceNetwork_AttentionTranslation_AttentionRotation(
        size, 1, CONTENT, kernels_num=128, kernels_size=28, padding=8, groupconv=8, rot_refinement=True,
        theta_prior=SPREAD, normal_prior_over_r=True,
    )  # fmt: skip
    optimizer = torch.optim.Adam([*generator.parameters(), *encoder.parameters()], lr=2e-4)
    at, cpu = _coordinates(size), torch.device("cpu")

    def step(images: Tensor) -> None:
        given = (at, images, generator, encoder, "attention", "attention+offsets", 0, cpu, SPREAD, 8, size)
        elbo, _, _ = train_mnist.eval_minibatch(*given)
        (-elbo).backward()
        optimizer.step()
        optimizer.zero_grad()

    def code(images: Tensor) -> np.ndarray:
        """Return angle and content where the attention is largest, as `clustering_mnist.py` reads them."""
        attention, _, _, _, _, theta, z = encoder(images, cpu)
        best = attention.flatten(1).argmax(1)
        at_best = [values.flatten(2)[torch.arange(len(images)), :, best] for values in (theta, z)]
        return torch.cat([at_best[0][:, :1], at_best[1][:, :CONTENT]], 1).numpy()

    return Peer(step, code)


PEERS = {"spatial-VAE": spatial_vae, "TARGET-VAE": target_vae}
MARK = "train_mnist.py"


def train_peer(name: str, clone: str, spec: RunSpec, seconds: float) -> dict[str, Any]:
    """Return what a peer finds after so many seconds of one thread: see `_found`."""
    torch.manual_seed(spec.seed)
    with torch_threads(1), contextlib.redirect_stdout(io.StringIO()):
        peer = PEERS[name](clone, spec.image_size)
        images = load_split(spec, "train").images
        seen, start = 0, time.process_time()
        for batch in _batches(images, spec.seed):
            peer.step(batch)
            seen += len(batch)
            if time.process_time() - start > seconds:
                break
        spent = time.process_time() - start
        with torch.no_grad():
            found = _found(
                lambda swept: np.concatenate([peer.code(as_float(b)) for b in swept.split(BATCH)]), spec
            )
    return {"network": name, "images": seen, "core_seconds": spent} | found


def our_pose(spec: RunSpec, store: Path) -> dict[str, Any]:
    """Return the same of our network with a pose, trained to the end of its recipe."""
    run = RunStore(store).get(spec)
    seen, spent = spec.epochs * spec.n_images, sum(run.provenance["core_seconds_per_epoch"])
    title = OBJECTIVES[spec.objective].title

    def code(swept: Tensor) -> np.ndarray:
        mu = encode(run.model, swept).mu.copy()
        mu[:, 0] *= np.radians(spec.angle_sd)
        return mu

    return {"network": title, "images": seen, "core_seconds": spent} | _found(code, spec)


def _batches(images: Tensor, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        for rows in torch.randperm(len(images), generator=generator).split(BATCH):
            yield as_float(images[rows])


def _found(code: Callable[[Tensor], np.ndarray], spec: RunSpec) -> dict[str, float]:
    """Return what the angle (radians, first of a code) holds of turned digits: shares, and errors in degrees.

    Errors are from the angle of the same digit upright, in the direction of turning that fits better.
    """
    sweep = rotation_sweep(spec.image_size, SWEPT, TURNS, spec.rotation_range)
    mu = sweep.layout(code(sweep.images).astype(float))
    pose = np.degrees(mu[:, :, 0])
    moved = pose - pose[:, [list(sweep.angles).index(0.0)]]
    errors = min((_apart(moved, sign * sweep.angles) for sign in (1, -1)), key=np.median)
    shares = two_way(mu).table
    return {
        "ris": float(shares["eta2_angle"].iloc[0]),
        "purity": float(shares["purity"].iloc[0]),
        "content": float(shares["eta2_angle"].iloc[1:].max()),
        "error_median": float(np.median(errors)),
        "error_above_20": float(100 * np.mean(errors > 20)),
    }


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return by how many degrees directions differ, 0 to 180."""
    return np.abs((a - b + 180) % 360 - 180)


@click.command()
@click.option("--spatial-vae", "spatial", type=click.Path(exists=True), help="Path to a clone.")
@click.option("--target-vae", "target", type=click.Path(exists=True), help="Path to a clone.")
@click.option(
    "--minutes", type=float, default=30.0, show_default=True, help="Of one core, for each of theirs."
)
@click.option("--profile", default="published", show_default=True, help="Whose network with a pose is ours.")
@click.option("--store", type=click.Path(path_type=Path), default=Path("runs"), show_default=True)
@click.option("--json", "out", type=click.Path(path_type=Path), default=OUT, show_default=True)
def main(
    spatial: str | None, target: str | None, minutes: float, profile: str, store: Path, out: Path
) -> None:
    """Measure what networks with a pose find, and write it as JSON."""
    scale = load_profile(profile)
    specs = scale.runs(scale.pages["intro"].parameters)
    spec = next(spec for spec in specs if spec.objective == "pose")
    rows = [our_pose(spec, store)]
    for name, clone in (("spatial-VAE", spatial), ("TARGET-VAE", target)):
        if clone is None:
            continue
        if not (Path(clone) / MARK).exists():
            raise InputError(f"{clone} is no clone of {name}: it has no {MARK}.")
        with get_context("spawn").Pool(1) as process:  # both have a module of the same name
            rows.append(process.apply(train_peer, (name, clone, spec, 60 * minutes)))
        click.echo(rows[-1])
    write_json(out, {"spec": spec.id, "images_of": spec.data, "digits": 10 * SWEPT, "rows": rows})


if __name__ == "__main__":
    main()
