"""JSON of any other shape than expected, in every file that is kept: damage by name or made anew, no more.

The checksums are made to match, so that what is tried is the shape.
"""

import contextlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.anything import FLAT, examples, reshaped
from tests.tiny import tiny
from vaelib import published
from vaelib.cache import Fit, cached
from vaelib.data.dataset import load_split
from vaelib.errors import DamagedError, InputError
from vaelib.files import digest, read_json, sha256, to_json, write_json, write_sealed
from vaelib.report import plan, workflow
from vaelib.scores.measure import score
from vaelib.spec import RunSpec
from vaelib.training import checkpoint, loop
from vaelib.training.run import Run
from vaelib.training.store import RunStore

SPEC = tiny()
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """The folder of a finished run that has scores of one group."""
    store = RunStore(tmp_path_factory.mktemp("store"))
    run = store.get(SPEC, device="cpu", progress=False)
    score(run, store.folder, progress=False, groups=["rate"])
    return run.folder


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> Path:
    """The folder with the checkpoints of epochs 2 and 3."""
    folder = tmp_path_factory.mktemp("checkpoints")
    train, val = (load_split(SPEC, split) for split in ("train", "val"))
    loop.fit(SPEC, train, val, folder, CPU, progress=False)
    return folder


@contextlib.contextmanager
def holding(path: Path, content: str) -> Iterator[None]:
    """Let a file hold other text for a while; of a run, with the checksum that vouches for it."""
    done = path.parent / "done.json"
    before = {file: file.read_bytes() for file in {path, done} if file.exists()}
    path.write_text(content, encoding="utf-8")
    if done.exists() and path != done:
        vouched = read_json(done)["sha256"]
        if path.name in vouched:
            write_json(done, {"sha256": vouched | {path.name: sha256(path)}})
    try:
        yield
    finally:
        for file, content in before.items():
            file.write_bytes(content)


@examples(40)
@given(data=st.data(), name=st.sampled_from(["spec.json", "done.json", "metrics.json", "provenance.json"]))
def test_json_of_any_shape_in_a_run_is_read_or_damage(run, data, name):
    store = RunStore(run.parent)
    value = data.draw(reshaped(json.loads((run / name).read_text())))
    text = json.dumps(value, sort_keys=True, separators=(",", ":")) if name == "spec.json" else to_json(value)
    with holding(run / name, text):
        for found in store.all():
            with contextlib.suppress(DamagedError):
                assert found.metrics["test"]["all"]["recon"] is not None
                assert isinstance(found.provenance, dict)
        assert store.table()["status"].tolist() in (["done"], ["unusable"])
        with contextlib.suppress(DamagedError):
            store.find(SPEC)
        (block,) = plan.table([plan.Block("one", (SPEC,))], run.parent)[:1]
        assert block["done"] == 1


@examples(20)
@given(data=st.data())
def test_a_history_of_any_text_is_read_or_damage(run, data):
    text = data.draw(st.text() | st.sampled_from(["epoch,lr\n1,2\n", "\x00", '"', "a,b\n1,2,3\n"]))
    with holding(run / "history.csv", text), contextlib.suppress(DamagedError):
        assert "epoch" in Run(SPEC, run).history


@pytest.mark.parametrize("content", [b"", b"{}", b"\x02\0\0\0\0\0\0\0{}"])
def test_weights_of_another_shape_are_damage(run, content, tmp_path):
    folder = Path(shutil.copytree(run, tmp_path / run.name))
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(DamagedError, match=r"model\.safetensors: .*Remove the folder"):
        _ = Run(SPEC, folder).model


@examples(20)
@given(data=st.data(), sealed=st.booleans(), name=st.sampled_from(["scores.json", "scores.seconds.json"]))
def test_scores_of_any_shape_are_read_or_measured_again(run, data, sealed, name):
    kept = read_json(run / name)
    kept.pop("seal", None)
    value = data.draw(reshaped(kept))
    before = {file: (run / file).read_bytes() for file in ("scores.json", "scores.seconds.json")}
    expected = score(Run(SPEC, run), run.parent, progress=False, groups=["rate"])
    try:
        if sealed and isinstance(value, dict):
            write_sealed(run / name, value)
        else:
            write_json(run / name, value)
        found = score(Run(SPEC, run), run.parent, progress=False, groups=["rate"])
        assert {*found} == {*expected}
        assert sealed or found == expected
    finally:
        for file, content in before.items():
            (run / file).write_bytes(content)


@examples(20)
@given(data=st.data(), sealed=st.booleans())
def test_a_fit_of_any_shape_is_read_or_made_again(tmp_path_factory, data, sealed):
    store, made_from = tmp_path_factory.mktemp("store"), {"kind": "test"}
    made = Fit({"a": torch.arange(3.0)}, {"accuracy": 0.5})
    cached(store, made_from, lambda: made)
    (file,) = store.glob(".cache/*/fit.json")
    value = read_json(file)
    value.pop("seal")
    value = data.draw(reshaped(value))
    write_sealed(file, value) if sealed and isinstance(value, dict) else write_json(file, value)
    found = cached(store, made_from, lambda: made)
    assert found.tensors["a"].tolist() == [0, 1, 2]
    assert isinstance(found.notes, dict)


@examples(15)
@given(data=st.data(), sealed=st.booleans())
def test_a_checkpoint_of_any_shape_is_used_or_passed_over(checkpoints, data, sealed):
    file = checkpoints / "epoch-0003.json"
    value = read_json(file)
    value.pop("seal")
    value = data.draw(reshaped(value))
    text = to_json(value | {"seal": digest(to_json(value))} if sealed and isinstance(value, dict) else value)
    said = io.StringIO()
    with holding(file, text), contextlib.redirect_stdout(said):
        state = checkpoint.resume(SPEC, checkpoints, CPU)
    assert state.epoch in (2, 3)
    assert (state.epoch == 2) == (f"{file} is damaged" in said.getvalue())
    assert loop.history_table(state.rows)["epoch"].notna().all()


@examples(30)
@given(data=st.data())
def test_a_manifest_of_any_shape_is_read_or_damage(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("published")
    value = data.draw(
        reshaped({"sha256": {"a.zip": "0" * 64, "b.zip": "1" * 64}, "ledger": {"C1": {"n": 5}}})
    )
    write_json(folder / "manifest.json", value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "PUBLISHED", folder)
        changed, damage = [], ""
        try:
            changed = published.changed_files()
        except DamagedError as error:
            damage = str(error)
    assert all(isinstance(name, str) for name in changed)
    assert not damage or re.fullmatch(rf"{folder}/manifest.json is damaged: .*git checkout .*", damage)


def test_a_checkpoint_of_another_network_is_passed_over(checkpoints, capsys):
    other = tiny(arch="ours", seed=1)
    assert checkpoint.resume(other, checkpoints, CPU).epoch == 0
    assert capsys.readouterr().out.count("is damaged") == 2


def test_a_stray_beside_checkpoints_is_none(checkpoints, tmp_path):
    shutil.copytree(checkpoints, tmp_path, dirs_exist_ok=True)
    shutil.copy(tmp_path / "epoch-0003.json", tmp_path / "epoch-0003 (copy).json")
    (tmp_path / "epoch-.json").write_text("[]")
    assert checkpoint.last_epoch(tmp_path) == 3
    assert checkpoint.resume(SPEC, tmp_path, CPU).epoch == 3


DEEP = ["[" * 100_000, '{"a":' * 100_000, "[" * 5_000 + "]" * 5_000]


@pytest.mark.parametrize("text", [*DEEP, "9" * 5000, "[]", "3", "null", '[["arch", "ours"]]', "NaN"])
def test_a_spec_that_is_no_object_is_refused(text):
    with pytest.raises(InputError, match="is refused"):
        RunSpec.from_json(text)


@pytest.mark.parametrize("text", [*DEEP, "9" * 5000, "NaN\n"])
def test_json_that_cannot_be_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        read_json(tmp_path / "a.json")


@given(st.dictionaries(st.sampled_from([*vars(SPEC)]), FLAT, max_size=3))
def test_a_spec_of_any_values_is_read_or_refused_in_a_line(values):
    refused = ""
    try:
        RunSpec.from_json(json.dumps(values))
    except InputError as error:
        refused = str(error)
    assert "\n" not in refused
    assert not refused or "accepted" in refused


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mark": 3}', '{"mark": ["a"]}'])
def test_the_state_of_a_killed_build_of_another_shape_ends_no_process(tmp_path, text):
    (tmp_path / "vaelib.json").write_text(text)
    assert workflow.end_processes(workflow._mark_of(tmp_path / "vaelib.json")) == 0
