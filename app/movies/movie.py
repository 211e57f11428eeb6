"""What a request for a movie comes to for one image: everything that determines its bytes."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from pydantic import TypeAdapter

from app.call import Call
from app.imaging.areas import SourceArea, resolve_area
from app.imaging.drawing import Drawing, drawing_text
from app.imaging.effective import EffectiveSettings, stored_definition
from app.imaging.keys import digest
from app.imaging.levels import fitted_size, sufficient_level, sufficient_stride, whole_level
from app.imaging.lookup_tables import find_lookup_tables
from app.imaging.planes import bytes_per_pixel
from app.imaging.projections import check_projection_bytes, resolve_projection
from app.movies.params import MovieRequest
from app.movies.stamps import stamps
from app.params import Orientation, ProjectionRequest, RenderRequest
from app.pipeline import check_plane, settings_of
from render.engine.composite import needed_channels
from render.engine.marks import Marks, ScaleBar, fitting_length
from render.errors import BadRequest, NotFound, TooLarge
from render.movie import FORMATS, MOVIE_VERSION, MovieFormat
from render.values import Encoding, ImageInfo, Region, RenderingDefinition


@dataclass(frozen=True)
class MovieSpec:
    """What a job has to know to make a movie, as JSON can hold it; all settings are in it.

    Frames are `start`, `start + step`, … up to before `stop`, along `axis`; `stamps` has a text
    for each, or is empty.
    """

    image_id: int
    axis: str
    position: int
    start: int
    stop: int
    step: int
    definition: RenderingDefinition
    projection: ProjectionRequest | None
    orientation: Orientation
    area: SourceArea
    size: tuple[int, int] | None
    stride: int
    format: str
    fps: int
    bar: ScaleBar | None
    stamps: tuple[str, ...]

    @property
    def indices(self) -> range:
        """Give the indices of the frames along the axis."""
        return range(self.start, self.stop, self.step)

    def dumped(self) -> dict[str, Any]:
        """Give all of it as plain values."""
        return json.loads(json.dumps(asdict(self), default=_plain))


_SPEC = TypeAdapter(MovieSpec)


@dataclass(frozen=True)
class Movie:
    """A movie of an image that the viewer may see, with the lookup tables that it needs."""

    info: ImageInfo
    spec: MovieSpec
    settings: EffectiveSettings

    @property
    def kind(self) -> MovieFormat:
        """Give the kind of file."""
        return FORMATS[self.spec.format]

    def drawing(self, index: int) -> Drawing:
        """Give what the frame at an index along the axis shows."""
        spec = self.spec
        z, t = (index, spec.position) if spec.axis == "z" else (spec.position, index)
        return Drawing(
            self.info,
            self.settings,
            spec.area,
            z,
            t,
            resolve_projection(self.info, spec.projection),
            spec.orientation,
            Encoding(spec.format),
            spec.size,
            spec.stride,
        )

    def marks(self, number: int) -> Marks:
        """Give what is written on a frame, counted from 0 in the order in which they are shown."""
        stamps = self.spec.stamps
        return Marks(self.spec.bar, stamps[number] if stamps else "")

    def key(self, call: Call) -> str:
        """Give the digest of all that determines the file's bytes."""
        spec = self.spec
        purpose = (
            *("movie", MOVIE_VERSION, spec.axis, spec.start, spec.stop, spec.step, spec.fps),
            *(spec.size, spec.stride, spec.bar, *spec.stamps),
        )
        return digest(drawing_text(call, self.drawing(spec.start), purpose))


def resolve_movie(call: Call, info: ImageInfo, request: MovieRequest) -> Movie:
    """Fit a request to the image; settings are those of the first frame, for all of them.

    Raises BadRequest, NotFound, and TooLarge for a movie that is too long or too large.
    """
    start, stop, step = _frames(info, request)
    indices = range(start, stop, step)
    frames = len(indices)
    if frames > call.settings.movie_max_frames:
        raise TooLarge(
            f"the movie has {frames} frames, more than {call.settings.movie_max_frames} (setting "
            "movie_max_frames); ask for a part with range",
            parameter="range",
        )
    z, t = (start, request.position) if request.axis == "z" else (request.position, start)
    check_plane(info, z, t)
    projection = resolve_projection(info, request.projection)
    picture = RenderRequest(
        info.image_id, z, t, request.region, request.settings, request.projection, Encoding()
    )
    stored = stored_definition(call, info)
    settings = settings_of(call, info, stored, picture, z, t, projection)
    # However large it is, only what is shown of it is read.
    full = resolve_area(info, request.region, request.orientation, info.size_x * info.size_y)
    size = _size(call, full.region, request.size)
    area = _area_at(info, full, size)
    width, height = area.region.width, area.region.height
    stride = 1
    if projection is None and area == whole_level(info, area.level):
        stride = sufficient_stride((width, height), size)
    spec = MovieSpec(
        image_id=info.image_id,
        axis=request.axis,
        position=request.position,
        start=start,
        stop=stop,
        step=step,
        definition=settings.definition,
        projection=request.projection,
        orientation=request.orientation,
        area=area,
        size=None if size == (width, height) else size,
        stride=stride,
        format=request.format,
        fps=request.fps,
        bar=_bar(info, request, full.region, size),
        stamps=stamps(call, info, request.axis, indices) if request.stamped else (),
    )
    movie = Movie(info, spec, settings)
    _check_bytes(call, movie)
    return movie


def restored_movie(call: Call, details: Mapping[str, Any]) -> Movie:
    """Give the movie of a job's details, if the viewer may still see the image."""
    spec = _SPEC.validate_python(details)
    info = call.image_info(spec.image_id)
    named = [spec.definition.bindings[c].lut or "" for c in needed_channels(spec.definition)]
    luts = find_lookup_tables(call, (name for name in named if name))
    if {name.strip().lower() for name in named if name} - luts.keys():
        raise NotFound("a lookup table of the movie is gone; ask again")
    return Movie(info, spec, EffectiveSettings(spec.definition, luts))


def _frames(info: ImageInfo, request: MovieRequest) -> tuple[int, int, int]:
    count = info.size_z if request.axis == "z" else info.size_t
    ends = (
        0 if request.first is None else request.first,
        count - 1 if request.last is None else request.last,
    )
    if (ends[0] < 0 and ends[1] < 0) or (ends[0] >= count and ends[1] >= count):
        raise NotFound(
            f"range={ends[0]}:{ends[1]} has no frame; image {info.image_id} has {request.axis} "
            f"0 to {count - 1}",
            parameter="range",
        )
    first, last = (min(max(end, 0), count - 1) for end in ends)
    return (first, last + 1, 1) if first <= last else (first, last - 1, -1)


def _size(call: Call, region: Region, wanted: int | None) -> tuple[int, int]:
    """Give the (width, height) of the frames before they are turned; nothing is enlarged."""
    most, longest = call.settings.movie_max_side, max(region.width, region.height)
    if wanted is not None and wanted > most:
        raise TooLarge(
            f"size={wanted} is more than {most} (setting movie_max_side)", parameter="size"
        )
    side = min(wanted or most, longest)
    if side == longest:
        return region.width, region.height
    return fitted_size(region.width, region.height, side)


def _area_at(info: ImageInfo, full: SourceArea, size: tuple[int, int]) -> SourceArea:
    """Give a part of an image at the smallest level that need not be enlarged."""
    region = full.region
    sizes = [
        (
            max(1, region.width * width // info.size_x),
            max(1, region.height * height // info.size_y),
        )
        for width, height in info.levels
    ]
    level = sufficient_level(sizes, size)
    if level == 0:
        return full
    if (region.width, region.height) == (info.size_x, info.size_y):
        return whole_level(info, level)
    level_width, level_height = info.levels[level]
    width, height = sizes[level]
    x = min(region.x * level_width // info.size_x, level_width - width)
    y = min(region.y * level_height // info.size_y, level_height - height)
    return SourceArea(level, Region(x, y, width, height))


def _bar(
    info: ImageInfo, request: MovieRequest, region: Region, size: tuple[int, int]
) -> ScaleBar | None:
    if request.bar_um is None:
        return None
    turned = request.orientation.rotation in (90, 270)
    pixel_um = info.pixel_size_y if turned else info.pixel_size_x
    if not pixel_um or not math.isfinite(pixel_um) or pixel_um < 0:
        raise BadRequest(
            f"the size of a pixel of image {info.image_id} is not known, which a scale bar needs",
            parameter="scalebar",
        )
    (have, width) = (region.height, size[1]) if turned else (region.width, size[0])
    um_per_pixel = pixel_um * have / width
    length_um = request.bar_um or fitting_length(width, um_per_pixel)
    pixels = max(1, round(min(length_um / um_per_pixel, 2.0 * width)))
    if pixels > width:
        raise BadRequest(
            f"a scale bar of {length_um:g} µm is longer than the picture is wide",
            parameter="scalebar",
        )
    return ScaleBar(pixels, length_um)


def _check_bytes(call: Call, movie: Movie) -> None:
    """Raise TooLarge for frames that could not be drawn."""
    if movie.spec.stride > 1:
        return
    channels = len(needed_channels(movie.spec.definition))
    needed = channels * movie.spec.area.pixels * bytes_per_pixel(movie.info)
    if needed > call.settings.max_raw_bytes:
        raise TooLarge(
            f"each frame needs {needed} bytes of raw pixels; at most "
            f"{call.settings.max_raw_bytes} are allowed (setting max_raw_bytes)",
            parameter="region",
        )
    projection = resolve_projection(movie.info, movie.spec.projection)
    if projection is not None:
        check_projection_bytes(call, movie.info, projection, channels, movie.spec.area)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} is no plain value")
