import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaelib.errors import InputError, check_choice, did_you_mean
from vaelib.files import sha256, write_atomic, write_json


def test_what_was_written_is_read(tmp_path):
    write_atomic(tmp_path / "new" / "a.bin", b"\x00\xff")
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"\x00\xff"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomic(path, "old")

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as failure:
        write_atomic(path, "new")
    assert failure.value.filename == str(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@given(st.dictionaries(st.text(min_size=1), st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_equal_values_give_equal_json(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("json")
    write_json(folder / "a.json", value)
    write_json(folder / "b.json", dict(reversed(value.items())))
    assert sha256(folder / "a.json") == sha256(folder / "b.json")


def test_sha256_of_nothing(tmp_path):
    (tmp_path / "empty").touch()
    assert sha256(tmp_path / "empty").startswith("e3b0c44298fc1c14")


def test_the_nearest_name_is_offered_only_when_one_is_near():
    assert did_you_mean("betta", ["beta", "seed"]) == " Did you mean 'beta'?"
    assert did_you_mean("xyz", ["beta", "seed"]) == ""
    with pytest.raises(InputError, match="colour 'red' is unknown; accepted: green, blue"):
        check_choice("colour", "red", ["green", "blue"])
