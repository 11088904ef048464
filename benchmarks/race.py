"""Race a peer's own loader and training step against ours, window by window.

    python -m benchmarks.race joint-vae PATH_TO_A_CLONE [--json out.json]
    python -m benchmarks.race disentangling-vae PATH_TO_A_CLONE [--json out.json]

Clones: github.com/Schlumberger/joint-vae (the twin of the article's network) and
github.com/YannDubs/disentangling-vae (a lighter one, 502,005 parameters). Their code runs as it is, on the
same images at the same size: MNIST resized to 64 pixels by their loader, batches of 64, on all cores.
"""

import contextlib
import io
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import torch
from torchvision import transforms

from benchmarks.contestants import epochs
from benchmarks.windows import Contestant, interleaved, ratio
from vaelib.data.mnist import load_mnist
from vaelib.errors import InputError
from vaelib.files import write_json
from vaelib.spec import RunSpec

BATCH, SIZE, STEPS = 64, 64, 16
MARKS = {"joint-vae": "jointvae/training.py", "disentangling-vae": "disvae/training.py"}


def joint_vae(clone: str, data: str) -> Callable[[], float]:
    """Train Schlumberger/joint-vae with ten continuous latents; work in images."""
    sys.path.insert(0, clone)
    from jointvae.models import VAE
    from jointvae.training import Trainer
    from utils.dataloaders import get_mnist_dataloaders

    with _resized():
        loader, _ = get_mnist_dataloaders(BATCH, data)
    model = VAE((1, SIZE, SIZE), {"cont": 10})
    trainer = Trainer(model, torch.optim.Adam(model.parameters(), lr=5e-4), cont_capacity=(0, 5, 25_000, 30))
    trainer.batch_size = BATCH
    model.train()
    return _drive(loader, trainer._train_iteration)


def disentangling_vae(clone: str, data: str) -> Callable[[], float]:
    """Train YannDubs/disentangling-vae's Burgess network with its beta-VAE loss; work in images."""
    np.product = np.prod  # it was written for NumPy 1
    sys.path.insert(0, clone)
    from disvae.models.losses import BetaHLoss
    from disvae.models.vae import init_specific_model
    from disvae.training import Trainer
    from utils.datasets import get_dataloaders

    with _resized():
        loader = get_dataloaders("mnist", root=data, batch_size=BATCH, pin_memory=False)
    model = init_specific_model("Burgess", (1, SIZE, SIZE), 10)
    trainer = Trainer(
        model,
        torch.optim.Adam(model.parameters(), lr=5e-4),
        BetaHLoss(beta=4, rec_dist="bernoulli"),
        save_dir=data,
        is_progress_bar=False,
    )
    model.train()
    return _drive(loader, lambda images: trainer._train_iteration(images, None))


PEERS = {"joint-vae": joint_vae, "disentangling-vae": disentangling_vae}


def _drive(loader: torch.utils.data.DataLoader, train: Callable) -> Callable[[], float]:
    def forever() -> Iterator[torch.Tensor]:
        while True:
            yield from (images for images, _ in loader)

    batches = forever()

    def work() -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            for _ in range(STEPS):
                train(next(batches))
        return STEPS * BATCH

    return work


@contextlib.contextmanager
def _resized() -> Iterator[None]:
    """Let a loader that resizes to 32 pixels resize to ours."""
    resize = transforms.Resize
    transforms.Resize = lambda size: resize(SIZE)
    try:
        yield
    finally:
        transforms.Resize = resize


def _as_torchvision_keeps_it(folder: Path) -> None:
    """Write MNIST's four files where `torchvision.datasets.MNIST(folder)` finds them."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, stem in (("train", "train"), ("test", "t10k")):
        digits = load_mnist(split)
        for name, array in (("images-idx3-ubyte", digits.images), ("labels-idx1-ubyte", digits.labels)):
            head = np.array([0x0800 + array.ndim, *array.shape], dtype=">i4")
            (raw / f"{stem}-{name}").write_bytes(head.tobytes() + array.astype(np.uint8).tobytes())


def race(peer: str, clone: Path, windows: int, seconds: float) -> dict:
    """Return images a second of both, and how many times faster ours is.

    Raises `InputError` when the path is not that of a clone.
    """
    if not (clone / MARKS[peer]).is_file():
        raise InputError(f"clone {clone} has no {MARKS[peer]}; name the folder of a clone of {peer}.")
    threads = os.cpu_count() or 1
    spec = RunSpec(n_train=1200, images="upright")
    with tempfile.TemporaryDirectory() as data:
        _as_torchvision_keeps_it(Path(data))
        rates = interleaved(
            {
                peer: Contestant(PEERS[peer], (str(clone.resolve()), data), threads),
                "vaelib": Contestant(epochs, (spec, False), threads, keep_blocks=True),
            },
            windows,
            seconds,
        )
    return {
        "peer": peer,
        "threads": threads,
        "images_per_second": {name: statistics.median(r) for name, r in rates.items()},
        "ratio": ratio(rates["vaelib"], rates[peer]),
    }


@click.command(help=__doc__.split("\n")[0])
@click.argument("peer", type=click.Choice(sorted(PEERS)))
@click.argument("clone", type=click.Path(path_type=Path))
@click.option("--windows", default=7, show_default=True, help="turns of each")
@click.option("--seconds", default=4.0, show_default=True, help="length of a turn")
@click.option("--json", "out", type=click.Path(path_type=Path), help="also write the result here")
def main(peer: str, clone: Path, windows: int, seconds: float, out: Path | None) -> None:
    try:
        result = race(peer, clone, windows, seconds)
    except InputError as error:
        raise click.ClickException(str(error)) from error
    rates, times = result["images_per_second"], result["ratio"]
    click.echo(
        f"{peer} {rates[peer]:.0f}, vaelib {rates['vaelib']:.0f} images/s on {result['threads']} threads: "
        f"{times['value']:.2f} times ({times['low']:.2f} to {times['high']:.2f})"
    )
    if out:
        write_json(out, result)


if __name__ == "__main__":
    main()
