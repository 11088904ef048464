"""Variational autoencoders, built from an architecture's literal."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from vaelib.architectures import ARCHITECTURES, encoder_layout
from vaelib.models.layers import ConvToPoint, ConvTransposeFromPoint, ConvTransposeToImage
from vaelib.models.vae import VAE
from vaelib.objectives import OBJECTIVES, resolve
from vaelib.spec import RunSpec

ACTIVATION: dict[str | None, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
}
GAIN: dict[str | None, float] = {
    "identity": 1.0,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.2**2)),
}
"""What an activation needs to be given back so that a signal keeps its variance (He et al. 2015)."""
BATCH_NORM = nn.BatchNorm1d | nn.BatchNorm2d


def build_vae(spec: RunSpec) -> VAE:
    """Return the network of `spec` with the first weights, which its seed draws; torch's random state stays.

    The encoder is read off the literal; the decoder is its mirror image: every convolution becomes the
    transposed one, in reverse order. A bias directly before batch norm would be redundant and is left out.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        return _draw(spec)


def _draw(spec: RunSpec) -> VAE:
    last, side = encoder_layout(spec.arch, spec.image_size, spec.depth)[-1]
    flat = last.channels * side**2
    dense = ARCHITECTURES[spec.arch].dense
    network = resolve(OBJECTIVES[spec.objective].network)
    given, taken = network.widths(spec.latent_dim)
    encoder = nn.Sequential(*_convolutions(spec), nn.Flatten(), *_head(flat, dense, given, spec))
    decoder = nn.Sequential(
        *_dense(taken, dense, flat, spec),
        nn.Unflatten(1, (last.channels, side, side)),
        *_between(last.channels, spec),
        *_transposed_convolutions(spec),
    )
    model = network.of(encoder, decoder, spec)
    if spec.init == "he":
        heads = [layer for layer in model.encoder.children() if isinstance(layer, nn.Linear)]
        outputs = (heads[-1], list(model.decoder.children())[-1])
        for layer in model.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                _keep_variance(layer, GAIN["identity" if layer in outputs else spec.activation])
    return model


def _keep_variance(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, gain: float) -> None:
    """Draw weights of variance gain² / inputs of an output, and biases of zero (He et al. 2015, eq. 10).

    Torch's own have a third of that without an activation and a sixth before a ReLU, so that a signal is
    lost in a dozen layers and the first epochs pass on a plateau. An output of a transposed convolution
    sees kernel² / stride² taps of every channel.
    """
    inputs: float = layer.weight[0].numel()
    if isinstance(layer, nn.ConvTranspose2d):
        inputs = layer.in_channels * math.prod(layer.kernel_size) / math.prod(layer.stride)
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _between(channels: int, spec: RunSpec) -> list[nn.Module]:
    norm = [nn.BatchNorm2d(channels)] if spec.norm == "batch" else []
    return [*norm, ACTIVATION[spec.activation]()]


def _convolutions(spec: RunSpec) -> list[nn.Module]:
    layers, channels = [], 1
    for conv, side in encoder_layout(spec.arch, spec.image_size, spec.depth):
        layer = ConvToPoint if side == 1 else nn.Conv2d
        layers += [
            layer(channels, conv.channels, conv.kernel, conv.stride, padding=1, bias=spec.norm == "none"),
            *_between(conv.channels, spec),
        ]
        channels = conv.channels
    return layers


def _transposed_convolutions(spec: RunSpec) -> list[nn.Module]:
    layout = encoder_layout(spec.arch, spec.image_size, spec.depth)
    layers = []
    for (conv, side), (before, _) in zip(reversed(layout[1:]), reversed(layout[:-1]), strict=True):
        layer = ConvTransposeFromPoint if side == 1 else nn.ConvTranspose2d
        layers += [
            layer(
                conv.channels, before.channels, conv.kernel, conv.stride, padding=1, bias=spec.norm == "none"
            ),
            *_between(before.channels, spec),
        ]
    first, _ = layout[0]
    return [*layers, ConvTransposeToImage(first.channels, 1, first.kernel, first.stride, padding=1)]


def _head(inputs: int, hidden: int | None, outputs: int, spec: RunSpec) -> list[nn.Module]:
    """Return the layers that give mu and logvar; batch norm there sets the scale of each output."""
    if spec.head_norm == "none":
        return _dense(inputs, hidden, outputs, spec)
    return [*_dense(inputs, hidden, outputs, spec, bias=False), nn.BatchNorm1d(outputs)]


def _dense(
    inputs: int, hidden: int | None, outputs: int, spec: RunSpec, bias: bool = True
) -> list[nn.Module]:
    """Return one or two dense layers; `bias` is that of the last."""
    if hidden is None:
        return [nn.Linear(inputs, outputs, bias)]
    return [nn.Linear(inputs, hidden), ACTIVATION[spec.activation](), nn.Linear(hidden, outputs, bias)]


def layer_table(spec: RunSpec) -> pd.DataFrame:
    """Return one row per layer that has weights: part, layer, output shape, parameters, multiply-adds.

    Multiply-adds are of one image forward: weights used per output position times positions
    (per input position for a transposed convolution); batch norm folds into its neighbour and counts none.
    """
    model = build_vae(spec).eval()
    _, taken = model.widths(spec.latent_dim)
    rows = []

    def record(part: str, layer: Any, inputs: Tensor, output: Tensor) -> None:
        positions = inputs if isinstance(layer, nn.ConvTranspose2d) else output
        per_position = 0 if isinstance(layer, BATCH_NORM) else layer.weight.numel()
        rows.append(
            {
                "part": part,
                "layer": _describe(layer),
                "output": "×".join(map(str, [*output.shape[2:], output.shape[1]])),
                "parameters": sum(p.numel() for p in layer.parameters()),
                "multiply_adds": per_position * math.prod(positions.shape[2:]),
            }
        )

    with torch.no_grad():
        for part, module, x in (
            ("encoder", model.encoder, torch.zeros(1, 1, spec.image_size, spec.image_size)),
            ("decoder", model.decoder, torch.zeros(1, taken)),
        ):
            for layer in module.children():
                y = layer(x)
                if any(True for _ in layer.parameters()):
                    record(part, layer, x, y)
                x = y
    return pd.DataFrame(rows)


def _describe(layer: Any) -> str:
    if isinstance(layer, nn.Linear):
        return "dense"
    if isinstance(layer, BATCH_NORM):
        return "batch norm"
    kind = "transposed conv" if isinstance(layer, nn.ConvTranspose2d) else "conv"
    size = f"{layer.kernel_size[0]}×{layer.kernel_size[1]}"
    return f"{kind} {size}, stride {layer.stride[0]}"
