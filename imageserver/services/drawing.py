"""Draws opened pixels by rendering settings, with Blitzrender's own engine.

Imported when something is drawn: the engine's compiled loops take a second and some memory to
load, and most clients of this server draw for themselves.
"""

import logging
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from imageserver.faults import usage
from imageserver.records import ImageRecord
from imageserver.services.opened_pixels import Opened
from imageserver.visible import VisibleCatalog
from render.engine import composite, encode, lut_files
from render.engine.lut import LookupTables
from render.engine.projection import project, server_sections
from render.errors import BadRequest
from render.values import Encoding, ProjectionKind, Region, RenderingDefinition

log = logging.getLogger("blitzrender.imageserver")

Picture = NDArray[np.uint8]


def draw_region(
    catalog: VisibleCatalog,
    opened: Opened,
    definition: RenderingDefinition,
    z: int,
    t: int,
    region: Region,
) -> Picture:
    """Draw a region at the present level: (height, width, 4) of red, green, blue and alpha."""
    place = (region.x, region.y, region.width, region.height)

    def read(channel: int) -> NDArray:
        return opened.buffer.read(opened.level, z, channel, t, *place)

    return _draw(catalog, opened.image, definition, (region.height, region.width), read)


def draw_projection(
    catalog: VisibleCatalog,
    opened: Opened,
    definition: RenderingDefinition,
    kind: ProjectionKind,
    sections: tuple[int, int, int],
    t: int,
) -> Picture:
    """Draw a projection of whole planes of the present level; `sections` = start, end, step."""
    image, (width, height) = opened.image, opened.size
    start, end, step = sections
    try:
        wanted = server_sections(kind, start, end, image.size_z, step)
    except BadRequest as error:
        raise usage(f"{error}.") from error

    def read(channel: int) -> NDArray:
        planes = (
            opened.buffer.read(opened.level, z, channel, t, 0, 0, width, height) for z in wanted
        )
        return project(planes, kind, image.pixel_type, (height, width))

    return _draw(catalog, image, definition, (height, width), read)


def packed(picture: Picture) -> NDArray[np.int32]:
    """Give each pixel as 0xAARRGGBB, as OMERO sends them: signed, one after the other."""
    blue_first = np.ascontiguousarray(picture[..., [2, 1, 0, 3]])
    return blue_first.view("<i4").reshape(-1)


def compressed(picture: Picture, quality: float) -> bytes:
    """Give a JPEG file of that quality, 0 to 1."""
    try:
        return encode.encode(picture, Encoding("jpeg", quality))
    except BadRequest as error:
        raise usage(f"{error}.") from error


def _draw(
    catalog: VisibleCatalog,
    image: ImageRecord,
    definition: RenderingDefinition,
    shape: tuple[int, int],
    read: Callable[[int], NDArray],
) -> Picture:
    needed = composite.needed_channels(definition)
    planes = {channel: read(channel) for channel in needed}
    names = [definition.bindings[channel].lut for channel in needed]
    try:
        return composite.compose(
            [planes.get(channel) for channel in range(len(image.channels))],
            image.pixel_type,
            definition,
            significant_bits=image.significant_bits,
            stats=[channel.stats for channel in image.channels],
            luts=_tables(catalog, [name for name in names if name]),
            shape=shape,
        )
    except BadRequest as error:
        raise usage(f"{error}.") from error


def _tables(catalog: VisibleCatalog, names: Sequence[str]) -> LookupTables:
    """Read the lookup tables of these names; one that is none is left out, as OMERO does."""
    wanted = {name.strip().lower() for name in names}
    tables = {}
    for record in catalog.luts() if wanted else ():
        name = record.name.lower()
        if name in wanted and name not in tables:
            try:
                tables[name] = lut_files.parse(catalog.read_lut(record.id))
            except BadRequest as error:
                log.warning("the lookup table %s cannot be used: %s", record.name, error)
    return {name: table for name, table in tables.items() if table is not None}
