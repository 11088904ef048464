"""What the chapters of the book share."""

from collections.abc import Mapping

from myst_nb import glue


def glue_all(values: Mapping[str, object]) -> None:
    """Keep every value under its name for the prose of the page, without showing it.

    Scalars of NumPy and torch become Python's, which the prose can format.
    """
    for name, value in values.items():
        glue(name, value.item() if hasattr(value, "item") else value, display=False)
