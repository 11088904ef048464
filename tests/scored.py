"""The least training and the least images on which all scores of a run are defined, shared by tests."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from vaelib.metrics import importance
from vaelib.scores import measure as scoring
from vaelib.scores.representation import ScoringConfig

TRAINED = {"n_train": 240, "n_test": 60, "epochs": 4, "init": "he", "beta": 0.01, "lr": 3e-3, "batch_size": 8}
"""The least training after which all latents are active."""
SMALL = ScoringConfig(
    turned_per_class=2,
    turns=13,
    crossed_per_class=2,
    moved=10,
    named=5,
    rotations=20,
    forest_images=600,
    bound_images=4,
    bound_draws=3,
)

DEAR = ("forest", "lasso", "explicitness", "sampling")
BASELINE_GROUPS = tuple(name for name in scoring.BASELINE_GROUPS if name not in DEAR)


@contextmanager
def small_scoring() -> Iterator[None]:
    """Take forests of few trees, `SMALL` by default, and baselines without the groups that take the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "TREES", 5)
        patch.setattr(scoring, "BASELINE_GROUPS", BASELINE_GROUPS)
        patch.setattr(ScoringConfig, "of", lambda spec: SMALL)
        yield
