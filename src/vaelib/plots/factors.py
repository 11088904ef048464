"""Figures of the factors measured on the digits."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vaelib.data.morphology import MORPHOLOGY
from vaelib.plots.style import DIGIT_COLORS, INK, house_style, new_figure

UNITS = {"slant": "degrees", "area": "square pixels"}


@house_style
def factor_distributions(table: pd.DataFrame, digits: np.ndarray) -> Figure:
    """Draw the factors (N rows) of digits (N,): a panel a factor, a violin with its median a digit.

    The dashed line is the median of all digits. Panels end at the outermost 0.1 % on either side, so that
    a few odd images do not flatten the rest. Narrower than the page: its words stay legible on a phone.
    """
    figure = new_figure(3, 2, height=6.8, width=6.0)
    present = np.unique(digits)
    for ax, name in zip(figure.axes, MORPHOLOGY, strict=True):
        values = table[name].to_numpy()
        low, high = np.quantile(values, [0.001, 0.999])
        groups = [values[digits == digit] for digit in present]
        bodies = ax.violinplot(groups, positions=present, widths=0.92, showextrema=False)["bodies"]
        for body, digit in zip(bodies, present, strict=True):
            body.set(facecolor=DIGIT_COLORS[digit], edgecolor="none", alpha=0.85)
        ax.scatter(present, [np.median(group) for group in groups], s=14, c="white", ec=INK, lw=0.8, zorder=3)
        ax.axhline(np.median(values), color=INK, lw=1, ls="--", zorder=0.5)
        ax.set_title(f"{name}, {UNITS.get(name, 'pixels')}")
        margin = 0.04 * (high - low) or 1
        ax.set(xticks=range(10), xlim=(-0.6, 9.6), ylim=(low - margin, high + margin))
        ax.grid(False, axis="x")
    for ax in figure.axes[-2:]:
        ax.set_xlabel("digit")
    return figure
