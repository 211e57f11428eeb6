"""Icons that stand where a thumbnail cannot be: of what is missing, and of what is not ready."""

import io

from PIL import Image, ImageDraw

from app.imaging.keys import digest
from app.pipeline import ClientHas, Picture
from render.engine.letters import letters

#: The size that the icons are drawn at; they are only ever made smaller.
ICON_SIDE = 128

_PAPER, _LIGHT, _INK = (221, 221, 221), (245, 245, 245), (168, 168, 168)
_DARK = (20, 20, 20)


def missing_icon(side: int, client_has: ClientHas) -> Picture:
    """Give a mountain and a sun in grey, of at most 128 pixels a side: no image is there."""
    side = max(1, min(side, ICON_SIDE))
    etag = digest(f"icon missing {side}")
    body = None if client_has(etag) else _png(_mountain(), side)
    return Picture(body, "image/png", etag)


def waiting_icon(side: int) -> Picture:
    """Give a clock, of at most 128 pixels a side: the image is still being made ready."""
    side = max(1, min(side, ICON_SIDE))
    return Picture(_png(_clock(), side), "image/png", digest(f"icon waiting {side}"), passing=True)


def projection_icon(client_has: ClientHas) -> Picture:
    """Give a dark square that says that a projection takes in too much to be made."""
    etag = digest("icon projection")
    body = None if client_has(etag) else _png(_sentence("This projection", "is too large"), 256)
    return Picture(body, "image/png", etag)


def _sentence(*lines: str) -> Image.Image:
    icon = Image.new("RGB", (256, 256), _DARK)
    draw = ImageDraw.Draw(icon)
    place = (128, 128)
    draw.multiline_text(place, "\n".join(lines), _LIGHT, letters(24), "mm", align="center")
    return icon


def _mountain() -> Image.Image:
    icon, draw = _paper()
    draw.ellipse((80, 26, 102, 48), fill=_LIGHT)
    draw.polygon([(8, 108), (48, 48), (74, 86), (88, 68), (120, 108)], fill=_INK)
    return icon


def _clock() -> Image.Image:
    icon, draw = _paper()
    draw.ellipse((24, 24, 104, 104), fill=_LIGHT, outline=_INK, width=6)
    draw.line([(64, 40), (64, 64), (82, 74)], fill=_INK, width=6, joint="curve")
    return icon


def _paper() -> tuple[Image.Image, ImageDraw.ImageDraw]:
    icon = Image.new("RGB", (ICON_SIDE, ICON_SIDE), _PAPER)
    return icon, ImageDraw.Draw(icon)


def _png(icon: Image.Image, side: int) -> bytes:
    file = io.BytesIO()
    icon.resize((side, side), Image.Resampling.LANCZOS).save(file, "PNG")
    return file.getvalue()
