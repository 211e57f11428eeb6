"""Has OMERO.server draw pictures, through pooled rendering engines.

A region too large for one message is drawn in pieces, one after the other by the same engine.
"""

import numpy as np
from numpy.typing import NDArray

from render.blitz.pyramid_service import StoreKey
from render.blitz.reading import split_region
from render.blitz.renderer import Renderer
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import SourceFailed
from render.values import ImageInfo, Projection, Region, RenderingDefinition

_BYTES_PER_PIXEL = 4
#: Places of red, green, blue and alpha in a big-endian 0xAARRGGBB.
_RGBA = [1, 2, 3, 0]


def render_region(
    live: LiveSession,
    info: ImageInfo,
    definition: RenderingDefinition,
    z: int,
    t: int,
    level: int,
    region: Region,
    deadline: Deadline,
) -> NDArray[np.uint8]:
    """Have a region drawn that lies inside the level: (height, width, 4) of RGBA."""
    parts = split_region(region, _BYTES_PER_PIXEL, live.limits.read_bytes, info.tile_height)

    def draw(renderer: Renderer) -> NDArray[np.uint8]:
        renderer.use_settings(definition, deadline)
        change = renderer.start_level(level)
        if change is not None:
            change.result(deadline)
        picture = np.empty((region.height, region.width, 4), np.uint8)
        for part in parts:
            packed = renderer.start_region(z, t, part).result(deadline)
            top, left = part.y - region.y, part.x - region.x
            place = (slice(top, top + part.height), slice(left, left + part.width))
            picture[place] = _unpacked(packed, part.width, part.height)
        return picture

    return live.renderers.use(_key(info), level, draw, deadline)


def render_projection(
    live: LiveSession,
    info: ImageInfo,
    definition: RenderingDefinition,
    projection: Projection,
    t: int,
    deadline: Deadline,
) -> NDArray[np.uint8]:
    """Have a projection of whole planes drawn at full size: (height, width, 4) of RGBA.

    The server leaves out the last section of a mean or sum.
    """

    def draw(renderer: Renderer) -> NDArray[np.uint8]:
        renderer.use_settings(definition, deadline)
        change = renderer.start_level(0)
        if change is not None:
            change.result(deadline)
        packed = renderer.start_projection(projection, t).result(deadline)
        return _unpacked(packed, info.size_x, info.size_y)

    return live.renderers.use(_key(info), 0, draw, deadline)


def _key(info: ImageInfo) -> StoreKey:
    return StoreKey(info.pixels_id, info.group_id, info.pixels_version)


def _unpacked(packed: NDArray[np.int32], width: int, height: int) -> NDArray[np.uint8]:
    if len(packed) != width * height:
        raise SourceFailed(
            f"OMERO.server drew {len(packed)} pixels where {width} x {height} were asked for"
        )
    return packed.astype(">i4").view(np.uint8).reshape(height, width, 4)[..., _RGBA]
