import errno
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaelib.errors import InputError, check_choice, did_you_mean
from vaelib.files import read_json, read_sealed, sha256, write_atomic, write_json, write_sealed


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


def test_the_folder_reaches_the_disk_after_the_rename(tmp_path, monkeypatch):
    done, flush = [], os.fsync

    def fsync(opened: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        done.append(("folder" if is_folder else "file", (tmp_path / "a.txt").exists()))
        flush(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomic(tmp_path / "a.txt", "new")
    assert done == [("file", False), ("folder", True)]


VALUES = st.dictionaries(
    st.text(min_size=1), st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)


@given(VALUES)
def test_equal_values_give_equal_json(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("json")
    write_json(folder / "a.json", value)
    write_json(folder / "b.json", dict(reversed(value.items())))
    assert sha256(folder / "a.json") == sha256(folder / "b.json")
    assert read_json(folder / "a.json") == value


@given(VALUES)
def test_what_was_sealed_is_read(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "a.json"
    write_sealed(path, value)
    assert read_sealed(path) == value


@pytest.mark.parametrize(
    "text", ['{"a": 1}', '{\n "a": 1\n}', '{\n "a": 1,\n "a": 1\n}\n', "{", '{\n "a": NaN\n}\n']
)
def test_json_in_other_bytes_than_ours_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r".+"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(("old", "new"), [("1.5", "2.5"), ('"row"', '"raw"'), ('"seal"', '"soul"')])
def test_sealed_json_that_was_edited_is_refused(tmp_path, old, new):
    path = tmp_path / "a.json"
    write_sealed(path, {"row": 1.5})
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match="does not match its seal"):
        read_sealed(path)


def test_sha256_of_nothing(tmp_path):
    (tmp_path / "empty").touch()
    assert sha256(tmp_path / "empty").startswith("e3b0c44298fc1c14")


def test_the_nearest_name_is_offered_only_when_one_is_near():
    assert did_you_mean("betta", ["beta", "seed"]) == " Did you mean 'beta'?"
    assert did_you_mean("xyz", ["beta", "seed"]) == ""
    with pytest.raises(InputError, match="colour 'red' is unknown; accepted: green, blue"):
        check_choice("colour", "red", ["green", "blue"])
