"""The demo's networks in a real browser, from disk, against torch; the demo's page is in test_smoke_book."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.browser import browser, needs_browser, opened, own_errors  # noqa: F401
from tests.tiny import tiny
from vaelib.data.dataset import as_float, load_split, render
from vaelib.data.mnist import load_mnist
from vaelib.errors import InputError
from vaelib.models.inference import encode
from vaelib.profiles import ROOT
from vaelib.report import capture, demo
from vaelib.training.run import Run
from vaelib.training.store import RunStore

CODE = ROOT / "book" / "_demo"
SPECS = {
    "article": tiny(arch="article"),
    "ours": tiny(arch="ours"),
    "relu": tiny(arch="ours", activation="relu"),
    "pose": tiny(arch="article", objective="pose", beta=1.0, image_size=32),
}
NO_WASM = "delete window.WebAssembly"
HALF = 5e-3
"""Of codes and pixels: weights are rounded to eleven bits. Measured 1e-4 to 1e-3."""

pytestmark = needs_browser


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Run]:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    return {name: store.get(spec) for name, spec in SPECS.items()}


@pytest.fixture(scope="module")
def page_file(runs, tmp_path_factory) -> Path:
    """A page without a book around it that loads every network."""
    folder = tmp_path_factory.mktemp("page")
    networks = [
        *map(demo.trained_network, runs.values()),
        demo.collapsed_network(runs["ours"]),
        demo.principal_network(runs["article"].spec),
    ]
    demo.write_demo(networks, SPECS["article"], folder)
    names = ["kernel", "network", "pose", "digits", "networks", *(network.id for network in networks)]
    for name in ("kernel", "network", "pose"):
        (folder / f"{name}.js").write_text((CODE / f"{name}.js").read_text())
    scripts = "".join(f'<script src="{name}.js"></script>' for name in names)
    (folder / "page.html").write_text(f'<!DOCTYPE html><html lang="en"><meta charset="utf-8">{scripts}')
    return folder / "page.html"


@pytest.fixture(params=["", NO_WASM], ids=["wasm", "plain"])
def page(request, browser, page_file):  # noqa: F811
    opened_page = opened(browser, page_file.as_uri(), script=request.param)
    assert opened_page.evaluate("vae.start().name") == (
        "plain JavaScript" if request.param else "WebAssembly"
    )
    yield opened_page
    assert own_errors(opened_page) == []
    assert all(address.startswith("file:") for address in opened_page.asked)
    opened_page.context.close()


def asked(page, network: str, method: str, rows: np.ndarray) -> np.ndarray:
    """Return what a network in the page makes of rows (N, …): (N, …)."""
    script = """([id, method, rows]) => {
        const network = vae.network(VAE_NETWORKS[id]);
        const taken = (row) => (method === "encode" ? Float32Array.from(row) : row);
        return rows.map((row) => Array.from(network[method](taken(row))));
    }"""
    return np.array(page.evaluate(script, [network, method, np.asarray(rows, float).tolist()]))


@pytest.mark.parametrize("name", SPECS)
def test_codes_and_images_are_those_of_torch(page, runs, name):
    run = runs[name]
    x = as_float(load_split(run.spec, "test").images)
    with torch.inference_mode():
        codes = run.model.encode(x)[0]
        images = torch.sigmoid(run.model.decode(codes))
    assert np.abs(asked(page, run.id, "encode", x.flatten(1)) - codes.numpy()).max() < HALF
    assert np.abs(asked(page, run.id, "decode", codes) - images.flatten(1).numpy()).max() < HALF


def test_two_matrices_are_the_network_without_an_activation(page, runs):
    run = runs["ours"]
    x = as_float(load_split(run.spec, "test").images)
    with torch.inference_mode():
        codes = run.model.encode(x)[0]
        images = torch.sigmoid(run.model.decode(codes))
    assert np.abs(asked(page, f"{run.id}-matrix", "encode", x.flatten(1)) - codes.numpy()).max() < HALF
    assert np.abs(asked(page, f"{run.id}-matrix", "decode", codes) - images.flatten(1).numpy()).max() < HALF


def test_principal_components_draw_the_nearest_image_that_they_can(page):
    train = as_float(load_split(SPECS["article"], "train").images).flatten(1).double().numpy()
    centred = train - train.mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    nearest = np.clip(train.mean(0) + centred @ axes[:10].T @ axes[:10], 0, 1)
    drawn = asked(page, "pca", "decode", asked(page, "pca", "encode", train[:8]))
    assert np.abs(drawn - nearest[:8]).max() < HALF


def test_digits_are_turned_as_those_of_the_training_images_are(page):
    digits = load_mnist("test").images[:8]
    degrees = np.array([0, 1, 30, -45, 90, -90, 137.5, 180])
    script = """(rows) => rows.map(([image, degrees]) =>
        Array.from(vae.rendered(Float32Array.from(image), degrees, 64)))"""
    found = page.evaluate(
        script, [[image.ravel().tolist(), angle] for image, angle in zip(digits, degrees, strict=True)]
    )
    expected = render(digits, degrees, 64).flatten(1).numpy()
    gap = np.abs(255 * np.array(found) - expected)
    assert gap.max() < 1.01  # one grey level, where single and double precision round a half apart
    assert (gap > 0.01).mean() < 1e-3


def test_a_drawing_comes_to_lie_where_mnist_has_its_digits(page):
    """A digit of MNIST, drawn large and off the middle, is brought back to itself."""
    digits = load_mnist("test").images[:20].astype(float)
    for digit in digits:
        large = np.zeros((140, 140))
        large[21 : 21 + 84, 40 : 40 + 84] = np.kron(digit, np.ones((3, 3)))
        found = np.array(
            page.evaluate(
                "(ink) => Array.from(vae.centred(Float32Array.from(ink), 140))", large.ravel().tolist()
            )
        )
        row, column = (
            found.reshape(28, 28).sum(axis) @ (np.arange(28) + 0.5) / found.sum() for axis in (1, 0)
        )
        assert abs(row - 14.5) < 0.05
        assert abs(column - 14.5) < 0.05
        assert np.corrcoef(found, digit.ravel())[0, 1] > 0.8


def test_an_empty_drawing_is_black(page):
    assert page.evaluate("Array.from(vae.centred(new Float32Array(100), 10)).every((value) => value === 0)")


def test_a_script_says_what_its_network_is(runs):
    network = demo.trained_network(runs["pose"], {3: "shear"})
    described = json.loads(network.script().partition(" = ")[2].rstrip(";\n"))
    assert [latent["index"] for latent in described["latents"] if latent["turn"]] == [0]
    assert described["latents"][0]["turn"]
    assert {latent["index"]: latent["name"] for latent in described["latents"] if latent["name"]} == {
        3: "shear"
    }
    assert sorted(latent["index"] for latent in described["latents"]) == list(range(10))
    others = [latent["kl"] for latent in described["latents"][1:]]
    assert others == sorted(others, reverse=True)


def test_a_network_of_categories_is_refused(tmp_path):
    run = RunStore(tmp_path).get(tiny(objective="joint", beta=1.0, capacity=5.0))
    with pytest.raises(InputError, match="accepted: networks of Gaussian latents and of a pose"):
        demo.trained_network(run)


def test_latents_have_the_names_of_what_they_do(runs):
    names = capture.latent_names(runs["article"])
    mu = encode(runs["article"].model, load_split(SPECS["article"], "test").images).mu
    captured = capture.named_transforms(runs["article"].model, mu, 50).names
    assert names == {dim - 1: name for dim, name in captured.items() if name not in ("unnamed", "still")}
    (network,) = [n for n in demo.networks_of([runs["article"]]) if n.id == runs["article"].id]
    assert {own["index"]: own["name"] for own in network.latents if own["name"]} == names
