"""A figure as the tests look at it."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def assert_transparent_and_drawn(figure: Figure) -> None:
    """Fail when a figure has a ground of its own, is empty, or is filled altogether."""
    assert isinstance(figure, Figure)
    assert figure.get_facecolor()[3] == 0
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    alpha = np.asarray(canvas.buffer_rgba())[..., 3]
    assert 0.01 < (alpha > 0).mean() < 0.99
