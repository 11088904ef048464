"""The training loop: one pass an epoch, measured, checkpointed, and the same bytes after any interruption.

All randomness of an epoch comes from (seed, epoch), so a resumed run needs the weights and the
optimiser's moments of its last epoch and nothing else.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from tqdm import tqdm

from vaelib.data.dataset import Dataset, as_float, evenly, with_fresh_angles
from vaelib.errors import DivergedError
from vaelib.files import digest, read_sealed, write_atomic, write_sealed
from vaelib.models.build import build_vae
from vaelib.models.inference import bound_terms
from vaelib.models.losses import ElboTerms
from vaelib.models.vae import VAE
from vaelib.objectives import OBJECTIVES, resolve
from vaelib.spec import RunSpec

MEASURED = 2_000
"""Images of the fixed training and validation subsets on which both curves are measured each epoch."""
KEPT_CHECKPOINTS = 2
DISCRIMINATOR_ADAM = {"lr": 1e-4, "betas": (0.5, 0.9)}
"""How a discriminator learns, whatever the schedule (Kim & Mnih 2018, appendix A)."""
EXPLODED = 1e6
"""Nats a pixel, of reconstruction or KL, at which a training has failed although its numbers are finite.

A fresh network spends ln 2 and a byte holds 5.5. In trials over learning rates and betas, steps of up to 144
were recovered from; trainings that were lost had passed 1e20.
"""
HISTORY = (
    "epoch",
    "lr",
    "beta",
    "train_recon",
    "train_kl",
    "train_eval_recon",
    "train_eval_kl",
    "val_recon",
    "val_kl",
)
"""Columns of a history before `val_kl_1` to `val_kl_M`; reconstruction and KL in nats an image."""


@dataclass
class State:
    """A training under way: what a checkpoint holds.

    `discriminator` is the second network of some objectives. A row, the seconds that passed, and those of the
    process on all cores, of each epoch.
    """

    model: VAE
    discriminator: nn.Module | None
    optimizer: torch.optim.Optimizer
    rows: list[dict] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    core_seconds: list[float] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.rows)

    def networks(self) -> dict[str, nn.Module]:
        """Return what is trained, by the prefix of its tensors' names in a checkpoint."""
        return {"": self.model} | ({"discriminator.": self.discriminator} if self.discriminator else {})


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
        seen = train if spec.angles == "fixed" else with_fresh_angles(train, spec, epoch)
        row = _run_epoch(state, spec, seen.images, device, progress)
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


def history_table(rows: list[dict]) -> pd.DataFrame:
    """Return the rows of a history with the columns in their order, which a checkpoint does not keep."""
    table = pd.DataFrame(rows)
    return table[[*HISTORY, *(f"val_kl_{j}" for j in range(1, len(table.columns) - len(HISTORY) + 1))]]


def _measured_subset(dataset: Dataset) -> Tensor:
    """Return images spread evenly over the dataset, so that upright and rotated ones are both measured."""
    return dataset.images[evenly(len(dataset), MEASURED)]


def _run_epoch(state: State, spec: RunSpec, images: Tensor, device: torch.device, progress: bool) -> dict:
    """Take one pass over the training images and return the epoch's row of the history."""
    epoch = state.epoch + 1
    order, noise = _epoch_draws(
        spec, epoch, len(images), OBJECTIVES[spec.objective].draws(state.model.noise_dim)
    )
    batches = spec.n_batches
    seen = torch.zeros(batches, 3, device=device)  # loss; reconstruction and KL, nats summed over images
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
        lr, beta = _lr_at(spec, epoch, step, batches), _beta_at(spec, epoch, step, batches)
        done = _share_done(spec, epoch, step, batches)
        x = as_float(images[chosen].to(device)).contiguous(memory_format=torch.channels_last)
        terms, loss = train_step(state, spec, x, eps.to(device), lr, beta, done)
        seen[step] = torch.stack([loss, terms.recon.sum(), terms.kl.sum()])
    sizes = torch.tensor([len(part) for part in order.tensor_split(batches)])
    sums = seen.cpu().double()  # not on the device: Apple's have no double precision
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


def _share_done(spec: RunSpec, epoch: int, step: int, steps: int) -> float:
    return (epoch - 1 + step / steps) / spec.epochs


def _lr_at(spec: RunSpec, epoch: int, step: int, steps: int) -> float:
    if spec.schedule == "constant":
        return spec.lr
    return spec.lr * 0.5 * (1 + math.cos(math.pi * _share_done(spec, epoch, step, steps)))


def _beta_at(spec: RunSpec, epoch: int, step: int, steps: int) -> float:
    if epoch > spec.beta_warmup_epochs:
        return spec.beta
    return spec.beta * (epoch - 1 + step / steps) / spec.beta_warmup_epochs


def _check_steps(seen: Tensor, spec: RunSpec, epoch: int) -> None:
    """Raise `DivergedError` for the first step (a row) whose loss, reconstruction or KL says so."""
    lost = ~seen.isfinite()
    lost[:, 1:] |= seen[:, 1:].abs() > EXPLODED * spec.n_pixels
    bad = lost.nonzero().tolist()
    if bad:
        step, column = bad[0]
        what = ("loss", "reconstruction of an image in nats", "KL of an image in nats")[column]
        value = seen[step, column].item()
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


def init_state(spec: RunSpec, device: torch.device) -> State:
    """Return the state before the first epoch: weights drawn by the spec's seed, Adam without moments."""
    discriminator = None
    if place := OBJECTIVES[spec.objective].discriminator:
        discriminator = resolve(place)(spec)
    model = build_vae(spec).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    groups: list[dict[str, Any]] = [{"params": list(model.parameters())}]
    if discriminator:
        groups.append({"params": list(discriminator.to(device).parameters())} | DISCRIMINATOR_ADAM)
    return State(model, discriminator, torch.optim.Adam(groups, lr=spec.lr, fused=True))


def save_checkpoint(state: State, folder: Path) -> None:
    """Write weights and moments, then the record that makes them count; other checkpoints go last.

    The last two epochs stay. One of a later epoch was damaged, or training would have gone on from there.
    """
    tensors: dict[str, Tensor] = {}
    for prefix, network in state.networks().items():
        tensors |= {f"model.{prefix}{name}": t for name, t in network.state_dict().items()}
        for name, parameter in network.named_parameters():
            moments = state.optimizer.state[parameter]
            tensors |= {f"adam.{prefix}{name}.{key}": t for key, t in moments.items()}
    stem = folder / f"epoch-{state.epoch:04d}"
    content = save({k: t.cpu().contiguous() for k, t in tensors.items()})
    write_atomic(stem.with_suffix(".safetensors"), content)
    record = {
        "sha256": digest(content),
        "rows": state.rows,
        "seconds": state.seconds,
        "core_seconds": state.core_seconds,
    }
    write_sealed(stem.with_suffix(".json"), record)
    kept = {f"epoch-{state.epoch - n:04d}" for n in range(KEPT_CHECKPOINTS)}
    for path in sorted(folder.glob("epoch-*")):  # a record before its weights
        if path.stem not in kept:
            path.unlink()


def last_epoch(folder: Path) -> int:
    """Return the number of epochs that the newest checkpoint in `folder` has behind it."""
    return max(map(_epochs_of, folder.glob("epoch-*.json")), default=0)


def _epochs_of(checkpoint: Path) -> int:
    return int(checkpoint.stem.removeprefix("epoch-"))


def resume(spec: RunSpec, folder: Path, device: torch.device) -> State:
    """Return the state of the newest checkpoint whose checksum holds, or a fresh one."""
    state = init_state(spec, device)
    for path in sorted(folder.glob("epoch-*.json"), key=_epochs_of, reverse=True):
        try:
            record = read_sealed(path)
            content = path.with_suffix(".safetensors").read_bytes()
            if digest(content) != record["sha256"]:
                raise ValueError(f"{path.stem}.safetensors differs from its checksum")
        except (OSError, ValueError) as error:
            tqdm.write(f"checkpoint {path} is damaged ({error}); trying the one before it")
            continue
        _restore(state, load(content))
        state.rows, state.seconds, state.core_seconds = (
            record[name] for name in ("rows", "seconds", "core_seconds")
        )
        break
    return state


def _restore(state: State, tensors: dict[str, Tensor]) -> None:
    """Copy a checkpoint into a fresh state; moments take their parameter's memory layout."""
    for prefix, network in state.networks().items():
        network.load_state_dict({name: tensors[f"model.{prefix}{name}"] for name in network.state_dict()})
        for name, parameter in network.named_parameters():
            of_parameter = f"adam.{prefix}{name}"
            state.optimizer.state[parameter] = {
                "step": tensors[f"{of_parameter}.step"].to(parameter.device),
                "exp_avg": torch.empty_like(parameter).copy_(tensors[f"{of_parameter}.exp_avg"]),
                "exp_avg_sq": torch.empty_like(parameter).copy_(tensors[f"{of_parameter}.exp_avg_sq"]),
            }
