"""The goals of the pose on codes whose truth is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from vaelib.claims.goals import GOALS, SweptRun, against_goals, pose_by_digit

ANGLES = np.linspace(-90, 90, 7)
DIGIT = np.repeat(np.arange(10), 4)
RNG = np.random.default_rng(0)


def swept(pose: np.ndarray) -> SweptRun:
    """Return a run whose first latent is a pose (I, A) in units of 50 degrees, beside two of noise."""
    run = SimpleNamespace(spec=SimpleNamespace(angle_sd=50.0))
    found = SweptRun(run, SimpleNamespace(digit=DIGIT, angles=ANGLES, index=np.arange(len(DIGIT))))
    content = [RNG.normal(size=pose.shape) for _ in range(2)]
    found.__dict__["responses"] = np.stack([pose / 50, *content], axis=2)
    return found


def test_a_pose_that_is_the_angle_and_a_slant_is_pure_and_exact():
    slant = RNG.normal(scale=10, size=(len(DIGIT), 1))
    found = swept(slant + ANGLES)
    assert found.shares["purity"].iloc[0] == pytest.approx(1)
    assert found.ris < 1
    np.testing.assert_allclose(found.errors, 0, atol=1e-9)
    assert found.share_far_off() == 0
    table = pose_by_digit(found)
    assert list(table.index) == list(range(10))
    np.testing.assert_allclose(table["purity"], 1)
    assert (table["content"] < 0.9).all()


def test_what_stands_on_its_head_is_far_off_and_counts_where_it_is():
    pose = np.tile(ANGLES, (len(DIGIT), 1))
    pose[np.flatnonzero(DIGIT == 6)[:2], -1] += 180
    found = swept(pose)
    assert found.share_far_off() == pytest.approx(100 * 2 / pose.size)
    assert found.share_far_off(DIGIT == 6) == pytest.approx(50 / len(ANGLES))
    assert found.share_far_off(DIGIT != 6) == 0
    assert pose_by_digit(found)["purity"].idxmin() == 6


def test_goals_are_reached_by_the_mean_and_counted_by_seeds():
    reaching = {name: goal for name, (_, goal) in GOALS.items()}
    worse = {name: goal - 1 if sense == "at least" else goal + 1 for name, (sense, goal) in GOALS.items()}
    judged = against_goals(pd.DataFrame([reaching, reaching]))
    assert judged["reached"].all()
    assert (judged["seeds"] == 2).all()
    judged = against_goals(pd.DataFrame([reaching, worse]))
    assert not judged["reached"].any()
    assert (judged["seeds"] == 1).all()
