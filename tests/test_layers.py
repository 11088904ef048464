"""The faster orders of computing give what the library's own layers give, forwards and backwards."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from vaelib.models.build import build_vae
from vaelib.models.layers import ConvToPoint, ConvTransposeFromPoint, ConvTransposeToImage
from vaelib.spec import RunSpec

SIZES = st.integers(1, 4)


def outputs_and_gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    y = layer(x)
    towards = torch.randn(y.shape, generator=torch.Generator().manual_seed(1), dtype=y.dtype)
    return [y, *torch.autograd.grad(y, [x, *layer.parameters()], towards)]


def assert_equal_to_the_plain(fast: nn.Module, plain: nn.Module, x: Tensor) -> None:
    plain.load_state_dict(fast.state_dict())
    for ours, theirs in zip(outputs_and_gradients(fast, x), outputs_and_gradients(plain, x), strict=True):
        # float32 sums of at most a thousand terms of order one
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@given(
    batch=SIZES,
    channels=SIZES,
    out=SIZES,
    kernel_and_stride=st.sampled_from([(4, 2), (3, 1)]),
    bias=st.booleans(),
)
def test_a_convolution_to_one_point_and_back(batch, channels, out, kernel_and_stride, bias):
    kernel, stride = kernel_and_stride
    torch.manual_seed(0)
    x = torch.randn(batch, channels, stride, stride)
    arguments = (channels, out, kernel, stride, 1)
    assert_equal_to_the_plain(ConvToPoint(*arguments, bias=bias), nn.Conv2d(*arguments, bias=bias), x)
    assert_equal_to_the_plain(
        ConvTransposeFromPoint(*arguments, bias=bias),
        nn.ConvTranspose2d(*arguments, bias=bias),
        torch.randn(batch, channels, 1, 1),
    )


@given(batch=SIZES, channels=SIZES, side=st.integers(1, 9), channels_last=st.booleans())
def test_a_transposed_convolution_to_the_image(batch, channels, side, channels_last):
    torch.manual_seed(0)
    x = torch.randn(batch, channels, side, side)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    arguments = (channels, 1, 4, 2, 1)
    assert_equal_to_the_plain(ConvTransposeToImage(*arguments), nn.ConvTranspose2d(*arguments), x)


def plain(model: nn.Module) -> nn.Module:
    """Return the model with every faster layer taken back to the one it derives from."""
    for layer in model.modules():
        if type(layer) in (ConvToPoint, ConvTransposeFromPoint, ConvTransposeToImage):
            layer.__class__ = type(layer).__bases__[0]
    return model


@pytest.mark.parametrize("size", [8, 16, 32, 64])
@pytest.mark.parametrize("arch", ["article", "ours"])
def test_whole_networks(arch, size):
    spec = RunSpec(arch=arch, image_size=size)
    torch.manual_seed(0)
    fast = build_vae(spec).double()
    slow = plain(build_vae(spec).double())
    slow.load_state_dict(fast.state_dict())
    x, noise = torch.rand(5, 1, size, size).double(), torch.randn(5, spec.latent_dim).double()
    results = []
    for model in (fast, slow):
        logits, mu, logvar = model(x, noise)
        gradients = torch.autograd.grad((logits.square().sum() + mu.sum() + logvar.sum()), model.parameters())
        results.append([logits, mu, logvar, *gradients])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-8)
