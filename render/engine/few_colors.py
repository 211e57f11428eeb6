"""Pictures in few colours: which ones, and which of them each pixel gets."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COLORS = 256
#: Pixels from which the colours are chosen, evenly spread over the picture.
_SAMPLE = 128 * 1024
#: Lloyd's algorithm gains little after that.
_ROUNDS = 3
_AT_A_TIME = 8192


def in_few_colors(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Give the numbers of the pixels' colours, (height, width) uint8, and the colours, (n, 3).

    `picture` is (height, width, 3) uint8. One of at most 256 colours stays as it is. Otherwise
    256 are chosen by median cut of a sample, and moved to the means of the pixels nearest to them
    (Lloyd 1982, "Least squares quantization in PCM"); each pixel gets the nearest one, as far as
    six bits of each of its values tell.
    """
    image = Image.fromarray(picture)
    if image.getcolors(COLORS) is not None:
        exact = _median_cut(image)
        return np.asarray(exact), _colors(exact)
    height, width = picture.shape[:2]
    step = math.ceil(math.sqrt(max(1.0, height * width / _SAMPLE)))
    sample = np.ascontiguousarray(picture[::step, ::step])
    chosen = _colors(_median_cut(Image.fromarray(sample)))
    # Where the sample has fewer, the last one stands for the rest.
    chosen = np.pad(chosen, ((0, COLORS - len(chosen)), (0, 0)), mode="edge")
    colors = _moved(chosen, sample.reshape(-1, 3))
    palette = Image.new("P", (1, 1))
    palette.putpalette(colors.tobytes())
    return np.asarray(image.quantize(palette=palette, dither=Image.Dither.NONE)), colors


def _median_cut(image: Image.Image) -> Image.Image:
    return image.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _colors(quantized: Image.Image) -> NDArray[np.uint8]:
    return np.frombuffer(bytes(quantized.getpalette() or []), np.uint8).reshape(-1, 3)


def _moved(colors: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the colours after a few rounds; one that is nearest to no pixel stays."""
    moved = colors.astype(np.float32)
    for _ in range(_ROUNDS):
        nearest = _nearest(moved, pixels)
        counts = np.bincount(nearest, minlength=len(moved))
        used = counts > 0
        for axis in range(3):
            sums = np.bincount(nearest, pixels[:, axis], minlength=len(moved))
            moved[used, axis] = sums[used] / counts[used]
    return np.rint(moved).astype(np.uint8)


def _nearest(colors: NDArray[np.float32], pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    nearest = np.empty(len(pixels), np.intp)
    squares = np.square(colors).sum(axis=1)
    for begin in range(0, len(pixels), _AT_A_TIME):
        part = pixels[begin : begin + _AT_A_TIME].astype(np.float32)
        # The pixel's own square is the same for all colours.
        nearest[begin : begin + _AT_A_TIME] = (squares - 2 * (part @ colors.T)).argmin(axis=1)
    return nearest
