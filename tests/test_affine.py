import numpy as np
import pytest
import torch

from vaelib.models.affine import (
    affine_map,
    affinity,
    collapse_error,
    maps,
    midpoint_gap,
    pairwise_cosines,
    traversal_steps,
)
from vaelib.models.build import build_vae
from vaelib.spec import RunSpec

A = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], dtype=torch.float64)
B = torch.tensor([5.0, -7.0], dtype=torch.float64)


def affine(x):
    return x.double().flatten(1) @ A.T + B


def rows(seed, n=6):
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_an_affine_map_is_recovered_with_its_offset():
    matrix, offset = affine_map(affine, (3, 1))
    torch.testing.assert_close(matrix, A)
    torch.testing.assert_close(offset, B)
    assert collapse_error(affine, matrix, offset, rows(2)) < 1e-12


def test_either_side_gives_the_same_matrix():
    wide, _ = affine_map(affine, (3,))
    tall, offset = affine_map(lambda y: y.double() @ wide, (2,))  # y ↦ Aᵀy
    torch.testing.assert_close(tall, A.T)
    torch.testing.assert_close(offset, torch.zeros(3, dtype=torch.float64))


def test_the_midpoint_gap_is_zero_for_an_affine_map_and_known_for_a_square():
    assert midpoint_gap(affine, rows(0), rows(1)) < 1e-12
    x, y = torch.tensor([[0.0]]), torch.tensor([[2.0]])
    # squares 0 and 4: mean 2, SD 2; the square of the midpoint is 1
    assert midpoint_gap(torch.square, x, y) == pytest.approx(0.5)


def network(arch, **changes):
    torch.manual_seed(0)
    spec = RunSpec(arch=arch, image_size=32, latent_dim=4, **changes)
    model = build_vae(spec)
    with torch.no_grad():  # running statistics and scales away from 0 and 1, as after training
        for layer in model.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 2)
    return model.eval()


def random_images(n=8):
    return torch.randint(0, 256, (n, 1, 32, 32), generator=torch.Generator().manual_seed(3)).to(torch.uint8)


def test_our_network_is_affine_and_the_articles_is_not():
    images, codes = random_images(), np.random.default_rng(1).normal(size=(8, 4))
    for arch, is_affine in (("ours", True), ("article", False)):
        result = affinity(network(arch), images, codes)
        assert set(result) == {"mu", "logvar", "logits"}
        for numbers in result.values():
            assert (numbers["midpoint_gap"] < 1e-9) == is_affine
            assert (numbers["collapse_error"] < 1e-9) == is_affine


def test_our_network_with_relu_is_not_affine():
    model, images = network("ours", activation="relu"), random_images()
    assert midpoint_gap(maps(model)["mu"], images[:4].double(), images[4:].double()) > 1e-3


def test_maps_leave_the_model_as_it_was():
    model = network("ours").train()
    maps(model)
    assert model.training
    assert next(model.parameters()).dtype == torch.float32


def test_an_affine_decoder_adds_the_same_image_everywhere_and_relu_another():
    starts = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    ours = pairwise_cosines(traversal_steps(network("ours"), starts))
    article = pairwise_cosines(traversal_steps(network("article"), starts))
    assert ours.shape == (4, 10)
    assert ours.min() > 0.999
    assert article.min() < 0.99


def test_cosines_of_known_images():
    images = np.array([[[[1.0, 0.0]], [[2.0, 0.0]], [[0.0, 3.0]], [[0.0, 0.0]]]])
    # pairs in the order 01 02 03 12 13 23
    assert pairwise_cosines(images).tolist() == [[1, 0, 0, 0, 0, 0]]
