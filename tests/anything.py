"""Values that nobody foresaw: what JSON, YAML, a command line or a chapter can hold, drawn by hypothesis."""

from hypothesis import settings
from hypothesis import strategies as st

from vaelib.files import to_json


def examples(n: int) -> settings:
    """Return settings for a dear test: n examples on every run, and so many times more as a profile takes."""
    return settings(max_examples=max(1, n * settings.default.max_examples // 100))


NUMBERS = st.integers() | st.floats() | st.sampled_from([10**400, 2**63, -1, 0, 1e308])
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=8)
FLAT = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=4), SCALARS, max_size=3)
VALUES = FLAT | st.lists(FLAT, max_size=2) | st.dictionaries(st.text(max_size=4), FLAT, max_size=2)
"""Two levels of what can be nested: no code looks deeper."""


@st.composite
def reshaped(draw, value):
    """Draw JSON like `value` in which something, anywhere, is another value, lost or new."""
    finite = FLAT.filter(_is_json)
    if isinstance(value, dict | list) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from([*value] if isinstance(value, dict) else range(len(value))))
        changed = value.copy()
        if draw(st.integers(0, 3)):
            changed[key] = draw(reshaped(value[key]))
        else:
            del changed[key]
        return changed
    return draw(finite)


def _is_json(value) -> bool:
    try:
        to_json(value)
    except ValueError:
        return False
    return True
