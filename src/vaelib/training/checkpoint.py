"""A training under way, and its checkpoints: written after every epoch, verified when one is gone on from."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from tqdm import tqdm

from vaelib.errors import one_line
from vaelib.files import NUMBERS, digest, read_sealed, record, write_atomic, write_sealed
from vaelib.models.build import build_vae
from vaelib.models.vae import VAE
from vaelib.objectives import OBJECTIVES, resolve
from vaelib.spec import RunSpec

KEPT_CHECKPOINTS = 2
DISCRIMINATOR_ADAM = {"lr": 1e-4, "betas": (0.5, 0.9)}
"""How a discriminator learns, whatever the schedule (Kim & Mnih 2018, appendix A)."""
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
OF_EPOCHS = ("rows", "seconds", "core_seconds")
ROW = record(**{name: {"type": "number"} for name in HISTORY})
CHECKPOINT = record(
    sha256={"type": "string"},
    rows={"type": "array", "items": ROW},
    seconds=NUMBERS,
    core_seconds=NUMBERS,
)
"""What the record of a checkpoint holds (JSON schema)."""


@dataclass
class State:
    """A training under way: what a checkpoint holds.

    `discriminator` is the second network of some objectives. A row, the seconds that passed, and those of the
    process on all cores, of each epoch.
    """

    model: VAE
    discriminator: nn.Module | None
    optimizer: torch.optim.Optimizer
    rows: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    core_seconds: list[float] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.rows)

    def networks(self) -> dict[str, nn.Module]:
        """Return what is trained, by the prefix of its tensors' names in a checkpoint."""
        return {"": self.model} | ({"discriminator.": self.discriminator} if self.discriminator else {})


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
    kept = {
        "sha256": digest(content),
        "rows": state.rows,
        "seconds": state.seconds,
        "core_seconds": state.core_seconds,
    }
    write_sealed(stem.with_suffix(".json"), kept)
    newest = {f"epoch-{state.epoch - n:04d}" for n in range(KEPT_CHECKPOINTS)}
    for path in sorted(folder.glob("epoch-*")):  # a record before its weights
        if path.stem not in newest:
            path.unlink()


def last_epoch(folder: Path) -> int:
    """Return the number of epochs that the newest checkpoint in `folder` has behind it."""
    return max(_checkpoints(folder), default=0)


def _checkpoints(folder: Path) -> dict[int, Path]:
    """Return the records of checkpoints by their epoch; whatever else lies there is none."""
    named = ((re.fullmatch(r"epoch-(\d+)", path.stem), path) for path in folder.glob("epoch-*.json"))
    return {int(name[1]): path for name, path in named if name}


def resume(spec: RunSpec, folder: Path, device: torch.device) -> State:
    """Return the state of the newest checkpoint whose checksum holds, or the first one."""
    for epoch, path in sorted(_checkpoints(folder).items(), reverse=True):
        state = init_state(spec, device)
        try:
            kept = read_sealed(path, CHECKPOINT)
            content = path.with_suffix(".safetensors").read_bytes()
            if digest(content) != kept["sha256"]:
                raise ValueError(f"{path.stem}.safetensors differs from its checksum")
            _restore(state, load(content))
            state.rows, state.seconds, state.core_seconds = (kept[name] for name in OF_EPOCHS)
            if not len(state.rows) == len(state.seconds) == len(state.core_seconds) == epoch:
                raise ValueError(f"{path.stem}.json is not of {epoch} epochs")
            return state
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            tqdm.write(f"checkpoint {path} is damaged ({one_line(error)}); trying the one before it")
    return init_state(spec, device)


def _restore(state: State, tensors: dict[str, Tensor]) -> None:
    """Copy a checkpoint into a state; moments take their parameter's memory layout."""
    for prefix, network in state.networks().items():
        network.load_state_dict({name: tensors[f"model.{prefix}{name}"] for name in network.state_dict()})
        for name, parameter in network.named_parameters():
            of_parameter = f"adam.{prefix}{name}"
            state.optimizer.state[parameter] = {
                "step": tensors[f"{of_parameter}.step"].to(parameter.device),
                "exp_avg": torch.empty_like(parameter).copy_(tensors[f"{of_parameter}.exp_avg"]),
                "exp_avg_sq": torch.empty_like(parameter).copy_(tensors[f"{of_parameter}.exp_avg_sq"]),
            }
