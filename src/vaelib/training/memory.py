"""How the C library hands memory to training."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_ACCEPTED = 32 * 1024 * 1024
"""glibc refuses a higher mmap threshold; the largest activation at batch 64 and 64 pixels is 8 MB."""


def keep_large_blocks() -> bool:
    """Tell glibc to keep freed activations instead of returning them to the kernel after every step.

    Faulting the pages in again each step costs the article's network 15 to 20 % of its training speed.
    What is free already, some 70 MB after the images of 60,000 digits were rendered, is returned first.
    Returns whether it took effect: False, and harmless, wherever the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    mallopt = getattr(library, "mallopt", None)
    if mallopt is None:
        return False
    library.malloc_trim(0)
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_ACCEPTED) and mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
