import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from tests.figure import assert_transparent_and_drawn
from vaelib.models.build import layer_table
from vaelib.plots import data as dataset
from vaelib.plots import networks
from vaelib.plots import sweeps as beta
from vaelib.spec import RunSpec

RNG = np.random.default_rng(0)


def images(*shape):
    return RNG.uniform(size=(*shape, 8, 8))


def factors(n):
    half = pd.DataFrame({"digit": np.arange(n) % 10, "angle": 0.0, "rotated": False})
    return pd.concat([half, half.assign(angle=RNG.uniform(-90, 90, n), rotated=True)], ignore_index=True)


def sweep(betas=(1.0, 4.0, 16.0), seeds=(0, 1)):
    rows = [
        {"beta": b, "seed": s, "part": part, "recon": 200 + b + s, "kl": 9 / b, "active_units": int(10 / b)}
        for b in betas
        for s in seeds
        for part in ("all", "upright", "rotated")
    ]
    return pd.DataFrame(rows)


def history():
    return pd.DataFrame({"epoch": [1, 2], "val_recon": [300.0, 250.0], "val_kl": [0.0, 3.0]})


def distances():
    curve = pd.DataFrame({"ratio": [0.0, 0.8, 1.1], "low": [0.0, 0.7, 1.0], "high": [0.0, 0.9, 1.2]})
    same = pd.DataFrame({"ratio": [0.75], "low": [0.7], "high": [0.8]}, index=["same label"])
    return pd.concat([curve, same])


def tables():
    return {arch: layer_table(RunSpec(arch=arch)) for arch in ("ours", "article")}


FIGURES = {
    "resized_digits": lambda: dataset.resized_digits(images(3), RNG.uniform(size=(3, 12, 12))),
    "upright_and_rotated": lambda: dataset.upright_and_rotated(
        images(12), images(12), np.linspace(-90, 90, 12)
    ),
    "split_distributions": lambda: dataset.split_distributions(
        {"training": factors(40), "test": factors(20)}, 90.0
    ),
    "distance_against_angle": lambda: dataset.distance_against_angle(
        [0, 45, 90], distances(), {"same": 42.0, "different": float("nan")}
    ),
    "terms_against_beta": lambda: beta.terms_against_beta(sweep()),
    "terms_of_one_beta": lambda: beta.terms_against_beta(sweep(betas=(4.0,), seeds=(0,))),
    "terms_from_beta_zero": lambda: beta.terms_against_beta(sweep().assign(beta=lambda t: t["beta"] - 1)),
    "rate_distortion": lambda: beta.rate_distortion(sweep()),
    "kl_spectra": lambda: beta.kl_spectra({1.0: RNG.uniform(size=10), 4.0: np.zeros(10)}),
    "learning_curves": lambda: beta.learning_curves({1.0: [history(), history()], 4.0: [history()]}),
    "image_blocks": lambda: beta.image_blocks({"left": images(3, 4), "right": images(3, 2)}, "abc"),
    "network_diagrams": lambda: networks.network_diagrams(tables(), 64),
    "affine_templates": lambda: networks.affine_templates(images(4), images(4), [2, 0, 1, 3]),
    "traversal_differences": lambda: networks.traversal_differences(
        {"ours": images(3), "article": images(3)},
        images(3),
        {"ours": np.ones((4, 3)), "article": RNG.uniform(-1, 1, size=(4, 3))},
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_transparent_and_have_something_on_them(name):
    assert_transparent_and_drawn(FIGURES[name]())


def texts(figure):
    return " ".join(text.get_text() for ax in figure.axes for text in ax.texts)


def test_angles_are_printed_with_their_sign():
    figure = dataset.upright_and_rotated(images(3), images(3), np.array([-22.4, 0.2, 90.0]))
    assert texts(figure) == "−22° 0° +90°"


def test_distances_never_reached_are_not_marked():
    figure = dataset.distance_against_angle(
        [0, 45, 90], distances(), {"same": 42.0, "different": float("nan")}
    )
    assert "42°" in texts(figure)
    assert "nan" not in texts(figure)


def test_lines_of_a_sweep_join_the_means():
    figure = beta.terms_against_beta(sweep())
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_ydata(), [201.5, 204.5, 216.5])


def test_a_colour_for_each_beta_whatever_the_order():
    colors = beta.beta_colors([16, 1, 4])
    assert list(colors) == [1, 4, 16]
    assert len({to_hex(color) for color in colors.values()}) == 3


def test_spectra_are_sorted_and_printed():
    assert texts(beta.kl_spectra({1.0: np.array([0.25, 1.5, 0.0])})) == "1.50 0.25 0.00"


def test_the_schematic_names_every_layer_and_the_cost_of_both_networks():
    figure = networks.network_diagrams(tables(), 64)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles[0].startswith("ours: 1,846,805 parameters")
    assert titles[1].startswith("article: 764,245 parameters")
    convolutions, images_and_latents = 2 * 7 - 1, 2 + 2
    assert len(figure.axes[0].texts) == convolutions + images_and_latents + 1  # and the decoder's dense layer


def test_folding_norms_keeps_the_totals():
    for table in tables().values():
        folded = networks.fold_norms(table)
        assert "batch norm" not in set(folded["layer"])
        assert folded["parameters"].sum() == table["parameters"].sum()
        assert folded["multiply_adds"].sum() == table["multiply_adds"].sum()


def test_the_printed_table_ends_with_the_totals():
    printed = networks.printed_table(tables()["article"])
    assert printed["parameters"].iloc[-1] == "764,245"
    assert printed.index[-1][0] == "total"
