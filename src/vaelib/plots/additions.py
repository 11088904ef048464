"""Figures of the network with a pose."""

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from vaelib.data import turned
from vaelib.plots.style import INK, PALETTE, house_style, new_figure
from vaelib.pose import PoseVAE


@house_style
def pose_in_one_drawing(model: PoseVAE, x: Tensor) -> Figure:
    """Draw one picture (1, 1, S, S) on its way: posterior, turned back, canvas, turned forward."""
    with torch.inference_mode():
        density = model.log_posterior(x)[0].exp().numpy()
        angle, _ = model.pose(x)
        code, _ = model.encode(x)
        canvas = torch.sigmoid(model.decoder(code[:, 1:]))
        pictures = {
            "picture": x,
            "turned back": turned(x, -angle),
            "canvas": canvas,
            "turned forward": torch.sigmoid(model.decode(code)),
        }
    figure = new_figure(1, 5, height=1.9)
    places = [ax for k, ax in enumerate(figure.axes) if k != 1]
    for ax, (title, picture) in zip(places, pictures.items(), strict=True):
        ax.imshow(picture[0, 0].numpy(), vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()
    ax = figure.axes[1]
    possible = np.isfinite(model.log_prior.numpy())
    ax.plot(model.angles.numpy()[possible], density[possible], color=PALETTE[0])
    ax.plot(angle.item(), density.max(), marker="o", color=PALETTE[3], ms=5)
    ax.set(title="posterior", xlabel="angle, degrees", yticks=[], xticks=(-90, 0, 90))
    ax.spines["left"].set_visible(False)
    ax.tick_params(colors=INK)
    return figure
