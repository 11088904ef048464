import numpy as np
import pandas as pd
import torch

from tests.figure import assert_transparent_and_drawn
from tests.tiny import tiny
from vaelib.models.build import build_vae
from vaelib.plots.pose import pose_in_one_drawing, rotation_over_ranges, scores_of_many


def test_the_way_of_one_image_is_drawn():
    torch.manual_seed(0)
    model = build_vae(tiny(objective="pose")).eval()
    figure = pose_in_one_drawing(model, torch.rand(1, 1, 16, 16))
    assert [ax.get_title() for ax in figure.axes] == [
        "image",
        "posterior",
        "turned back",
        "canvas",
        "turned forward",
    ]
    assert_transparent_and_drawn(figure)


def test_curves_over_ranges_are_means_of_their_runs():
    measured = pd.DataFrame(
        {
            "network": ["plain"] * 4,
            "range": [45.0, 45.0, 90.0, 90.0],
            "eta2_angle": [0.2, 0.4, 0.1, 0.1],
            "purity": [0.5, 0.7, 0.3, 0.5],
        }
    )
    baseline_scores = measured.iloc[[0, 2]].assign(network="PCA-10")
    turns = np.linspace(0, 90, 4)
    distances = pd.DataFrame(
        {"ratio": [0, 0.5, 0.9, 1.1, 0.7], "low": [0, 0.4, 0.8, 1.0, 0.6], "high": [0, 0.6, 1.0, 1.2, 0.8]},
        index=[0, 1, 2, 3, "same label"],
    )
    figure = rotation_over_ranges(measured, baseline_scores, turns, distances)
    ris, purity, distance = figure.axes
    np.testing.assert_allclose(ris.lines[0].get_ydata(), [0.3, 0.1])
    np.testing.assert_allclose(purity.lines[0].get_ydata(), [0.6, 0.4])
    np.testing.assert_allclose(distance.lines[0].get_ydata(), distances["ratio"].iloc[:-1])
    assert_transparent_and_drawn(figure)


def test_a_row_of_many_has_a_dot_a_run_and_an_undefined_score_has_none():
    table = pd.DataFrame({"name": ["a", "a", "b"], "RIS": [0.1, 0.3, np.nan], "bound": [1.0, 2.0, 3.0]})
    figure = scores_of_many(table, {"PCA-10": {"RIS": 0.2}})
    ris, bound = figure.axes
    dots, means = (np.ma.filled(drawn.get_offsets(), np.nan) for drawn in ris.collections)
    assert np.isfinite(dots).all(axis=1).sum() == 2
    np.testing.assert_allclose(means[0], [0.2, 0])
    assert [tick.get_text() for tick in ris.get_yticklabels()] == ["a", "b"]
    assert not any(tick.get_text() for tick in bound.get_yticklabels())
    assert len(ris.lines) == 1
    assert len(bound.lines) == 0
    assert_transparent_and_drawn(figure)
