"""What is timed: each function prepares, and returns a piece of work that says how large it was."""

from collections.abc import Callable

import torch
from torch import nn

from vaelib.data.dataset import Dataset, as_float, load_split
from vaelib.models.build import layer_table
from vaelib.models.inference import evaluate
from vaelib.models.layers import ConvToPoint, ConvTransposeFromPoint, ConvTransposeToImage
from vaelib.spec import RunSpec
from vaelib.training.checkpoint import State, init_state
from vaelib.training.loop import _epoch_draws, _run_epoch, train_step

MATRIX = 2048
CPU = torch.device("cpu")


def matrix_product() -> Callable[[], float]:
    """Multiply two float32 matrices of 2048²; work in floating-point operations."""
    a, b = torch.randn(2, MATRIX, MATRIX)
    return lambda: float((a @ b).numel()) * 2 * MATRIX


def steps(spec: RunSpec, plain: bool) -> Callable[[], float]:
    """Take a training step on one batch that is ready; work in images. `plain`: without faster layers."""
    state, dataset = _ready(spec, plain)
    _, noise = _epoch_draws(spec, 1, spec.batch_size, state.model.noise_dim)
    x = as_float(dataset.images[: spec.batch_size]).contiguous(memory_format=torch.channels_last)

    def step() -> float:
        train_step(state, spec, x, noise, spec.lr, spec.beta, progress=0.0)
        return len(x)

    return step


def epochs(spec: RunSpec, plain: bool) -> Callable[[], float]:
    """Train end to end, drawing, gathering and scaling images included; work in images."""
    state, dataset = _ready(spec, plain)

    def epoch() -> float:
        _run_epoch(state, spec, dataset.images, CPU, progress=False)
        return len(dataset)

    return epoch


def evaluation(spec: RunSpec) -> Callable[[], float]:
    """Evaluate a network on its test images; work in images."""
    state, test = init_state(spec, CPU), load_split(spec, "test")

    def once() -> float:
        evaluate(state.model, spec, test)
        return len(test)

    return once


def _ready(spec: RunSpec, plain: bool) -> tuple[State, Dataset]:
    state = init_state(spec, CPU)
    if plain:
        without_faster_layers(state.model)
    state.model.train()
    return state, load_split(spec, "train")


def without_faster_layers(model: nn.Module) -> None:
    """Take every faster layer of a network back to the library's own that it derives from."""
    for layer in model.modules():
        if isinstance(layer, ConvToPoint | ConvTransposeFromPoint | ConvTransposeToImage):
            layer.__class__ = type(layer).__bases__[0]


def operations(spec: RunSpec) -> float:
    """Return the floating-point operations of one training image.

    2 a multiply-add forward and 4 backward, but 2 in the first layer, whose input needs no gradient; of
    batch norm, activations and the loss nothing is counted.
    """
    table = layer_table(spec)
    return float(6 * table["multiply_adds"].sum() - 2 * table["multiply_adds"].iloc[0])
