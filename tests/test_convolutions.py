"""A network as a list of convolutions computes what the network computes."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.tiny import tiny
from vaelib.errors import InputError
from vaelib.models.build import build_vae
from vaelib.models.convolutions import Layer, convolution_layers


def computed(layers: list[Layer], x: np.ndarray) -> np.ndarray:
    """Return what the layers make of a map (H, W, C), pixel by pixel and tap by tap."""
    for layer in layers:
        rows, step = layer.convolutions[0].rows, layer.convolutions[0].step
        out = np.zeros((rows[0] * step, rows[1] * step, len(layer.bias)))
        for part in layer.convolutions:
            for y, x_ in itertools.product(*map(range, part.rows)):
                value = layer.bias.copy()
                for k, m in itertools.product(*map(range, part.kernel.shape[:2])):
                    row, column = (
                        y * part.stride - part.padding[0] + k,
                        x_ * part.stride - part.padding[1] + m,
                    )
                    if 0 <= row < layer.input[0] and 0 <= column < layer.input[1]:
                        value += x[row, column] @ part.kernel[k, m]
                out[y * step + part.offset[0], x_ * step + part.offset[1]] = value
        x = np.maximum(out, layer.slope * out).reshape(layer.shape)
    return x


def unsettled(model: nn.Module) -> nn.Module:
    """Return the network in double precision whose batch norm is not that of a fresh one."""
    generator = torch.Generator().manual_seed(0)
    for name, value in model.state_dict().items():
        if value.dtype.is_floating_point:
            value += 0.3 * torch.rand(value.shape, generator=generator) * (1 if "running" in name else 0.2)
    return model.double().eval()


@pytest.mark.parametrize("arch", ["article", "ours"])
@pytest.mark.parametrize("activation", ["identity", "relu", "leaky_relu"])
@pytest.mark.parametrize("changes", [{"norm": "none"}, {"norm": "batch", "head_norm": "batch"}, {"depth": 2}])
def test_encoder_and_decoder_are_computed_as_torch_does(arch, activation, changes):
    spec = tiny(arch=arch, activation=activation, **changes)
    model = unsettled(build_vae(spec))
    x, z = torch.rand(16, 16, generator=torch.Generator().manual_seed(1)).double(), torch.linspace(-2, 2, 10)
    with torch.inference_mode():
        head = model.encoder(x[None, None])[0].numpy()
        logits = model.decoder(z[None].double())[0, 0].numpy()
    found = computed(convolution_layers(model.encoder, (16, 16, 1)), x.numpy()[..., None])
    np.testing.assert_allclose(found.ravel(), head, rtol=1e-9, atol=1e-9)
    drawn = computed(convolution_layers(model.decoder, (1, 1, 10)), z.double().numpy()[None, None])
    np.testing.assert_allclose(drawn[..., 0], logits, rtol=1e-9, atol=1e-9)


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 2),
    st.booleans(),
    st.integers(1, 3),
)
def test_any_convolution_and_its_transpose(side, kernel, stride, padding, transposed, channels):
    padding = min(padding, kernel - 1)
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    if transposed and kernel - 2 * padding != stride:
        kernel = stride + 2 * padding  # a side that is a multiple of the input's
    if not transposed and side + 2 * padding < kernel:
        side = kernel
    module = kind(channels, 2, kernel, stride, padding).double()
    x = torch.randn(1, channels, side, side, dtype=torch.float64)
    with torch.inference_mode():
        expected = module(x)[0].permute(1, 2, 0).numpy()
    layers = convolution_layers(nn.Sequential(module), (side, side, channels))
    np.testing.assert_allclose(computed(layers, x[0].permute(1, 2, 0).numpy()), expected, atol=1e-12)


def test_taps_that_only_see_zeros_are_left_out():
    module = nn.Conv2d(1, 4, 4, 2, 1)
    (layer,) = convolution_layers(nn.Sequential(module), (2, 2, 1))
    assert layer.convolutions[0].kernel.shape == (2, 2, 1, 4)


def test_a_module_without_a_rule_is_refused():
    with pytest.raises(InputError, match="Tanh cannot be exported"):
        convolution_layers(nn.Sequential(nn.Linear(2, 2), nn.Tanh()), (1, 1, 2))
    with pytest.raises(InputError, match="sides that grow by the stride"):
        convolution_layers(nn.Sequential(nn.ConvTranspose2d(1, 1, 3, 2)), (4, 4, 1))
