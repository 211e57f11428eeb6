"""Frozen value objects that travel between the layers: what is rendered, and how.

Indices are zero-based, resolution level 0 is full size, sizes are in pixels of the level,
arrays are (height, width). Nothing here does I/O or knows of a framework.
"""

from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from render.errors import BadRequest, RegionOutside

#: Numpy type of each pixel type as it travels: planes are big-endian.
DTYPES = {
    "bit": "u1",
    "int8": "i1",
    "uint8": "u1",
    "int16": ">i2",
    "uint16": ">u2",
    "int32": ">i4",
    "uint32": ">u4",
    "float": ">f4",
    "double": ">f8",
}


def dtype_named(pixel_type: str) -> np.dtype:
    """Give how pixels of a type travel; BadRequest for one that OMERO has and we cannot render."""
    try:
        return np.dtype(DTYPES[pixel_type])
    except KeyError:
        raise BadRequest(
            f"pixel type '{pixel_type}' cannot be rendered; the types are {', '.join(DTYPES)}"
        ) from None


class Model(Enum):
    """How active channels become one picture; values are OMERO's names."""

    GREYSCALE = "greyscale"
    RGB = "rgb"


class ProjectionKind(Enum):
    """What a projection keeps of the values along its axis; values as in `p=`."""

    MAXIMUM = "intmax"
    MEAN = "intmean"
    SUM = "intsum"


@dataclass(frozen=True)
class PlaneIndex:
    """One plane of a pixels set."""

    z: int
    c: int
    t: int


@dataclass(frozen=True)
class Region:
    """A rectangle in pixels at one resolution level; right and bottom are exclusive."""

    x: int
    y: int
    width: int
    height: int

    def clipped(self, size_x: int, size_y: int) -> "Region":
        """Give the part inside a level of that size; raise RegionOutside if nothing is."""
        left, top = max(self.x, 0), max(self.y, 0)
        right = min(self.x + self.width, size_x)
        bottom = min(self.y + self.height, size_y)
        if right <= left or bottom <= top:
            raise RegionOutside(
                f"region {self.x},{self.y},{self.width},{self.height} has no pixel inside the "
                f"image, which is {size_x} x {size_y} at that level"
            )
        return Region(left, top, right - left, bottom - top)


@dataclass(frozen=True)
class TileIndex:
    """A cell of the regular grid over one level; width and height None = the image's own."""

    level: int
    column: int
    row: int
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Window:
    """The input interval that is stretched over the output; as given, not yet clamped."""

    start: float
    end: float


@dataclass(frozen=True)
class Color:
    """A channel's colour, each part 0 to 255."""

    red: int
    green: int
    blue: int
    alpha: int = 255


@dataclass(frozen=True)
class ChannelBinding:
    """How one channel is drawn. `lut` is a file name such as `cool.lut`, or None."""

    active: bool
    window: Window
    color: Color
    lut: str | None = None
    family: str = "linear"
    coefficient: float = 1.0
    noise_reduction: bool = False
    reverse_intensity: bool = False


@dataclass(frozen=True)
class RenderingDefinition:
    """All bindings of an image, one per channel in channel order, and what they share.

    `rdef_id` and `version` name the definition stored in OMERO; both are None for one that was
    computed. `cd_start` and `cd_end` are the output interval, 0 to 255.
    """

    model: Model
    bindings: tuple[ChannelBinding, ...]
    default_z: int = 0
    default_t: int = 0
    cd_start: int = 0
    cd_end: int = 255
    bit_resolution: int = 255
    rdef_id: int | None = None
    version: int | None = None
    owner_id: int | None = None

    def with_bindings(self, bindings: tuple[ChannelBinding, ...]) -> "RenderingDefinition":
        """Give the same definition with other bindings."""
        return replace(self, bindings=bindings)


@dataclass(frozen=True)
class Projection:
    """A reduction over z-sections (or timepoints) `start` to `end`, both inclusive indices."""

    kind: ProjectionKind
    start: int
    end: int


@dataclass(frozen=True)
class Encoding:
    """The output format: `jpeg`, `png`, `webp` or `tif`; `quality` 0 to 1 for lossy ones."""

    format: str = "jpeg"
    quality: float = 0.85


@dataclass(frozen=True)
class ChannelInfo:
    """What OMERO stores about one channel.

    `color` is None when not all four parts are stored. Wavelengths are in the stored unit
    (normally nm). `stats` is the stored global (minimum, maximum), or None.
    """

    name: str | None = None
    color: Color | None = None
    lut: str | None = None
    emission_wave: float | None = None
    excitation_wave: float | None = None
    laser_wave: float | None = None
    has_emission_filter: bool = False
    stats: tuple[float, float] | None = None


@dataclass(frozen=True)
class ObjectPermissions:
    """What the viewer may do with an object; reading is implied by having it."""

    can_annotate: bool = False
    can_edit: bool = False
    can_delete: bool = False
    can_link: bool = False
    can_download: bool = True


@dataclass(frozen=True)
class ContainerRef:
    """A project or dataset that holds an image."""

    id: int
    name: str
    description: str = ""


@dataclass(frozen=True)
class ImageInfo:
    """Everything about an image that rendering and `imgData` need, as one viewer sees it.

    `levels` holds (width, height) of each resolution level, index 0 = full size. Physical sizes
    are in µm or None. Times are seconds since the epoch. `projects` and `datasets` are all that
    hold the image. `rendering_definition` is the stored one in force for the viewer (their own,
    else the owner's), or None. `version` texts change when the pixels do.
    """

    image_id: int
    pixels_id: int
    name: str | None
    description: str
    author: str
    owner_id: int
    group_id: int
    archived: bool
    acquired_at_s: float | None
    imported_at_s: float
    pixel_type: str
    significant_bits: int | None
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixel_size_x: float | None
    pixel_size_y: float | None
    pixel_size_z: float | None
    levels: tuple[tuple[int, int], ...]
    tile_width: int
    tile_height: int
    channels: tuple[ChannelInfo, ...]
    pixels_version: str
    nominal_magnification: float | None = None
    requires_pyramid: bool = False
    permissions: ObjectPermissions = field(default_factory=ObjectPermissions)
    projects: tuple[ContainerRef, ...] = ()
    datasets: tuple[ContainerRef, ...] = ()
    well_sample_ids: tuple[int, ...] = ()
    well_ids: tuple[int, ...] = ()
    rendering_definition: RenderingDefinition | None = None
