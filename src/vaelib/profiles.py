"""Profiles: the scale of the report and the pages it consists of, read from `experiments.yml`."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from vaelib.architectures import ARCHITECTURES
from vaelib.errors import InputError, check_choice, check_number, shown
from vaelib.spec import RunSpec
from vaelib.yaml_files import read_yaml

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: the library is installed in place, beside the book it serves."""


def in_checkout(path: Path | str) -> Path:
    """Return a path, from the checkout where it is relative: whatever the working folder, as Jupyter's."""
    return ROOT / Path(path).expanduser()


BOOK = ROOT / "book"
EXPERIMENTS = ROOT / "experiments.yml"

NAMED = {"type": "object"}
"""Names with values: parameters of a notebook, or fields of a run's spec."""


def _closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """Return the schema of an object that has no other properties than these."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _entries(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one or more things by name."""
    return {"type": "object", "minProperties": 1, "additionalProperties": schema}


PAGE = _closed(
    {"notebook": {"type": "string"}, "parameters": NAMED, "scores": {"type": "boolean"}}, "notebook"
)
BLOCK = _closed(
    {
        "block": {"type": "string"},
        "page": {"type": "string"},
        "runs": {"type": "array", "items": NAMED, "minItems": 1},
    },
    "block",
) | {"minProperties": 2, "maxProperties": 2}
PROFILE = _closed(
    {
        **dict.fromkeys(("spec", "defaults", "sweep"), NAMED),
        "parameters": {"type": "object", "additionalProperties": NAMED},
        "plan": {"type": "array", "items": BLOCK},
    },
    *("spec", "parameters"),
)
SCHEMA = _closed({"pages": _entries(PAGE), "profiles": _entries(PROFILE)}, "pages", "profiles")
"""What `experiments.yml` may hold (JSON schema)."""


@dataclass(frozen=True)
class Page:
    """One page of the book: a notebook of `book/` executed with parameters.

    `defaults` are those of all pages of a profile, for the notebooks that declare them. With `scores` it
    reads those of its runs and of their baselines, which are measured before.
    """

    name: str
    notebook: str
    parameters: dict[str, Any]
    defaults: dict[str, Any] = field(default_factory=dict)
    scores: bool = False

    @property
    def source(self) -> Path:
        return BOOK / f"{self.notebook}.py"


@dataclass(frozen=True)
class Block:
    """Runs of a profile that are trained for one question, in their order."""

    title: str
    runs: tuple[RunSpec, ...]


@dataclass(frozen=True)
class Profile:
    """A scale of the report: the spec fields that all its runs share, and its pages.

    `sweep` has the fields that set the runs apart in which β is swept, as when they are on smaller images.
    `planned` has the entries of its plan, each with a block's title and the runs it names or those of a page.
    """

    name: str
    shared: dict[str, Any]
    pages: dict[str, Page]
    sweep: dict[str, Any] = field(default_factory=dict)
    planned: tuple[dict[str, Any], ...] = ()

    def run(self, **changes: Any) -> RunSpec:
        """Return the spec at this scale with some fields changed: `profile.run(arch="ours", beta=4)`."""
        return RunSpec.from_dict(self.shared | changes)

    def runs(self, parameters: Mapping[str, Any]) -> list[RunSpec]:
        """Return the runs that a page with these parameters reads: the product over the spec fields named.

        `{"arch": "ours", "betas": [1, 4]}` names two runs. Fields prefixed with `also_` name a second
        product, in which they stand for those without the prefix: with `"also_arch": "article"` it is four.
        `also` is a list of further such products: `[{"norm": "none"}, {"lrs": [1e-4, 1e-3]}]` changes one
        thing at a time. Parameters that are no field of a spec, singular or plural, do not count; without
        any, no run is read. Raises `InputError` on a name in `also` that is none.
        """
        axes = _axes(parameters, "")
        further = [_axes(parameters, "also_"), *map(_further_axes, parameters.get("also", []))]
        products = [axes, *(axes | changes for changes in further if changes)] if axes or any(further) else []
        points = [
            self.run(**dict(zip(product, point, strict=True)))
            for product in products
            for point in itertools.product(*product.values())
        ]
        return list(dict.fromkeys(points))


def _axes(parameters: Mapping[str, Any], prefix: str) -> dict[str, list[Any]]:
    """Return the values of each spec field that the parameters name, singular or plural, with a prefix."""
    axes = {}
    for f in fields(RunSpec):
        if f"{prefix}{f.name}" in parameters:
            axes[f.name] = [parameters[f"{prefix}{f.name}"]]
        elif f"{prefix}{f.name}s" in parameters:
            values = parameters[f"{prefix}{f.name}s"]
            if not isinstance(values, list) or not values:
                raise InputError(f"{prefix}{f.name}s {shown(values)} is refused; accepted: a list of values.")
            axes[f.name] = values
    return axes


def _further_axes(named: Mapping[str, Any]) -> dict[str, list[Any]]:
    known = [f.name for f in fields(RunSpec)]
    for name in named:
        check_choice("field in also", name if name in known else name.removesuffix("s"), known)
    return _axes(named, "")


def load_profile(name: str, path: Path = EXPERIMENTS) -> Profile:
    """Read a profile; raises `InputError` naming the accepted ones, or what is wrong in the file."""
    experiments = read_yaml(path, SCHEMA)
    check_choice("profile", name, experiments["profiles"])
    chosen = experiments["profiles"][name]
    for page in chosen["parameters"]:
        check_choice(f"page in profile {name}", page, experiments["pages"])
    everywhere = chosen.get("defaults", {})
    pages = {
        page: Page(
            page,
            entry["notebook"],
            entry.get("parameters", {}) | chosen["parameters"].get(page, {}),
            everywhere,
            entry.get("scores", False),
        )
        for page, entry in experiments["pages"].items()
    }
    planned = tuple(chosen.get("plan", ()))
    for entry in planned:
        check_choice(f"page in the plan of profile {name}", entry.get("page", next(iter(pages))), pages)
    profile = Profile(name, chosen["spec"], pages, chosen.get("sweep", {}), planned)
    try:
        for arch, changes in itertools.product(ARCHITECTURES, ({}, profile.sweep)):
            spec = profile.run(arch=arch, **changes)
            check_number("rotation_range", spec.rotation_range, 1, 180)  # chapters turn digits within it
    except InputError as error:
        raise InputError(f"{path.name}, profile {name}: {error}") from error
    return profile
