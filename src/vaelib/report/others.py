"""Networks of others with a pose beside ours, as `benchmarks/poses.py` measured them."""

from typing import Any

import pandas as pd

from vaelib.errors import InputError
from vaelib.files import read_json, record
from vaelib.profiles import in_checkout
from vaelib.report.tables import number

COLUMNS = {
    "images": ("images seen", "{:,.0f}"),
    "minutes": ("minutes of a core", "{:.0f}"),
    "cost": ("ms an image", "{:.1f}"),
    "purity": ("purity of the pose", "{:.2f}"),
    "ris": ("RIS of the pose", "{:.2f}"),
    "content": ("RIS of a content latent, most", "{:.2f}"),
    "error_median": ("error, median, degrees", "{:.1f}"),
    "error_above_20": ("error above 20°, %", "{:.0f}"),
}
NUMBERS = ("images", "core_seconds", "purity", "ris", "content", "error_median", "error_above_20")
ROW = record(network={"type": "string"}, **{name: {"type": "number"} for name in NUMBERS})
MEASURED = record(digits={"type": "integer"}, rows={"type": "array", "minItems": 2, "items": ROW})
"""What the file holds (JSON schema)."""


def others_found(path: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a row a network, as text, and by name what a page says; the first row of the file is ours.

    What it was trained on, what that cost, and what its pose holds. Raises `InputError` for another file.
    """
    try:
        found = read_json(in_checkout(path), MEASURED)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}; python -m benchmarks.poses writes it.") from error
    rows = pd.DataFrame(found["rows"]).set_index("network")
    rows["minutes"] = rows["core_seconds"] / 60
    rows["cost"] = 1000 * rows["core_seconds"] / rows["images"]
    table = pd.DataFrame({title: rows[name].map(form.format) for name, (title, form) in COLUMNS.items()})
    slower = (rows["cost"] / rows["cost"].iloc[0]).iloc[1:]
    purer = {name: number(float(purity)) for name, purity in rows["purity"].items()}
    ours = next(iter(purer))
    return table, {
        "others_minutes": f"{rows['minutes'].iloc[1:].mean():.0f}",
        "others_slower": f"{slower.min():.0f} to {slower.max():.0f}",
        "others_digits": f"{found['digits']:d}",
        "ours_purity": purer.pop(ours),
        "others_purity": " and ".join(f"{purity} ({name})" for name, purity in purer.items()),
    }
