"""Any byte changed in what a run left or leaves on the way: reported by name, and never used."""

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import tiny
from vaelib.data.dataset import load_split
from vaelib.errors import DamagedError
from vaelib.files import digest, sha256, to_json, write_json
from vaelib.training import checkpoint
from vaelib.training import loop as training
from vaelib.training.run import RESULTS
from vaelib.training.store import RunStore

SPEC = tiny()
CPU = torch.device("cpu")
FILES = [*RESULTS, "provenance.json"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The folder of a finished run."""
    return RunStore(tmp_path_factory.mktemp("store")).get(SPEC, device="cpu", progress=False).folder


def fit(folder: Path) -> tuple[checkpoint.State, str]:
    """Train to the end, or go on to it; return the state and what was said."""
    train, val = (load_split(SPEC, split) for split in ("train", "val"))
    with contextlib.redirect_stdout(io.StringIO()) as said:
        return training.fit(SPEC, train, val, folder, CPU, progress=False), said.getvalue()


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> tuple[Path, checkpoint.State]:
    """The folder with the checkpoints of the second epoch and of the third and last, and the last state."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return folder, fit(folder)[0]


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """The bytes cut somewhere, or with one of them changed."""
    at = draw(st.integers(0, len(content) - 1))
    if draw(st.booleans()):
        return content[:at]
    return content[:at] + bytes([content[at] ^ draw(st.integers(1, 255))]) + content[at + 1 :]


@contextlib.contextmanager
def holding(path: Path, content: bytes) -> Iterator[None]:
    """Let a file hold other bytes for a while."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


@given(data=st.data(), name=st.sampled_from([*FILES, "done.json"]))
def test_a_finished_run_with_any_byte_changed_is_refused_by_name(run, data, name):
    store = RunStore(run.parent)
    with holding(run / name, data.draw(damaged((run / name).read_bytes()))):
        for look in (store.find, store.get):
            with pytest.raises(DamagedError, match=rf"{SPEC.id} is damaged: .*{name}.*Remove the folder"):
                look(SPEC)
        assert store.all() == []
        assert store.table()["status"].tolist() == ["unusable"]
    assert store.find(SPEC)


@pytest.mark.parametrize("name", FILES)
def test_a_finished_run_that_lacks_a_file_is_refused_by_name(name, run, tmp_path):
    folder = Path(shutil.copytree(run, tmp_path / run.name))
    (folder / name).unlink()
    store = RunStore(tmp_path)
    with pytest.raises(DamagedError, match=rf"{name}.*Remove the folder"):
        store.get(SPEC)
    assert store.all() == []
    assert store.table()["status"].tolist() == ["unusable"]


def test_a_run_under_the_name_of_another_is_refused_and_the_others_are_read(run, tmp_path, caplog):
    other = tiny(seed=1)
    shutil.copytree(run, tmp_path / other.id)
    shutil.copytree(run, tmp_path / f"{SPEC.id}-copy")
    shutil.copytree(run, tmp_path / SPEC.id)
    with pytest.raises(DamagedError, match=rf"spec\.json is that of {SPEC.id}; rename the folder"):
        RunStore(tmp_path).get(other)
    assert [found.id for found in RunStore(tmp_path).all()] == [SPEC.id]
    assert (
        f"left out: run {tmp_path}/{SPEC.id}-copy is damaged: spec.json is that of {SPEC.id}" in caplog.text
    )


def test_a_run_of_a_later_version_is_not_a_damaged_one_and_the_others_are_read(run, tmp_path, caplog):
    text = json.dumps(json.loads((run / "spec.json").read_text()) | {"warp": 9}, sort_keys=True)
    later = tmp_path / f"article-b4-s0-{digest(text)[:10]}"
    shutil.copytree(run, later)
    (later / "spec.json").write_text(text + "\n")
    shutil.copytree(run, tmp_path / SPEC.id)
    assert [found.id for found in RunStore(tmp_path).all()] == [SPEC.id]
    assert f"run {later} cannot be read by this version of vaelib" in caplog.text
    assert "Remove" not in caplog.text


@pytest.mark.parametrize(
    "text", ["[]", "3", "null", '{"sha256": []}', '{"sha256": 3}', '"sha256"', '{"sha256": null}']
)
def test_a_done_json_of_another_shape_is_damage(text, run, tmp_path):
    folder = Path(shutil.copytree(run, tmp_path / run.name))
    (folder / "done.json").write_text(to_json(json.loads(text)))
    with pytest.raises(DamagedError, match=r"done\.json"):
        RunStore(tmp_path).get(SPEC)


def test_a_run_that_an_older_version_named_is_still_read(run, tmp_path):
    values = json.loads((run / "spec.json").read_text())
    del values["init"]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    folder = Path(shutil.copytree(run, tmp_path / f"article-b4-s0-{digest(text)[:10]}"))
    (folder / "spec.json").write_text(text + "\n")
    write_json(folder / "done.json", {"sha256": {name: sha256(folder / name) for name in RESULTS}})
    found = RunStore(tmp_path).all()
    assert [(run.id, run.spec) for run in found] == [(folder.name, SPEC)]
    rows = RunStore(tmp_path).table().to_dict("records")
    assert [(row["id"], row["status"]) for row in rows] == [(folder.name, "done")]


@given(data=st.data(), name=st.sampled_from(["epoch-0003.json", "epoch-0003.safetensors"]))
def test_a_checkpoint_with_any_byte_changed_is_passed_over_for_the_one_before(checkpoints, data, name):
    folder, _ = checkpoints
    said = io.StringIO()
    with (
        holding(folder / name, data.draw(damaged((folder / name).read_bytes()))),
        contextlib.redirect_stdout(said),
    ):
        state = checkpoint.resume(SPEC, folder, CPU)
    assert [row["epoch"] for row in state.rows] == [1, 2]
    assert f"{folder}/epoch-0003.json is damaged" in said.getvalue()


@pytest.mark.parametrize("lost", [["epoch-0003"], ["epoch-0003", "epoch-0002"]])
@pytest.mark.parametrize("missing", [False, True])
def test_what_a_damaged_checkpoint_held_is_trained_again_to_the_same(lost, missing, checkpoints, tmp_path):
    folder, last = checkpoints
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for stem in lost:
        path = tmp_path / f"{stem}.safetensors"
        path.unlink() if missing else path.write_bytes(path.read_bytes()[:-5] + b"12345")
    state, said = fit(tmp_path)
    assert all(f"{stem}.json is damaged" in said for stem in lost)
    assert state.rows == last.rows
    weights = zip(state.model.state_dict().values(), last.model.state_dict().values(), strict=True)
    assert all(torch.equal(p, q) for p, q in weights)


def test_damaged_checkpoints_do_not_push_out_sound_ones(checkpoints, tmp_path):
    folder, last = checkpoints
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(b"damaged")
    state = checkpoint.init_state(SPEC, CPU)
    state.rows = last.rows[:1]
    checkpoint.save_checkpoint(state, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch-0001.json", "epoch-0001.safetensors"]
