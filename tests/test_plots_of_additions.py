import torch

from tests.figure import assert_transparent_and_drawn
from tests.tiny import tiny
from vaelib.models import build
from vaelib.plots.additions import pose_in_one_drawing


def test_the_way_of_one_picture_is_drawn():
    torch.manual_seed(0)
    model = build(tiny(objective="pose")).eval()
    figure = pose_in_one_drawing(model, torch.rand(1, 1, 16, 16))
    assert [ax.get_title() for ax in figure.axes] == [
        "picture",
        "posterior",
        "turned back",
        "canvas",
        "turned forward",
    ]
    assert_transparent_and_drawn(figure)
