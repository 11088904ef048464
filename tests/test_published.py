"""Runs that come packed with a checkout: the same when laid down, said to lack weights where they do."""

import shlex

import pytest
import torch
from click.testing import CliRunner

from tests.tiny import tiny
from vaelib.cli import main
from vaelib.errors import DamagedError, InputError
from vaelib.models.inference import evaluate
from vaelib.training import published
from vaelib.training.published import RECORDS, SHIPPED, WEIGHTS
from vaelib.training.store import RunStore

SPECS = {precision: tiny(seed=seed) for seed, precision in enumerate(("exact", "half", "none"))}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Three runs of a store, packed: one with its weights, one with half of their digits, one without."""
    folder = tmp_path_factory.mktemp("packed")
    runs = [RunStore(folder / "runs").get(spec).folder for spec in SPECS.values()]
    (runs[0] / "scores.json").write_text("{}\n")
    weights = {SPECS[precision].id: precision for precision in ("exact", "half")}
    published.pack("a-block", runs, weights, folder / "published")
    published.write_manifest(folder / "published")
    return folder


@pytest.fixture
def shipped(packed, monkeypatch):
    """The packed runs are those of the checkout."""
    found = published.archives(packed / "published")
    monkeypatch.setattr(published, "archives", lambda *_: found)
    monkeypatch.setattr(published, "PUBLISHED", packed / "published")
    return packed


def test_a_run_that_was_packed_whole_is_the_same_to_the_byte(packed, tmp_path):
    run = SPECS["exact"].id
    assert published.lay_down(run, tmp_path, packed / "published")
    for name in (*RECORDS, WEIGHTS):
        assert (tmp_path / run / name).read_bytes() == (packed / "runs" / run / name).read_bytes()
    assert not (tmp_path / run / SHIPPED).exists()
    assert not published.lay_down("theirs", tmp_path, packed / "published")


def test_equal_runs_make_equal_archives_and_weights_are_written_once(packed):
    folder = packed / "published"
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.*")}
    runs = [packed / "runs" / spec.id for spec in reversed(SPECS.values())]
    published.pack("a-block", runs, {SPECS["exact"].id: "exact", SPECS["half"].id: "half"}, folder)
    for path, (content, time) in before.items():
        assert path.read_bytes() == content
        assert path.suffix == ".zip" or path.stat().st_mtime_ns == time


def test_a_store_without_a_run_takes_the_published_one(shipped, tmp_path):
    store = RunStore(tmp_path / "runs")
    whole, half, bare = (store.find(spec) for spec in SPECS.values())
    original = RunStore(shipped / "runs").get(SPECS["half"])
    assert half.metrics == original.metrics
    assert half.history.equals(original.history)
    for own, other in zip(
        half.model.state_dict().values(), original.model.state_dict().values(), strict=True
    ):
        assert own.dtype == other.dtype
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-6)
    assert whole.has_weights
    assert not bare.has_weights
    assert bare.metrics["test"]["all"]["n"] > 0
    assert store.find(tiny(seed=7)) is None


def test_a_run_without_weights_says_how_to_train_it_again_and_that_gives_the_original(shipped, tmp_path):
    store = RunStore(tmp_path / "a store")
    bare = store.get(SPECS["none"])
    with pytest.raises(InputError, match="published without its weights") as refused:
        _ = bare.model
    command = shlex.split(str(refused.value).partition("again: vaelib ")[2])
    done = CliRunner().invoke(main, [*command, "--store", str(tmp_path / "a store")])
    assert done.exit_code == 0, done.output
    again = store.find(SPECS["none"])
    for name in ("spec.json", "history.csv", "metrics.json", WEIGHTS):
        assert (again.folder / name).read_bytes() == (shipped / "runs" / again.id / name).read_bytes()
    assert not (again.folder / SHIPPED).exists()


def test_a_run_of_ones_own_is_not_replaced(shipped, tmp_path):
    own = RunStore(tmp_path / "runs").get(SPECS["none"], weights=True)
    assert own.has_weights
    assert RunStore(tmp_path / "runs").find(SPECS["none"]).has_weights


@pytest.mark.parametrize("precision", ["exact", "half"])
def test_weights_that_were_changed_are_noticed(shipped, tmp_path, precision):
    run = RunStore(tmp_path / "runs").find(SPECS[precision])
    with (run.folder / WEIGHTS).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x55")
    with pytest.raises(DamagedError, match=WEIGHTS):
        RunStore(tmp_path / "runs").find(SPECS[precision])


def test_the_manifest_names_what_changed(packed, tmp_path):
    folder = packed / "published"
    assert published.changed_files(folder) == []
    extra = folder / "weights" / "extra.safetensors"
    extra.write_bytes(b"x")
    try:
        assert published.changed_files(folder) == ["weights/extra.safetensors"]
    finally:
        extra.unlink()


def test_weights_of_half_precision_give_nearly_the_same_numbers(shipped, tmp_path):
    from vaelib.data.dataset import load_split

    run = RunStore(tmp_path / "runs").find(SPECS["half"])
    again = evaluate(run.model, run.spec, load_split(run.spec, "test"))["test"]["all"]
    for name in ("recon", "kl", "neg_elbo"):
        assert again[name] == pytest.approx(run.metrics["test"]["all"][name], rel=1e-3)
