"""The training loop: one pass an epoch, measured, checkpointed, and the same bytes after any interruption.

All randomness of an epoch comes from (seed, epoch), so a resumed run needs the weights and the
optimiser's moments of its last epoch and nothing else.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from vaelib.data.dataset import Dataset, as_float, evenly, with_fresh_angles
from vaelib.errors import DivergedError
from vaelib.models.inference import bound_terms
from vaelib.models.losses import ElboTerms
from vaelib.objectives import OBJECTIVES, resolve
from vaelib.spec import RunSpec
from vaelib.training.checkpoint import HISTORY, State, resume, save_checkpoint

MEASURED = 2_000
"""Images of the fixed training and validation subsets on which both curves are measured each epoch."""
EXPLODED = 1e6
"""Nats a pixel, of reconstruction or KL, at which a training has failed although its numbers are finite.

An untrained network spends ln 2 and a byte holds 5.5. In trials over learning rates and betas, steps of up to
144 were recovered from; trainings that were lost had passed 1e20.
"""


def fit(
    spec: RunSpec, train: Dataset, val: Dataset, folder: Path, device: torch.device, progress: bool
) -> State:
    """Train the network of `spec` to its last epoch, going on from the newest sound checkpoint in `folder`.

    Raises `DivergedError` when a loss is not finite or passes `EXPLODED`, in training or when measured
    after an epoch; the checkpoints written before stay, and a new start says the same again.
    """
    state = resume(spec, folder, device)
    subsets = {"train_eval": _measured_subset(train), "val": _measured_subset(val)}
    while state.epoch < spec.epochs:
        started, on_cores = time.perf_counter(), time.process_time()
        epoch = state.epoch + 1
        shown = train if spec.angles == "fixed" else with_fresh_angles(train, spec, epoch)
        row = _run_epoch(state, spec, shown.images, device, progress)
        measured = {}
        for name, images in subsets.items():
            terms = bound_terms(state.model, images, spec.likelihood)
            measured[f"{name}_recon"] = terms.recon.mean().item()
            measured[f"{name}_kl"] = terms.kl.sum(1).mean().item()
            per_dim = terms.kl.mean(0).tolist()
        check_measured(measured, spec, epoch, kept=state.epoch)
        state.rows.append(row | measured | {f"val_kl_{j}": kl for j, kl in enumerate(per_dim, start=1)})
        state.seconds.append(time.perf_counter() - started)
        state.core_seconds.append(time.process_time() - on_cores)
        save_checkpoint(state, folder)
    return state


def history_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows of a history with the columns in their order, which a checkpoint does not keep."""
    table = pd.DataFrame(rows)
    return table[[*HISTORY, *(f"val_kl_{j}" for j in range(1, len(table.columns) - len(HISTORY) + 1))]]


def _measured_subset(dataset: Dataset) -> Tensor:
    """Return images spread evenly over the dataset, so that upright and rotated ones are both measured."""
    return dataset.images[evenly(len(dataset), MEASURED)]


def _run_epoch(
    state: State, spec: RunSpec, images: Tensor, device: torch.device, progress: bool
) -> dict[str, Any]:
    """Take one pass over the training images and return the epoch's row of the history."""
    epoch = state.epoch + 1
    order, noise = _epoch_draws(
        spec, epoch, len(images), OBJECTIVES[spec.objective].draws(state.model.noise_dim)
    )
    batches = spec.n_batches
    found = torch.zeros(batches, 3, device=device)  # loss; reconstruction and KL, nats summed over images
    state.model.train()
    bar = tqdm(
        zip(order.tensor_split(batches), noise.tensor_split(batches), strict=True),
        desc=f"{spec.id} epoch {epoch}/{spec.epochs}",
        total=batches,
        unit="step",
        mininterval=1.0,
        leave=False,
        disable=not progress,
    )
    for step, (chosen, eps) in enumerate(bar):
        passed = epoch - 1 + step / batches
        lr, beta = lr_and_beta(spec, passed)
        x = as_float(images[chosen].to(device)).contiguous(memory_format=torch.channels_last)
        terms, loss = train_step(state, spec, x, eps.to(device), lr, beta, passed / spec.epochs)
        found[step] = torch.stack([loss, terms.recon.sum(), terms.kl.sum()])
    sizes = torch.tensor([len(part) for part in order.tensor_split(batches)])
    sums = found.cpu().double()  # not on the device: Apple's have no double precision
    _check_steps(torch.cat([sums[:, :1], sums[:, 1:] / sizes[:, None]], 1), spec, epoch)
    recon, kl = (sums[:, 1:].cumsum(0)[-1] / len(images)).tolist()
    return {"epoch": epoch, "lr": lr, "beta": beta, "train_recon": recon, "train_kl": kl}


def train_step(
    state: State, spec: RunSpec, x: Tensor, eps: Tensor, lr: float, beta: float, progress: float
) -> tuple[ElboTerms, Tensor]:
    """Move the weights once, down the gradient at images x (B, 1, S, S) with noise eps (B, noise columns).

    `progress`, from 0 to 1, is the share of the training that is done. Returns the terms and the loss before
    the step. Nothing waits for the device.
    """
    given = (state.model, x, eps, beta, spec, progress)
    discriminators = (state.discriminator,) if state.discriminator else ()
    terms, loss = resolve(OBJECTIVES[spec.objective].loss)(*given, *discriminators)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    state.optimizer.param_groups[0]["lr"] = lr
    state.optimizer.step()
    return ElboTerms(terms.recon.detach(), terms.kl.detach()), loss.detach()


def _epoch_draws(spec: RunSpec, epoch: int, n: int, columns: int) -> tuple[Tensor, Tensor]:
    """Return the order of the images (n,) and their noise (n, columns), from (seed, epoch) alone."""
    seed = int(np.random.SeedSequence([spec.seed, epoch]).generate_state(1)[0])
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(n, generator=generator), torch.randn(n, columns, generator=generator)


def lr_and_beta(spec: RunSpec, passed: float) -> tuple[float, float]:
    """Return the learning rate and β when so many epochs have passed.

    Cosine: lr · ½(1 + cos π · passed / epochs). Warm-up: β rises linearly from 0.
    """
    falling = 0.5 * (1 + math.cos(math.pi * (passed / spec.epochs)))
    lr = spec.lr if spec.schedule == "constant" else spec.lr * falling
    warm = passed >= spec.beta_warmup_epochs
    return lr, spec.beta if warm else spec.beta * passed / spec.beta_warmup_epochs


def _check_steps(found: Tensor, spec: RunSpec, epoch: int) -> None:
    """Raise `DivergedError` for the first step (a row) whose loss, reconstruction or KL says so."""
    lost = ~found.isfinite()
    lost[:, 1:] |= found[:, 1:].abs() > EXPLODED * spec.n_pixels
    bad = lost.nonzero().tolist()
    if bad:
        step, column = bad[0]
        what = ("loss", "reconstruction of an image in nats", "KL of an image in nats")[column]
        value = found[step, column].item()
        raise _diverged(f"the {what} is {value:.4g} at epoch {epoch}, step {step + 1}", spec, epoch - 1)


def check_measured(numbers: Mapping[str, float], spec: RunSpec, epoch: int, kept: int) -> None:
    """Raise `DivergedError` when one of the numbers measured after `epoch`, by name, is no result.

    `kept` is the epoch of the newest checkpoint, 0 when there is none.
    """
    for name, value in numbers.items():
        if not abs(value) <= EXPLODED * spec.n_pixels:  # true of NaN, too
            raise _diverged(f"{name} is {value:.4g} after the last step of epoch {epoch}", spec, kept)


def _diverged(what: str, spec: RunSpec, kept: int) -> DivergedError:
    checkpoint = f"The checkpoint of epoch {kept} is kept" if kept else "No epoch was finished"
    return DivergedError(
        f"run {spec.id} diverged: {what} (spec: {spec.to_json()}). {checkpoint}; try a smaller lr."
    )
