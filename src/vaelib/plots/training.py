"""How a run went: losses and the KL of each latent over the epochs."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vaelib.plots.style import INK, PALETTE, SEQUENTIAL, house_style, new_figure, one_legend

CURVES = {
    "train": ("training, running mean in train mode", ":", PALETTE[0]),
    "train_eval": ("training subset, eval mode", "-", PALETTE[0]),
    "val": ("validation subset, eval mode", "-", PALETTE[1]),
}
PARTS = {"objective": "reconstruction + β · KL", "recon": "reconstruction", "kl": "KL"}


def with_objective(history: pd.DataFrame) -> pd.DataFrame:
    """Return the history with the three curves of the objective, recon + beta · kl, nats."""
    totals = {f"{c}_objective": history[f"{c}_recon"] + history["beta"] * history[f"{c}_kl"] for c in CURVES}
    return history.assign(**totals)


@house_style
def loss_curves(history: pd.DataFrame) -> Figure:
    """Draw the objective and its two parts over the epochs, nats an image: three curves each.

    The running mean of the first epoch, which starts from random weights, may lie outside.
    """
    figure = new_figure(1, 3, height=2.9)
    history = with_objective(history)
    for ax, (part, title) in zip(figure.axes, PARTS.items(), strict=True):
        for curve, (label, dashes, color) in CURVES.items():
            ax.plot(
                history["epoch"],
                history[f"{curve}_{part}"],
                dashes,
                color=color,
                marker="o",
                markersize=3,
                label=label,
            )
        ax.set(title=title, xlabel="epoch", ylim=_limits(history, part))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    figure.axes[0].set_ylabel("nats an image")
    one_legend(figure, loc="outside lower center")
    return figure


def _limits(history: pd.DataFrame, part: str) -> tuple[float, float]:
    """Return the limits that hold all points but the first of the running mean, with a margin."""
    skipped = {"train": 1}
    shown = pd.concat([history[f"{curve}_{part}"].iloc[skipped.get(curve, 0) :] for curve in CURVES])
    low, high = shown.min(), shown.max()
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


@house_style
def kl_over_epochs(history: pd.DataFrame) -> Figure:
    """Draw the KL of each latent (a row, the largest at the end on top) at the end of each epoch, nats."""
    kl = history.filter(regex=r"^val_kl_\d+$").rename(columns=lambda name: int(name.removeprefix("val_kl_")))
    kl = kl[kl.iloc[-1].sort_values(ascending=False, kind="stable").index]
    figure = new_figure(height=0.8 + 0.26 * kl.shape[1])
    ax = figure.axes[0]
    cells = ax.pcolormesh(kl.T, cmap=SEQUENTIAL, vmin=0, edgecolors=INK, linewidth=0.3)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.set_xticks(history.index + 0.5, history["epoch"])
    labels = [f"dimension {dim}   {value:.2f}" for dim, value in kl.iloc[-1].items()]
    ax.set_yticks([row + 0.5 for row in range(kl.shape[1])], labels)
    ax.set(xlabel="epoch", title="KL of each dimension on validation images (last value beside its name)")
    bar = figure.colorbar(cells, ax=ax, pad=0.01)
    bar.set_label("nats an image")
    bar.outline.set_visible(False)
    return figure
