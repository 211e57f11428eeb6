"""Regions of one channel as they are stored, at the address of OMERO's pixel buffer microservice.

It counts resolutions from the smallest one, as OMERO's own services do.
"""

from dataclasses import dataclass

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.keys import digest, values_text
from app.imaging.planes import read_planes
from app.params import Query
from app.parsing.numbers import shown
from app.parsing.object_params import parse_number
from app.pipeline import ClientHas, Picture, check_plane, filled
from render.errors import BadRequest, TooLarge
from render.job import ArrayJob, PlaneTiffJob
from render.values import ImageInfo, PlaneIndex, Region

#: Media types by format; without one, values come bare.
_MEDIA_TYPES = {"": "application/octet-stream", "tif": "image/tiff"}


@dataclass(frozen=True)
class PixelTileRequest:
    """A region of a plane; no width or height = to the edge, no resolution = full size."""

    image_id: int
    plane: PlaneIndex
    x: int
    y: int
    width: int | None
    height: int | None
    resolution: int | None
    format: str


def parse_pixel_tile(image_id: int, plane: PlaneIndex, query: Query) -> PixelTileRequest:
    """Read which region is wanted. Raises BadRequest for what is malformed."""
    numbers = {name: parse_number(query, name) for name in ("x", "y", "w", "h", "resolution")}
    for name, number in numbers.items():
        if number is not None and number < 0:
            raise BadRequest(f"{name} is below 0", parameter=name)
    format_name = query.get("format", "")
    if format_name not in _MEDIA_TYPES:
        raise BadRequest(
            f"format={shown(format_name)} is not tif; without it values come bare",
            parameter="format",
        )
    return PixelTileRequest(
        image_id,
        plane,
        numbers["x"] or 0,
        numbers["y"] or 0,
        numbers["w"] or None,
        numbers["h"] or None,
        numbers["resolution"],
        format_name,
    )


def read_pixel_tile(call: Call, request: PixelTileRequest, client_has: ClientHas) -> Picture:
    """Give the values, big-endian. Raises RegionOutside where no pixel is inside the image."""
    info = call.image_info(request.image_id)
    plane = request.plane
    check_plane(info, plane.z, plane.t, plane.c)
    area = _area(info, request)
    if area.pixels > call.settings.max_output_pixels:
        raise TooLarge(
            f"{area.pixels} pixels are more than {call.settings.max_output_pixels} "
            "(setting max_output_pixels); ask for a part, or for a smaller resolution"
        )
    text = values_text(call.parts.source_name, info, area, [plane], None, ("tile", request.format))
    region = area.region
    headers = (
        ("X-Pixel-Type", info.pixel_type),
        ("X-Byte-Order", "big-endian"),
        ("X-Shape", f"{region.height},{region.width}"),
    )
    media_type = _MEDIA_TYPES[request.format]
    picture = Picture(None, media_type, digest(text), True, headers=headers)

    def read() -> bytes:
        [values] = read_planes(call, info, [plane], area)
        if request.format == "tif":
            return call.work(PlaneTiffJob(values, info.pixel_type))
        return call.work(ArrayJob((values,), info.pixel_type, "raw"))

    return filled(call, picture, client_has, read, info.image_id)


def _area(info: ImageInfo, request: PixelTileRequest) -> SourceArea:
    count = len(info.levels)
    resolution = count - 1 if request.resolution is None else request.resolution
    if resolution >= count:
        raise BadRequest(
            f"resolution={resolution} does not exist; image {info.image_id} has 0 to {count - 1}",
            parameter="resolution",
        )
    level = count - 1 - resolution
    size_x, size_y = info.levels[level]
    width = size_x if request.width is None else request.width
    height = size_y if request.height is None else request.height
    region = Region(request.x, request.y, width, height).clipped(size_x, size_y)
    return SourceArea(level, region)
