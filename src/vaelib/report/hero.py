"""The first page's moving drawing and its strip of verdicts, as HTML that moves by itself."""

from html import escape

import numpy as np
import pandas as pd

from vaelib.plots.claims import NETWORKS
from vaelib.report.motion import how, moves, strip, there_and_back

SIDE, TOP, ROW, TRACK, DIAL, GAP = 156, 26, 16, 170, 24, 34
"""Of the drawing: digit, what is above it, a latent's row and track, the pose's dial, space between."""
REACH = 3.0
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
    frames = there_and_back(k)
    still = len(frames) // 4
    height, left, right = TOP + ROW * m, SIDE + GAP, SIDE + 2 * GAP + TRACK
    rules = [moves("hero", "digit", [f"translateX({-SIDE * i}px)" for i in frames], still, stepped=True)]
    parts = [
        f'<svg y="{TOP - 6}" width="{SIDE}" height="{SIDE}"><g class="turning digit">'
        f'<image width="{SIDE * k}" height="{SIDE}" href="{strip(images)}"/></g></svg>',
        *(
            f'<text x="{x}" y="11">{escape(name)}</text>'
            for x, name in zip((left, right), names, strict=True)
        ),
        _needle(right, TOP + DIAL - 4),
    ]
    rules.append(moves("hero", "needle", [f"rotate({-angle:.1f}deg)" for angle in posed[frames, 0]], still))
    below = TOP + 2 * DIAL + 6
    for j in range(m):
        parts.append(_latent(left, TOP + ROW * j, f"plain{j}", f"z{j + 1}"))
        rules.append(moves("hero", f"plain{j}", _places(plain[frames, j]), still))
        if j:
            y = below + (height - ROW - below) / max(1, m - 2) * (j - 1)
            parts.append(_latent(right, round(y), f"posed{j}", f"z{j + 1}"))
            rules.append(moves("hero", f"posed{j}", _places(posed[frames, j]), still))
    about = (
        f"A digit turns from {angles[0]:.0f} to {angles[-1]:.0f} degrees and back. Meanwhile the {m} latents "
        f"of {names[0]} move; of {names[1]} a needle turns with the digit, and the others hardly move."
    )
    view = f'viewBox="0 0 {right + TRACK + 6} {height}"'
    style = f"<style>{how('hero')}{''.join(rules)}</style>"
    return f'<svg class="hero" role="img" aria-label="{escape(about)}" {view}>{style}{"".join(parts)}</svg>'


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


def verdict_strip(judged: pd.DataFrame, page: str = "conclusion.html") -> str:
    """Return the ledger in brief, as HTML: a line a claim with its verdict, which leads to the reasons."""
    items = []
    for row in judged.itertuples():
        verdict = f'<i aria-hidden="true">{SIGNS[row.verdict]}</i> {row.verdict}'
        claim = f"<b>{row.claim}</b> {escape(NETWORKS[row.network])}: {escape(row.statement)}"
        items.append(f'<li class="{row.verdict}"><a href="{page}">{claim} <span>{verdict}</span></a></li>')
    return f'<ul class="verdicts">{"".join(items)}</ul>'
