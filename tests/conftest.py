"""What several test modules share: the real digits, loaded once."""

import pytest

from vaelib.mnist import Digits, load_mnist


@pytest.fixture(scope="session")
def train_digits() -> Digits:
    return load_mnist("train")


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return load_mnist("test")
