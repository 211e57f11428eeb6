"""What OMERO.figure's own addresses ask for."""

import math
from dataclasses import dataclass

from app.numbers import decimal, integer, shown
from app.params import Query, RenderRequest, check_is_picture, check_not_turned, parse_image
from render.errors import BadRequest

_LONGEST_SIDE = 2000
#: No image reaches that far.
_FARTHEST = 1e9


@dataclass(frozen=True)
class ScaledRegionRequest:
    """A frame in pixels of the full size, which may reach beyond the image, and its settings.

    The picture's longer side is below `longest_side` where the image has a level for that.
    """

    picture: RenderRequest
    x: float
    y: float
    width: float
    height: float
    longest_side: int


def parse_scaled_region(
    image_id: int, z: int, t: int, query: Query, default_quality: float
) -> ScaledRegionRequest:
    """Read a request; raise BadRequest for a region that is none, for values, and for turning."""
    text = query.get("region", "")
    numbers = [decimal(part) for part in text.split(",")]
    found = [n for n in numbers if n is not None and math.isfinite(n) and abs(n) < _FARTHEST]
    if len(numbers) != 4 or len(found) != 4 or min(found[2:]) <= 0:
        raise BadRequest(
            f"region={shown(text)} should be four numbers: x, y, width and height",
            parameter="region",
        )
    side = query.get("max_size", "")
    longest = integer(side) if side else _LONGEST_SIDE
    if longest is None or longest < 1:
        raise BadRequest(f"max_size={shown(side)} should be a number from 1", parameter="max_size")
    picture = parse_image(image_id, z, t, query, default_quality)
    check_is_picture(picture)
    check_not_turned(picture)
    x, y, width, height = found
    return ScaledRegionRequest(picture, x, y, width, height, longest)
