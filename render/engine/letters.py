"""The letters that labels are written in: bold Noto Sans, for Latin, Greek and Cyrillic."""

import io
from functools import lru_cache
from importlib.resources import files

from PIL import ImageFont

#: Weight and width, on the font's own scales.
_BOLD = [700.0, 100.0]


def letters(height: int) -> ImageFont.FreeTypeFont:
    """Give a font of that height in pixels; of its own, as fonts are not shared by threads."""
    font = ImageFont.truetype(io.BytesIO(_font_file()), height)
    font.set_variation_by_axes(_BOLD)
    return font


@lru_cache(maxsize=1)
def _font_file() -> bytes:
    return (files("fontpkg_noto_sans") / "files" / "NotoSans[wdth,wght].ttf").read_bytes()
