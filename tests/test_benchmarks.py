"""Benchmarks: goals follow from the numbers, one part can be measured anew, and only on the same machine."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import goals, machine, main
from benchmarks.cost import straightness
from benchmarks.scoring import SCALES
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
