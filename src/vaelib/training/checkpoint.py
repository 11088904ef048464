"""A training under way, and its checkpoints: written after every epoch, verified when one is gone on from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from tqdm import tqdm

from vaelib.files import digest, read_sealed, write_atomic, write_sealed
from vaelib.models.build import build_vae
from vaelib.models.vae import VAE
from vaelib.objectives import OBJECTIVES, resolve
from vaelib.spec import RunSpec

KEPT_CHECKPOINTS = 2
DISCRIMINATOR_ADAM = {"lr": 1e-4, "betas": (0.5, 0.9)}
"""How a discriminator learns, whatever the schedule (Kim & Mnih 2018, appendix A)."""


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
    """Return the state of the newest checkpoint whose checksum holds, or the first one."""
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
