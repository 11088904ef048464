"""What all test modules share: real digits, loaded once; one thread; hypothesis without a clock."""

import pytest
import torch
from hypothesis import settings

from tests.budget import (  # noqa: F401  found by their names
    pytest_runtest_call,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from vaelib.data.mnist import Digits, load_mnist

# Hypothesis's own limit of 200 ms an example fails tests on a busy machine, whatever the code does.
settings.register_profile("no_deadline", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=2000, print_blob=True)  # make fuzz
settings.load_profile("no_deadline")

# As in training: bytes depend on the number of threads, and tiny networks only wait for a second one.
torch.set_num_threads(1)


LONG = ["test_smoke_book", "test_report"]
"""Files that take minutes, which pass beside the other files and not after them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones."""
    items.sort(key=lambda item: [*LONG, item.path.stem].index(item.path.stem))


@pytest.fixture(scope="session")
def train_digits() -> Digits:
    return load_mnist("train")


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return load_mnist("test")
