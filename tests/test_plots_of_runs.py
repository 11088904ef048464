import numpy as np
import pandas as pd
import pytest

from tests.figure import assert_transparent_and_drawn
from vaelib.plots import comparison, training
from vaelib.plots import latents as latent
from vaelib.plots import sweeps as beta

RNG = np.random.default_rng(0)


def history(epochs=4):
    epoch = np.arange(1, epochs + 1)
    rows = {"epoch": epoch, "lr": 1e-3, "beta": 4.0}
    for curve in training.CURVES:
        rows |= {f"{curve}_recon": 300.0 + 10 / epoch, f"{curve}_kl": 5.0 - 1 / epoch}
    rows |= {f"val_kl_{j}": j * epoch / 10 for j in (1, 2, 3)}
    return pd.DataFrame(rows)


def started_badly():
    table = history()
    table.loc[0, ["train_recon", "train_kl"]] = [3000.0, -50.0]
    return table


def plane(n=30):
    rotated = np.arange(n) % 2 == 1
    angle = np.where(rotated, RNG.uniform(-90, 90, n), 0)
    return latent.plane(RNG.normal(size=(n, 2)), np.arange(n) % 10, angle, rotated, ("x", "y"))


def per_dim():
    table = pd.DataFrame(RNG.uniform(size=(4, 5)), index=range(1, 5))
    return table.set_axis(["kl", "energy", "agreement", "angle_r2", "digit_share"], axis=1)


def points():
    rows = [("a", 4.0, 10.0, 90.0), ("b", 1.0, 20.0, 70.0), ("b", 4.0, 9.0, 95.0), ("b", 4.0, 11.0, 93.0)]
    return pd.DataFrame(rows, columns=["network", "beta", "kl", "recon"])


def estimates():
    columns = pd.MultiIndex.from_product([["best", "all"], ["value", "low", "high"]])
    return pd.DataFrame([[0.2, 0.1, 0.3, 0.5, 0.4, 0.6], [0, -0.1, 0.1, 0.2, 0.1, 0.3]], ["a", "b"], columns)


def scored(seeds=2):
    rows = [
        {"network": name, "beta": b, "seed": s, "kl": 20 / b + s, "mig": 0.1 * s, "udr": None if s else 0.5}
        for name in "ab"
        for b in (1.0, 4.0)
        for s in range(seeds)
    ]
    return pd.DataFrame(rows).astype({"udr": float})


SCORES = {"mig": "MIG", "udr": "UDR"}
BASELINES = {"PCA": {"mig": 0.3, "udr": None}}

FIGURES = {
    "importance_matrix": lambda: latent.importance_matrix(RNG.dirichlet(np.ones(4), 3).T, ["x", "y", "z"]),
    "scores_at_rate": lambda: comparison.scores_at_rate(scored(), SCORES, BASELINES, (8.0,)),
    "scores_against_beta": lambda: beta.scores_against_beta(scored(), SCORES, BASELINES),
    "scores_against_beta_undefined": lambda: beta.scores_against_beta(
        scored().assign(udr=float("nan")), SCORES, {}
    ),
    "scores_against_beta_of_one_seed": lambda: beta.scores_against_beta(scored(1), SCORES, {}),
    "loss_curves": lambda: training.loss_curves(history()),
    "loss_curves_of_one_epoch": lambda: training.loss_curves(history(epochs=1)),
    "kl_over_epochs": lambda: training.kl_over_epochs(history()),
    "plane": plane,
    "spectra": lambda: latent.spectra(np.array([0.7, 0.3]), np.array([0.1, 1.2])),
    "correlation_map": lambda: latent.correlation_map(np.corrcoef(RNG.normal(size=(4, 20)))),
    "change_maps": lambda: latent.change_maps(RNG.uniform(size=(7, 8, 8)), list("abcdefg")),
    "traversal_panels": lambda: latent.traversal_panels(RNG.uniform(size=(3, 10, 6, 8, 8)), "abc", cols=2),
    "dimension_profile": lambda: latent.dimension_profile(per_dim(), 0.05),
    "rates_of_networks": lambda: comparison.rates_of_networks(points()),
    "spectra_of_networks": lambda: comparison.spectra_of_networks({"a": np.arange(2.0), "b": np.zeros(2)}),
    "angle_r2": lambda: comparison.angle_r2(estimates()),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_transparent_and_have_something_on_them(name):
    assert_transparent_and_drawn(FIGURES[name]())


def labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_the_objective_adds_the_parts_with_beta():
    ax = training.loss_curves(history()).axes[0]
    expected = 300 + 10 / np.arange(1, 5) + 4 * (5 - 1 / np.arange(1, 5))
    for line in ax.lines:
        np.testing.assert_allclose(line.get_ydata(), expected)


def test_a_bad_first_epoch_does_not_flatten_the_curves():
    objective, recon, kl = training.loss_curves(started_badly()).axes
    assert recon.get_ylim()[1] < 320
    assert kl.get_ylim()[0] > 3
    assert objective.get_ylim()[1] < 340


def test_rows_of_kl_are_sorted_by_the_last_epoch_and_numbered_from_one():
    ax = training.kl_over_epochs(history()).axes[0]
    assert labels(ax.yaxis) == ["dimension 3   1.20", "dimension 2   0.80", "dimension 1   0.40"]
    assert ax.yaxis_inverted()


def test_the_plane_colours_rotated_digits_alone_by_angle():
    right = plane(30).axes[1]
    upright, rotated = right.collections
    assert len(upright.get_offsets()) == len(rotated.get_offsets()) == 15
    assert rotated.get_clim() == (-90, 90)


def test_colours_of_angles_are_seen_on_white_and_on_dark():
    rgb = latent.ANGLES(np.linspace(0, 1, 50))[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    dark_page = 0.009
    assert (1.05 / (luminance + 0.05)).min() > 2.5
    assert ((luminance + 0.05) / (dark_page + 0.05)).min() > 4.5


def test_spectra_name_the_dimensions_they_sort():
    right = latent.spectra(np.array([0.5, 0.3, 0.2]), np.array([0.1, 1.2, 0.7])).axes[1]
    assert labels(right.xaxis) == ["2", "3", "1"]
    np.testing.assert_allclose([bar.get_height() for bar in right.patches], [1.2, 0.7, 0.1])


def test_each_pair_is_printed_once_and_never_as_minus_zero():
    correlations = np.array([[1, -0.001, 0.5], [-0.001, 1, -0.25], [0.5, -0.25, 1]])
    texts = [text.get_text() for text in latent.correlation_map(correlations).axes[0].texts]
    assert texts == ["0.00", "0.50", "-0.25"]


def test_change_maps_share_one_scale():
    maps = np.stack([np.full((2, 2), 0.1), np.full((2, 2), 0.4)])
    figure = latent.change_maps(maps, ["1", "2"])
    assert {ax.images[0].get_clim() for ax in figure.axes if ax.images} == {(0, 0.4)}


def test_panels_without_traversal_stay_empty():
    figure = latent.traversal_panels(RNG.uniform(size=(3, 2, 4, 8, 8)), "abc", cols=2)
    assert [bool(ax.images) for ax in figure.axes] == [True, True, True, False]


def test_the_profile_is_sorted_by_kl_from_the_top():
    table = per_dim().assign(kl=[0.3, 0.9, 0.1, 0.5])
    ax = latent.dimension_profile(table, 0.05).axes[0]
    assert labels(ax.yaxis) == ["3", "1", "4", "2"]
    assert not ax.yaxis_inverted()


def test_curves_of_networks_join_the_means_over_seeds():
    lines = comparison.rates_of_networks(points()).axes[0].lines
    np.testing.assert_allclose(lines[0].get_xydata(), [[10, 90]])
    np.testing.assert_allclose(lines[1].get_xydata(), [[20, 70], [10, 94]])


def test_intervals_reach_from_low_to_high():
    ax = comparison.angle_r2(estimates()).axes[0]
    best, every = (container[2][0].get_segments() for container in ax.containers)
    np.testing.assert_allclose([segment[:, 0] for segment in best], [[0.1, 0.3], [-0.1, 0.1]], atol=1e-12)
    np.testing.assert_allclose([segment[:, 0] for segment in every], [[0.4, 0.6], [0.1, 0.3]], atol=1e-12)
    assert labels(ax.yaxis) == ["a", "b"]


def test_at_equal_rate_bold_lines_join_the_means_of_a_beta():
    mig, udr = comparison.scores_at_rate(scored(), SCORES, BASELINES, (8.0,)).axes
    bold = [line for line in mig.lines if line.get_label() == "a"]
    np.testing.assert_allclose(bold[0].get_xydata(), [[5.5, 0.05], [20.5, 0.05]])
    assert [line.get_label() for line in mig.lines if line.get_label() in BASELINES] == ["PCA"]
    assert "PCA" not in [line.get_label() for line in udr.lines]  # undefined there
    assert len(udr.collections[0].get_offsets()) == 2  # the runs of seed 1 have no UDR


def test_an_undefined_importance_leaves_its_cells_empty():
    ax = latent.importance_matrix(np.array([[np.nan, 1.0], [np.nan, 0.0]]), ["x", "y"]).axes[0]
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["1.00", "0.00"]
