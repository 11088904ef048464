"""How many threads torch computes on, which decides the last bits of what it gives."""

import contextlib
from collections.abc import Iterator

from vaelib.errors import InputError

MOST_THREADS = 1024
"""From here on torch may crash."""


@contextlib.contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """Let torch compute on n threads, as bytes depend on their number, then on as many as before.

    Raises `InputError` for a number outside 1 to `MOST_THREADS`.
    """
    import torch  # only here: the command line needs the number alone

    if not 1 <= n <= MOST_THREADS:
        raise InputError(f"threads {n} is refused; accepted: 1 to {MOST_THREADS}.")
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
