"""The first page's picture and its strip of verdicts, as HTML that moves by itself."""

import base64
import io
from html import escape

import numpy as np
import pandas as pd
from PIL import Image

from vaelib.plots.claims import NETWORKS

SIDE, TOP, ROW, TRACK, DIAL, GAP = 156, 26, 16, 170, 24, 34
"""Of the drawing: digit, what is above it, a latent's row and track, the pose's dial, space between."""
REACH = 3.0
SECONDS = 8
SIGNS = {"supported": "✓", "refuted": "✗", "undecided": "?"}


def turning_digit(
    images: np.ndarray, angles: np.ndarray, plain: np.ndarray, posed: np.ndarray, names: tuple[str, str]
) -> str:
    """Return a drawing of a digit that turns to and fro, and of what two networks make of it meanwhile.

    images: (K, S, S) in [0, 1], of the digit at K angles (degrees, rising); plain: the latents (K, M) of a
    network; posed: those of one whose first is an angle, in degrees, drawn as a needle. Frames are stepped by
    CSS, there and back; it stands still for print and for readers who ask for less motion.
    """
    k, m = plain.shape
    there_and_back = [*range(k), *range(k - 2, 0, -1)]
    height, left, right = TOP + ROW * m, SIDE + GAP, SIDE + 2 * GAP + TRACK
    rules = [_moves("digit", [f"translateX({-SIDE * i}px)" for i in there_and_back], stepped=True)]
    parts = [
        f'<svg y="{TOP - 6}" width="{SIDE}" height="{SIDE}"><g class="turning digit">'
        f'<image width="{SIDE * k}" height="{SIDE}" href="{_sheet(images)}"/></g></svg>',
        *(
            f'<text x="{x}" y="11">{escape(name)}</text>'
            for x, name in zip((left, right), names, strict=True)
        ),
        _needle(right, TOP + DIAL - 4),
    ]
    rules.append(_moves("needle", [f"rotate({-angle:.1f}deg)" for angle in posed[there_and_back, 0]]))
    below = TOP + 2 * DIAL + 6
    for j in range(m):
        parts.append(_latent(left, TOP + ROW * j, f"plain{j}", f"z{j + 1}"))
        rules.append(_moves(f"plain{j}", _places(plain[there_and_back, j])))
        if j:
            y = below + (height - ROW - below) / max(1, m - 2) * (j - 1)
            parts.append(_latent(right, round(y), f"posed{j}", f"z{j + 1}"))
            rules.append(_moves(f"posed{j}", _places(posed[there_and_back, j])))
    about = (
        f"A digit turns from {angles[0]:.0f} to {angles[-1]:.0f} degrees and back. Meanwhile the {m} latents "
        f"of {names[0]} move; of {names[1]} a needle turns with the digit, and the others hardly move."
    )
    view = f'viewBox="0 0 {right + TRACK + 6} {height}"'
    style = f"<style>{HOW}{''.join(rules)}</style>"
    return f'<svg class="hero" role="img" aria-label="{escape(about)}" {view}>{style}{"".join(parts)}</svg>'


HOW = (
    f".hero .turning {{ animation: {SECONDS}s linear infinite; }}"
    "@media print, (prefers-reduced-motion: reduce) { .hero .turning { animation: none !important; } }"
)


def _moves(name: str, transforms: list[str], stepped: bool = False) -> str:
    """Return the rule by which the part of a name goes through transforms and back to the first."""
    frames = [*transforms, transforms[0]]
    steps = "".join(
        f"{100 * i / len(transforms):.2f}% {{ transform: {value}; }}" for i, value in enumerate(frames)
    )
    timing = "animation-timing-function: step-end;" if stepped else ""
    still = transforms[len(transforms) // 4]
    return (
        f"@keyframes hero-{name} {{ {steps} }}"
        f".hero .{name} {{ transform: {still}; animation-name: hero-{name}; {timing} }}"
    )


def _places(values: np.ndarray) -> list[str]:
    """Return where on its track a latent stands."""
    shares = (np.clip(values, -REACH, REACH) + REACH) / (2 * REACH)
    return [f"translateX({share * (TRACK - 24):.1f}px)" for share in shares]


def _latent(x: float, y: float, name: str, title: str) -> str:
    line = f'<line x1="{x + 24}" x2="{x + TRACK}" y1="{y}" y2="{y}" class="track"/>'
    return (
        f'<text x="{x}" y="{y + 4}" class="name">{title}</text>{line}'
        f'<g class="turning {name}"><circle cx="{x + 24}" cy="{y}" r="4.5"/></g>'
    )


def _needle(x: float, y: float) -> str:
    """Return the first latent as a dial whose needle points up at 0 degrees."""
    return (
        f'<text x="{x}" y="{y + 4}" class="name">z1</text>'
        f'<g transform="translate({x + 24 + DIAL} {y})"><circle r="{DIAL}" class="dial"/>'
        f'<g class="turning needle"><line y2="{1 - DIAL}" class="hand"/></g></g>'
    )


def _sheet(images: np.ndarray) -> str:
    """Return images side by side as a data URI."""
    row = np.concatenate(list(np.round(255 * images).astype(np.uint8)), axis=1)
    out = io.BytesIO()
    Image.fromarray(row).save(out, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def verdict_strip(judged: pd.DataFrame, page: str = "conclusion.html") -> str:
    """Return the ledger in brief, as HTML: a line a claim with its verdict, which leads to the reasons."""
    items = []
    for row in judged.itertuples():
        verdict = f'<i aria-hidden="true">{SIGNS[row.verdict]}</i> {row.verdict}'
        claim = f"<b>{row.claim}</b> {escape(NETWORKS[row.network])}: {escape(row.statement)}"
        items.append(f'<li class="{row.verdict}"><a href="{page}">{claim} <span>{verdict}</span></a></li>')
    return f'<ul class="verdicts">{"".join(items)}</ul>'
