"""Values that nobody foresaw: what JSON, YAML, a command line or a chapter can hold, drawn by hypothesis."""

from hypothesis import settings
from hypothesis import strategies as st


def examples(n: int) -> settings:
    """Return settings for a dear test: n examples on every run, and so many times more as a profile takes."""
    return settings(max_examples=max(1, n * settings.default.max_examples // 100))


NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, 2**63, -1, 0, 1e308])
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
FLAT = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=4), SCALARS, max_size=3)
VALUES = FLAT | st.lists(FLAT, max_size=2) | st.dictionaries(st.text(max_size=4), FLAT, max_size=2)
"""Two levels of what can be nested: no code looks deeper."""
