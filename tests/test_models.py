import math

import pytest
import torch

from vaelib.models.build import build_vae, layer_table
from vaelib.spec import RunSpec


def network(**fields) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_vae(RunSpec(**fields))


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"arch": "article"}, 764_245),
        ({"arch": "article", "image_size": 32}, 370_261),
        ({"arch": "ours"}, 1_846_805),
        ({"arch": "ours", "image_size": 32}, 1_388_053),
    ],
)
def test_parameter_counts(fields, count):
    assert sum(p.numel() for p in network(**fields).parameters()) == count
    assert layer_table(RunSpec(**fields))["parameters"].sum() == count


def test_multiply_adds_of_the_article_s_network():
    # By hand: 4·4·1·32·32² + 4·4·32·32·16² + 4·4·32·64·8² + 4·4·64·64·4² = 7,864,320 each way,
    # and dense layers 1024·256 + 256·20 + 10·256 + 256·1024.
    dense = 1024 * 256 + 256 * 20 + 10 * 256 + 256 * 1024
    assert layer_table(RunSpec())["multiply_adds"].sum() == 2 * 7_864_320 + dense


@pytest.mark.parametrize("arch", ["article", "ours"])
@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("latent_dim", [1, 10])
def test_shapes(arch, size, latent_dim):
    model = network(arch=arch, image_size=size, latent_dim=latent_dim)
    x = torch.rand(3, 1, size, size)
    logits, mu, logvar = model(x, torch.randn(3, latent_dim))
    assert logits.shape == x.shape
    assert mu.shape == logvar.shape == (3, latent_dim)


def test_the_decoder_mirrors_the_encoder():
    table = layer_table(RunSpec(arch="ours"))
    convs = table[table["layer"].str.contains("conv")]
    encoder = convs[convs["part"] == "encoder"]["multiply_adds"].tolist()
    decoder = convs[convs["part"] == "decoder"]["multiply_adds"].tolist()
    assert decoder == encoder[::-1]


def test_the_layer_table_has_a_row_for_every_module_with_weights():
    spec = RunSpec(arch="ours", image_size=32)
    leaves = [m for m in build_vae(spec).modules() if not list(m.children()) and list(m.parameters())]
    assert len(layer_table(spec)) == len(leaves)


@pytest.mark.parametrize(("arch", "depth", "convs"), [("ours", 1, 1), ("ours", 4, 4), ("article", 0, 4)])
def test_depth_keeps_the_first_convolutions_and_their_mirror_images(arch, depth, convs):
    spec = RunSpec(arch=arch, image_size=32, depth=depth)
    table = layer_table(spec)
    kept = table[table["layer"].str.contains("conv")]
    encoder, decoder = (kept[kept["part"] == part] for part in ("encoder", "decoder"))
    whole = layer_table(RunSpec(arch=arch, image_size=32))
    assert (
        encoder["output"].tolist() == whole[whole["layer"].str.startswith("conv")]["output"].tolist()[:convs]
    )
    assert decoder["multiply_adds"].tolist() == encoder["multiply_adds"].tolist()[::-1]
    logits, mu, _ = network(arch=arch, image_size=32, depth=depth)(
        torch.rand(3, 1, 32, 32), torch.randn(3, 10)
    )
    assert (logits.shape, mu.shape) == ((3, 1, 32, 32), (3, 10))


@pytest.mark.parametrize(("arch", "init"), [("article", "he"), ("ours", "torch"), ("ours", "he")])
def test_norm_of_the_head_gives_untrained_codes_unit_variance_over_a_batch(arch, init):
    model = network(arch=arch, image_size=16, head_norm="batch", init=init)
    mu, logvar = model.encode(torch.rand(64, 1, 16, 16))
    for output in (mu, logvar):
        assert output.mean(0).abs().max() < 1e-4
        assert torch.allclose(output.var(0, correction=0), torch.ones(10), atol=0.05)
    assert "batch norm" in layer_table(RunSpec(arch="article", head_norm="batch"))["layer"].tolist()


@pytest.mark.parametrize(("activation", "affine"), [("identity", True), ("relu", False)])
def test_batch_norm_and_identity_make_an_affine_map_in_eval_mode(activation, affine):
    model = network(arch="ours", image_size=32, activation=activation).eval()
    a, b = torch.rand(2, 8, 1, 32, 32)
    with torch.no_grad():
        middle, ends = model.encode((a + b) / 2)[0], (model.encode(a)[0] + model.encode(b)[0]) / 2
    gap = (middle - ends).abs().max() / model.encode(a)[0].std()
    assert (gap < 1e-4) == affine


def test_latents_are_mean_plus_deviation_times_noise():
    model = network(image_size=16).eval()
    x = torch.rand(2, 1, 16, 16)
    with torch.no_grad():
        mu, logvar = model.encode(x)
        logits, _, _ = model(x, torch.ones(2, 10))
        assert torch.equal(logits, model.decode(mu + torch.exp(logvar / 2)))


def test_equal_seeds_give_equal_networks():
    a, b = network(), network()
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert math.isfinite(sum(p.sum().item() for p in a.parameters()))


@pytest.mark.parametrize("arch", ["article", "ours"])
def test_he_weights_carry_a_signal_through_the_network(arch):
    """Torch's own lose most of it on the way; batch norm, left out here, would hide that."""
    spread = {}
    for init in ("torch", "he"):
        model = network(arch=arch, norm="none", init=init)
        z = torch.randn(64, 10)
        spread[init] = model.decode(z).std(0).mean().item()
    assert 0.1 < spread["he"] < 3  # at a 1×1 map only 4 of the 16 taps meet anything
    assert spread["torch"] < 0.1 * spread["he"]


def test_he_weights_leave_running_statistics_and_norm_weights_alone():
    weights = network(arch="ours", init="he").state_dict()
    plain = network(arch="ours").state_dict()
    norms = [name for name in weights if weights[name].ndim == 1 and "running" in name]
    assert norms
    assert all(torch.equal(weights[name], plain[name]) for name in norms)
