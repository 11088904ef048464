"""Benchmarks: goals follow from the numbers, one part can be measured anew, and only on the same machine."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import poses
from benchmarks.__main__ import goals, machine, main
from benchmarks.cost import straightness
from benchmarks.scoring import SCALES
from tests.tiny import tiny
from vaelib.files import read_json, write_json
from vaelib.profiles import ROOT
from vaelib.scores.registry import GROUPS


@pytest.fixture(scope="module")
def results() -> dict:
    return read_json(ROOT / "benchmarks" / "results.json")


def test_goals_are_those_of_the_numbers(results):
    assert results["goals"] == goals(results)


def test_scores_are_timed_by_group_at_both_scales_for_both_networks(results):
    rows = {(row["arch"], row["scale"]): row for row in results["scoring"]}
    assert rows.keys() == {(arch, scale) for arch in ("article", "ours") for scale in SCALES}
    for row in rows.values():
        assert row["seconds"].keys() <= GROUPS.keys()  # the page titles them
        assert sum(row["seconds"].values()) == pytest.approx(row["all"], rel=0.1)


def test_cost_that_grows_with_the_work_lies_on_its_line():
    rows = [{"images": n, "epochs": e, "seconds": n * e / 50} for n in (100, 200) for e in (1, 2)]
    assert straightness(rows) == pytest.approx({"images_per_second": 50, "largest_relative_error": 0})


def refusal(out: Path, *words: str) -> str:
    done = CliRunner().invoke(main, ["--json", str(out), *words])
    assert done.exit_code == 1
    return done.output


def test_parts_that_cannot_be_measured_alone_are_refused(tmp_path: Path):
    out = tmp_path / "results.json"
    assert "--only 'scorin' is unknown" in refusal(out, "--only", "scorin")
    assert "does not exist" in refusal(out, "--only", "scoring")
    write_json(out, {"machine": machine() | {"cores": 0}})
    assert "is of another machine" in refusal(out, "--only", "scoring")


def test_a_peer_that_reads_the_angle_finds_it_and_one_that_reads_nothing_does_not(monkeypatch):
    """The first "network" knows the angles, turned the other way and shifted; the second says noise."""
    spec = tiny(objective="pose", beta=1.0)
    angles = np.tile(-np.radians(np.linspace(-90, 90, 19)) + 2.0, 50)
    noise = np.random.default_rng(0).normal(size=(len(angles), 2))
    knowing = lambda clone, size: poses.Peer(  # noqa: E731
        lambda images: None, lambda images: next(codes)
    )
    monkeypatch.setitem(poses.PEERS, "spatial-VAE", knowing)
    found = {}
    for name, code in (("knows", np.column_stack([angles, noise[:, 0]])), ("noise", noise)):
        codes = iter(np.array_split(code, range(poses.BATCH, len(code), poses.BATCH)))
        found[name] = poses.train_peer("spatial-VAE", "", spec, 0.0)
    assert found["knows"]["error_median"] == pytest.approx(0, abs=1e-6)
    assert found["knows"]["purity"] == pytest.approx(1)
    assert found["knows"]["images"] > 0
    assert found["noise"]["error_median"] > 20
    assert found["noise"]["purity"] < 0.5
