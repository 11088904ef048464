"""A network as a list of convolutions: what a browser, or anyone without torch, needs to run it.

Channels come last. A dense layer on a map is a convolution with a kernel of its size, a transposed one a
convolution a phase of its stride, and batch norm with running statistics a factor and an offset of the layer
before it.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor, nn

from vaelib.errors import InputError

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Convolution:
    """Part of a layer: pixel (y, x) of `rows` goes to y · step + offset, from y · stride − padding + tap.

    kernel (tall, wide, C, C'). What lies beyond the image is 0.
    """

    kernel: np.ndarray
    rows: tuple[int, int]
    stride: int
    padding: tuple[int, int]
    step: int = 1
    offset: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class Layer:
    """Images of `input` (H, W, C) to `shape`: convolutions, a bias, and x ↦ max(x, slope · x)."""

    input: Shape
    shape: Shape
    convolutions: tuple[Convolution, ...]
    bias: np.ndarray
    slope: float = 1.0

    def scaled(self, factor: np.ndarray, offset: np.ndarray) -> "Layer":
        """Return the layer with each channel of its output times a factor plus an offset, (C,)."""
        times = len(self.bias) // len(factor)
        factor, offset = np.tile(factor, times), np.tile(offset, times)
        parts = tuple(replace(part, kernel=part.kernel * factor) for part in self.convolutions)
        return replace(self, convolutions=parts, bias=self.bias * factor + offset)

    def outputs(self, order: np.ndarray, shape: Shape) -> "Layer":
        """Return the layer with these channels of its output, in this order, as maps of a shape."""
        parts = tuple(replace(part, kernel=part.kernel[..., order]) for part in self.convolutions)
        return replace(self, convolutions=parts, bias=self.bias[order], shape=shape)


def dense(kernel: np.ndarray, bias: np.ndarray, input: Shape | None = None) -> Layer:
    """Return x ↦ x K + b of maps flattened with channels last: K (inputs, outputs), b (outputs,).

    `input` is the shape of the maps, by default (1, 1, inputs).
    """
    input = input or (1, 1, len(kernel))
    part = Convolution(kernel.reshape(*input, -1), (1, 1), 1, (0, 0))
    return Layer(input, (1, 1, len(bias)), (part,), bias)


def convolution_layers(network: nn.Sequential, input: Shape) -> list[Layer]:
    """Return what an encoder or decoder in eval mode computes of maps of a shape, as a list of layers.

    Raises `InputError` on a module for which there is no rule.
    """
    layers: list[Layer] = []
    shape = input
    for module in network.children():
        match module:
            case nn.Flatten():
                pass
            case nn.Identity():
                pass
            case nn.ReLU() | nn.LeakyReLU():
                layers[-1] = replace(layers[-1], slope=float(getattr(module, "negative_slope", 0.0)))
            case nn.BatchNorm1d() | nn.BatchNorm2d():
                layers[-1] = layers[-1].scaled(*_affine(module))
            case nn.Unflatten():
                channels, height, width = module.unflattened_size
                order = np.arange(channels * height * width).reshape(channels, height, width)
                layers[-1] = layers[-1].outputs(order.transpose(1, 2, 0).ravel(), (height, width, channels))
            case nn.Linear():
                height, width, channels = shape
                kernel = _array(module.weight).reshape(-1, channels, height, width).transpose(2, 3, 1, 0)
                layers.append(dense(kernel.reshape(-1, kernel.shape[-1]), _bias(module), shape))
            case nn.ConvTranspose2d():
                layers.append(_transposed(module, shape))
            case nn.Conv2d():
                layers.append(_convolution(module, shape))
            case _:
                raise InputError(f"layer {type(module).__name__} cannot be exported: it has no rule here.")
        shape = layers[-1].shape if layers else input
    return layers


def _convolution(module: nn.Conv2d, input: Shape) -> Layer:
    tall, wide = module.kernel_size
    stride, padding = module.stride[0], (int(module.padding[0]), int(module.padding[1]))
    height = (input[0] + 2 * padding[0] - tall) // stride + 1
    width = (input[1] + 2 * padding[1] - wide) // stride + 1
    part = Convolution(_array(module.weight).transpose(2, 3, 1, 0), (height, width), stride, padding)
    return Layer(input, (height, width, module.out_channels), (_met(part, input),), _bias(module))


def _transposed(module: nn.ConvTranspose2d, input: Shape) -> Layer:
    """Return a transposed convolution as one a phase: no zeros are put between pixels, none multiplied."""
    kernel, stride = _array(module.weight).transpose(2, 3, 0, 1), module.stride[0]
    pads = (int(module.padding[0]), int(module.padding[1]))
    if any(kernel.shape[axis] - 2 * pads[axis] != stride for axis in (0, 1)):
        raise InputError(f"{module} cannot be exported; accepted: sides that grow by the stride.")
    parts = []
    for phase in itertools.product(range(stride), repeat=2):
        taps, padding = [], []
        for axis, (first, pad) in enumerate(zip(phase, pads, strict=True)):
            met = np.arange((first + pad) % stride, kernel.shape[axis], stride)[::-1]
            taps.append(met)
            padding.append(int(met[0] - first - pad) // stride)
        part = Convolution(
            kernel[np.ix_(*taps)], input[:2], 1, (padding[0], padding[1]), stride, (phase[0], phase[1])
        )
        parts.append(_met(part, input))
    shape = (stride * input[0], stride * input[1], module.out_channels)
    return Layer(input, shape, tuple(parts), _bias(module))


def _met(part: Convolution, input: Shape) -> Convolution:
    """Return the part without the outer taps that only ever see the zeros beyond the image."""
    kernel, padding = part.kernel, list(part.padding)
    for axis in (0, 1):
        starts = np.arange(part.rows[axis]) * part.stride - padding[axis]
        seen = starts[:, None] + np.arange(kernel.shape[axis])
        met = np.flatnonzero(((seen >= 0) & (seen < input[axis])).any(0))
        kernel = kernel.take(np.arange(met[0], met[-1] + 1), axis)
        padding[axis] -= int(met[0])
    return replace(part, kernel=kernel, padding=(padding[0], padding[1]))


def _affine(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    state = {name: _array(value) for name, value in norm.state_dict().items()}
    factor = state["weight"] / np.sqrt(state["running_var"] + norm.eps)
    return factor, state["bias"] - state["running_mean"] * factor


def _bias(module: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> np.ndarray:
    outputs = module.out_features if isinstance(module, nn.Linear) else module.out_channels
    return np.zeros(outputs) if module.bias is None else _array(module.bias)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()
