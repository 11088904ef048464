"""What vouches for the code behind a score: a fingerprint of the modules that decide it."""

import ast
from functools import cache
from pathlib import Path

from vaelib.files import digest

SCORING_MODULES = (
    "baselines",
    "bounds",
    "capture",
    "data",
    "digit_classifier",
    "evaluation",
    "interventions",
    "joint",
    "latents",
    "linear",
    "losses",
    "metrics/codes",
    "metrics/dependence",
    "metrics/information",
    "metrics/inputs",
    "metrics/prediction",
    "metrics/probes",
    "metrics/quality",
    "metrics/rotation",
    "metrics/sampling",
    "metrics/transforms",
    "metrics/udr",
    "pose",
    "scores/alignment",
    "scores/factors",
    "scores/pictures",
    "scores/registry",
    "scores/subject",
    "supervised",
    "vae",
)
"""The modules whose code decides a score, given the network: when it changes, scores are measured again."""


@cache
def fingerprint() -> str:
    """Return the SHA-256 of the code that decides a score, without its comments and docstrings."""
    sources = (Path(__file__).parents[1] / f"{name}.py" for name in SCORING_MODULES)
    return digest("\n".join(code_lines(source.read_text()) for source in sources))


def code_lines(source: str) -> str:
    """Return the lines of a module that do something: no docstring, no line of comment, no empty one.

    >>> code_lines('# reason\\nX = 1\\n"Told of X."\\n')
    'X = 1'
    """
    told = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, node.end_lineno + 1)
    }
    lines = enumerate(source.splitlines(), start=1)
    return "\n".join(
        text for number, text in lines if number not in told and text.strip() and text.strip()[0] != "#"
    )
