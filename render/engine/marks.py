"""What is written on the frames of a movie: a scale bar, and where the frame stands."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from render.engine.letters import letters

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_SMALLEST_TEXT, _TALLEST_TEXT = 10, 40
#: Width of a bar whose length is not told, as a part of the picture's.
_BAR_PART = 0.2
_ROUND_NUMBERS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class ScaleBar:
    """A bar of `pixels`, and the length in micrometres that it stands for."""

    pixels: int
    length_um: float

    @property
    def label(self) -> str:
        """Give the length as it is written under the bar."""
        if self.length_um >= 1000:
            return f"{self.length_um / 1000:g} mm"
        if self.length_um < 1:
            return f"{self.length_um * 1000:g} nm"
        return f"{self.length_um:g} µm"


@dataclass(frozen=True)
class Marks:
    """What is written on a frame: a bar at the bottom right, a text at the top left."""

    bar: ScaleBar | None = None
    text: str = ""


def fitting_length(width: int, um_per_pixel: float) -> float:
    """Give a round number of micrometres, 1, 2 or 5 of a power of ten, of about a fifth of a width.

    `um_per_pixel` has to be positive and finite.
    """
    wanted = width * _BAR_PART * um_per_pixel
    power = 10.0 ** math.floor(math.log10(wanted))
    fitting = max(number for number in _ROUND_NUMBERS if number * power <= wanted * 1.0001)
    # Written as a decimal and read again, 0.1 is not 0.09999999999999999.
    return float(f"{fitting * power:.6g}")


def draw_marks(picture: NDArray[np.uint8], marks: Marks) -> NDArray[np.uint8]:
    """Write the marks on a copy of a picture, (height, width, 3) uint8."""
    if marks.bar is None and not marks.text:
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(image)
    width, height = image.size
    size = min(max(min(width, height) // 20, _SMALLEST_TEXT), _TALLEST_TEXT)
    margin = max(2, size // 2)
    outline = max(1, size // 12)
    font = letters(size)
    if marks.text:
        draw.text(
            (margin, margin),
            marks.text,
            fill=_WHITE,
            font=font,
            stroke_width=outline,
            stroke_fill=_BLACK,
        )
    if marks.bar is not None:
        thickness = max(2, size // 4)
        right, bottom = width - margin, height - margin
        left, top = right - marks.bar.pixels, bottom - thickness
        draw.rectangle(
            (left - outline, top - outline, right - 1 + outline, bottom - 1 + outline), fill=_BLACK
        )
        draw.rectangle((left, top, right - 1, bottom - 1), fill=_WHITE)
        draw.text(
            ((left + right) / 2, top - outline - 1),
            marks.bar.label,
            fill=_WHITE,
            font=font,
            anchor="mb",
            stroke_width=outline,
            stroke_fill=_BLACK,
        )
    return np.asarray(image)
