"""A fit is made once for each dataset, cached beside the runs, and made anew when any byte was changed."""

import logging
import threading
import time
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vaelib.cache import Fit, cached
from vaelib.errors import InputError
from vaelib.threads import torch_threads
from vaelib.training.store import RunStore

MADE_FROM = {"kind": "test", "size": 16}


class Maker:
    """Makes a fit and counts how often."""

    def __init__(self, seconds: float = 0) -> None:
        self.count, self.seconds = 0, seconds

    def __call__(self) -> Fit:
        self.count += 1
        time.sleep(self.seconds)
        return Fit({"a": torch.arange(3.0), "b": torch.eye(2).T}, {"accuracy": 0.5})


def assert_is_made(fit: Fit) -> None:
    assert {name: t.tolist() for name, t in fit.tensors.items()} == {"a": [0, 1, 2], "b": [[1, 0], [0, 1]]}
    assert fit.notes == {"accuracy": 0.5}


def test_a_fit_is_made_once_and_another_is_another(tmp_path):
    maker = Maker()
    for _ in range(3):
        assert_is_made(cached(tmp_path, MADE_FROM, maker))
    assert maker.count == 1
    cached(tmp_path, MADE_FROM | {"size": 32}, maker)
    assert maker.count == 2


def test_runs_do_not_see_the_fits_beside_them(tmp_path):
    cached(tmp_path, MADE_FROM, Maker())
    assert RunStore(tmp_path).all() == []
    assert len(RunStore(tmp_path).table()) == 0


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    store = tmp_path_factory.mktemp("store")
    cached(store, MADE_FROM, Maker())
    return store


@settings(max_examples=30)
@given(data=st.data(), name=st.sampled_from(["fit.json", "weights.safetensors"]))
def test_any_damage_is_noticed_and_mended(data, name, store):
    (path,) = store.glob(f".cache/*/{name}")
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    path.write_bytes(whole[:at] if data.draw(st.booleans()) else flipped)
    maker = Maker()
    assert_is_made(cached(store, MADE_FROM, maker))
    assert maker.count == 1
    assert path.read_bytes() == whole


@pytest.mark.parametrize("name", ["fit.json", "weights.safetensors"])
def test_a_missing_file_is_made_anew(name, store):
    (path,) = store.glob(f".cache/*/{name}")
    path.unlink()
    maker = Maker()
    assert_is_made(cached(store, MADE_FROM, maker))
    assert maker.count == 1


def test_damage_is_reported_and_a_fit_under_another_name_is_not_used(tmp_path, caplog):
    cached(tmp_path, MADE_FROM, Maker())
    (folder,) = tmp_path.glob(".cache/*/")
    other, maker = MADE_FROM | {"size": 32}, Maker()
    cached(tmp_path, other, maker)
    (new,) = set(tmp_path.glob(".cache/*/")) - {folder}
    for file in new.iterdir():
        file.write_bytes((folder / file.name).read_bytes())
    with caplog.at_level(logging.WARNING):
        cached(tmp_path, other, maker)
    assert f"{new} is damaged" in caplog.text
    assert maker.count == 2


def test_what_a_killed_writer_left_is_removed(tmp_path):
    cached(tmp_path, MADE_FROM, Maker())
    (record,) = tmp_path.glob(".cache/*/fit.json")
    record.unlink()
    (record.parent / ".weights.safetensors.0.part").touch()
    cached(tmp_path, MADE_FROM, Maker())
    assert sorted(path.name for path in record.parent.iterdir()) == ["fit.json", "weights.safetensors"]


def test_of_two_that_want_a_fit_one_makes_it(tmp_path):
    maker = Maker(seconds=0.3)
    both = [threading.Thread(target=cached, args=(tmp_path, MADE_FROM, maker)) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert maker.count == 1


def test_a_store_that_cannot_be_written_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / "file").touch()
    maker = Maker()
    with pytest.raises(InputError, match=r"cannot be written.*name a store that can"):
        cached(tmp_path / "file", MADE_FROM, maker)
    assert maker.count == 0


def test_threads_are_as_many_afterwards_as_before():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch_threads(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
