"""The plan of the published runs: all that pages read, so ordered that stopping anywhere leaves a report."""

import json

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import tiny
from vaelib.cli import main
from vaelib.files import write_json
from vaelib.profiles import Block, load_profile
from vaelib.report import plan
from vaelib.report.build import page_runs
from vaelib.spec import RunSpec
from vaelib.training.store import RunStore

PUBLISHED = load_profile("published")


@pytest.mark.parametrize("name", ["smoke", "quick", "published"])
def test_the_plan_holds_every_run_of_every_page_once(name):
    profile = load_profile(name)
    planned = [spec for block in plan.blocks(profile) for spec in block.runs]
    assert len(planned) == len(set(planned))
    needed = {spec for page in profile.pages.values() for spec in page_runs(profile, page)}
    assert needed <= set(planned)
    assert sorted(spec.id for spec in plan.in_order(plan.blocks(profile))) == sorted(s.id for s in planned)


def test_the_published_plan_is_the_presentation_s_setting_with_five_seeds_in_28_core_hours():
    blocks = plan.blocks(PUBLISHED)
    setting = [PUBLISHED.run(arch=arch, seed=seed) for arch in ("ours", "article") for seed in range(5)]
    assert set(setting) < set(blocks[0].runs)
    assert plan.table(blocks, "nowhere")[-1]["core-hours"] <= 28
    swept = {spec.beta for spec in blocks[1].runs}
    assert len(swept) == 9
    assert {4 * beta for beta in swept} >= {1, 4, 16, 64, 256}


def test_stopping_anywhere_leaves_three_seeds_of_what_came_before():
    ordered = plan.in_order(plan.blocks(PUBLISHED))
    setting = plan.blocks(PUBLISHED)[0].runs
    assert {spec.seed for spec in ordered[: len(setting) - 4]} == {0, 1, 2}
    last_of_first_round = max(ordered.index(s) for s in ordered if s.seed <= 2 and s.objective != "pose")
    assert all(spec.seed > 2 or spec.objective == "pose" for spec in ordered[last_of_first_round + 1 :])


@given(st.integers(1, 9), st.integers(1, 9))
def test_the_first_seeds_of_all_blocks_come_before_the_others_of_any(many, few):
    long = Block("long", tuple(RunSpec(seed=seed) for seed in range(many)))
    short = Block("short", tuple(RunSpec(beta=1, seed=seed) for seed in range(5, 5 + few)))
    ordered = plan.in_order([long, short])
    k, first = plan.FIRST_SEEDS, min(many, plan.FIRST_SEEDS)
    assert ordered == [*long.runs[:k], *short.runs[:k], *long.runs[k:], *short.runs[k:]]
    assert ordered[:first] == list(long.runs[:first])


def test_longer_trainings_cost_more():
    article, ours = RunSpec(arch="article"), RunSpec(arch="ours")
    assert plan.core_seconds(article) < plan.core_seconds(ours)
    assert plan.core_seconds(RunSpec(epochs=4)) == pytest.approx(2 * plan.core_seconds(RunSpec(epochs=2)))
    assert plan.core_seconds(RunSpec(batch_size=16)) > plan.core_seconds(article)
    assert plan.core_seconds(article) / 3600 == pytest.approx(0.9, abs=0.15)


def test_what_is_done_and_spent_is_counted(tmp_path):
    block = Block("two", (RunSpec(seed=0), RunSpec(seed=1)))
    write_json(tmp_path / block.runs[1].id / "done.json", {})
    write_json(tmp_path / block.runs[1].id / "provenance.json", {"core_seconds_per_epoch": [1800.0, 1800.0]})
    row, total = plan.table([block], tmp_path)
    assert (row["runs"], row["done"], row["spent"]) == (2, 1, 1.0)
    assert row["of those done"] == row["core-hours"] / 2
    assert total == row | {"block": "all"}


def test_work_is_shared_gone_on_with_and_not_repeated(tmp_path):
    store, specs = RunStore(tmp_path), [tiny(epochs=1, seed=seed) for seed in range(3)]
    with store._only_writer(specs[0]):
        assert [run.spec.seed for run in store.work_through(specs, progress=False)] == [1, 2]
    assert [run.spec.seed for run in store.work_through(specs, progress=False)] == [0]
    assert list(store.work_through(specs, progress=False)) == []
    assert not list(tmp_path.glob("*/checkpoint"))


def test_the_command_prints_blocks_and_refuses_an_unknown_profile(tmp_path):
    result = CliRunner().invoke(main, ["plan", "--store", str(tmp_path)])
    assert result.exit_code == 0
    assert all(block.title in result.output for block in plan.blocks(PUBLISHED))
    assert json.dumps(None) not in result.output
    assert CliRunner().invoke(main, ["plan", "--profile", "publishd"]).exit_code == 2
