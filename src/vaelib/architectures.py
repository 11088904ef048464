"""The two networks, each as one literal, and the shapes that follow from it.

No tensor library here: the specification of a run and the layer tables need shapes, not weights.
"""

from dataclasses import dataclass

from vaelib.errors import InputError, check_choice


@dataclass(frozen=True)
class Conv:
    """One convolution of the encoder: 4×4 stride 2 when it halves the image, 3×3 stride 1 otherwise."""

    channels: int
    halves: bool = True

    @property
    def kernel(self) -> int:
        return 4 if self.halves else 3

    @property
    def stride(self) -> int:
        return 2 if self.halves else 1


@dataclass(frozen=True)
class Architecture:
    """Convolutions, then an optional dense layer, then mu and logvar; the decoder mirrors it all."""

    title: str
    convs: tuple[Conv, ...]
    dense: int | None
    activation: str
    norm: str


ARCHITECTURES = {
    "article": Architecture(
        title="the article's network",
        convs=(Conv(32), Conv(32), Conv(64), Conv(64)),
        dense=256,
        activation="relu",
        norm="none",
    ),
    "ours": Architecture(
        title="our network",
        convs=(Conv(32), Conv(32), Conv(64), Conv(64), Conv(128), Conv(128, halves=False), Conv(256)),
        dense=None,
        activation="identity",
        norm="batch",
    ),
}

ACTIVATIONS = ("identity", "relu", "leaky_relu")
NORMS = ("none", "batch")


def kept_convs(arch: str, depth: int) -> tuple[Conv, ...]:
    """Return the first `depth` convolutions of a network, all of them when `depth` is 0.

    Raises `InputError` when it has fewer.
    """
    check_choice("arch", arch, ARCHITECTURES)
    convs = ARCHITECTURES[arch].convs
    if depth > len(convs):
        raise InputError(
            f"depth {depth} exceeds the {len(convs)} convolutions of the {arch} network; "
            f"accepted: 0 (all) to {len(convs)}."
        )
    return convs[: depth or len(convs)]


def encoder_layout(arch: str, image_size: int, depth: int = 0) -> list[tuple[Conv, int]]:
    """Return each convolution with the side (pixels) of its output, for a square image of `image_size`.

    A layer that should halve a 1×1 map keeps it instead: there is nothing left to halve.
    Raises `InputError` when a side is odd and greater than one, or for a `depth` that `kept_convs` refuses.

    >>> [side for _, side in encoder_layout("article", 64)]
    [32, 16, 8, 4]
    """
    layout, side = [], image_size
    for conv in kept_convs(arch, depth):
        if conv.halves and side == 1:
            conv = Conv(conv.channels, halves=False)
        if conv.halves:
            if side % 2:
                raise InputError(
                    f"image_size {image_size} cannot be halved by the {arch} network (it reaches {side}); "
                    f"accepted: {', '.join(map(str, _sizes_that_halve(arch, depth)))}."
                )
            side //= 2
        layout.append((conv, side))
    return layout


def _sizes_that_halve(arch: str, depth: int) -> list[int]:
    """Return the accepted image sides up to 128: powers of two, and multiples of 2^halvings."""
    halvings = sum(conv.halves for conv in kept_convs(arch, depth))
    powers = [2**k for k in range(3, halvings)]
    return powers + [k for k in range(2**halvings, 129, 2**halvings) if k >= 8]
