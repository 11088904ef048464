"""Images that move without a script: frames stepped by CSS, which stand still where that is asked for."""

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
from IPython.display import HTML
from PIL import Image

SECONDS = 8
"""To and fro."""
TILE, NAME, GAP = 56, 16, 10
"""Of a moving tile: its side, the line above it with its name, space between two. Pixels."""


def how(name: str, seconds: float = SECONDS) -> str:
    """Return the rule for the moving parts of a drawing of this class: for ever, or not at all."""
    still = f".{name} .turning {{ animation: none !important; }}"
    return (
        f".{name} .turning {{ animation: {seconds}s linear infinite; }}"
        f"@media print, (prefers-reduced-motion: reduce) {{ {still} }}"
    )


def there_and_back(k: int) -> list[int]:
    """Return the frames 0 to k − 1 and those back to the second."""
    return [*range(k), *range(k - 2, 0, -1)]


def moves(drawing: str, part: str, transforms: Sequence[str], still: int, stepped: bool = False) -> str:
    """Return the rule by which a part of a drawing goes through transforms and back to the first.

    `still` is the one that it has where nothing moves.
    """
    frames = [*transforms, transforms[0]]
    steps = "".join(
        f"{100 * i / len(transforms):.2f}% {{ transform: {value}; }}" for i, value in enumerate(frames)
    )
    timing = "animation-timing-function: step-end;" if stepped else ""
    return (
        f"@keyframes {drawing}-{part} {{ {steps} }}"
        f".{drawing} .{part} {{ transform: {transforms[still]}; animation-name: {drawing}-{part}; {timing} }}"
    )


def strip(images: np.ndarray) -> str:
    """Return images (K, S, S) in [0, 1] side by side as a data URI."""
    row = np.concatenate(list(np.round(255 * images).astype(np.uint8)), axis=1)
    out = io.BytesIO()
    Image.fromarray(row).save(out, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def moving_traversals(panels: np.ndarray, titles: Sequence[str], cols: int = 5) -> HTML:
    """Return a drawing in which every latent moves at once through its range and back, a tile per latent.

    panels: (P, M, K, S, S) in [0, 1], of P networks the images of M latents at K values; titles: of networks.
    Where nothing moves, each tile shows the last image, where its latent has gone furthest.
    """
    n, m, k = panels.shape[:3]
    width, row = cols * (TILE + GAP) - GAP, TILE + NAME + GAP
    high = -(-m // cols) * row + NAME + GAP
    frames = [f"translateX({-TILE * i}px)" for i in there_and_back(k)]
    parts = [
        f"<style>{how('loop', SECONDS / 2)}{moves('loop', 'frames', frames, k - 1, stepped=True)}</style>"
    ]
    for p, title in enumerate(titles):
        parts.append(f'<text x="0" y="{p * high + 12}">{escape(title)}</text>')
        for j in range(m):
            x, y = j % cols * (TILE + GAP), p * high + NAME + GAP + j // cols * row
            parts.append(f'<text x="{x}" y="{y + 11}" class="name">row {j + 1}</text>')
            image = f'<image width="{TILE * k}" height="{TILE}" href="{strip(panels[p, j])}"/>'
            parts.append(
                f'<svg x="{x}" y="{y + NAME}" width="{TILE}" height="{TILE}">'
                f'<g class="turning frames">{image}</g></svg>'
            )
    about = f"The {m} latents of {', of '.join(titles)}: each moves an image through its range and back."
    view = f'viewBox="0 0 {width} {n * high}"'
    return HTML(f'<svg class="loop" role="img" aria-label="{escape(about)}" {view}>{"".join(parts)}</svg>')
