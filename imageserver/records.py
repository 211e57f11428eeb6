"""What the index knows about images, files and lookup tables, as frozen records.

Sizes are in pixels, physical sizes in µm, wavelengths in nm, times in seconds since the epoch.
Level 0 is full size, as everywhere in our code; only the Ice services count the other way.
"""

from dataclasses import dataclass

from imageserver.readers.objects import PlateMetadata


@dataclass(frozen=True)
class ChannelRecord:
    """One channel. `color` is (red, green, blue, alpha) or None; `stats` (min, max) or None."""

    id: int
    logical_id: int
    name: str | None = None
    color: tuple[int, int, int, int] | None = None
    lut: str | None = None
    emission_wave: float | None = None
    excitation_wave: float | None = None
    stats: tuple[float, float] | None = None


@dataclass(frozen=True)
class FileRecord:
    """An original file below the folder. `path` is absolute and resolved, `name` its last part."""

    id: int
    name: str
    relative_path: str
    path: str
    size_bytes: int
    mtime_s: float
    mimetype: str


@dataclass(frozen=True)
class ImageRecord:
    """One image of one file. `problem` is None, or says in one sentence why it is unreadable.

    An unreadable image has sizes 0, no channels and no levels. `levels` are (width, height),
    those made in the background included once they are there. `version` rises when the file's
    pixels change. `path` is that of its file, or of the folder that it is, below the served one;
    `series` the image's number in the file. Those `in_plate` may be very many: they are opened when
    they are asked for only.
    """

    id: int
    pixels_id: int
    fileset_id: int
    dataset_id: int
    file_ids: tuple[int, ...]
    name: str
    description: str
    pixel_type: str
    significant_bits: int | None
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    physical_size_x: float | None
    physical_size_y: float | None
    physical_size_z: float | None
    channels: tuple[ChannelRecord, ...]
    levels: tuple[tuple[int, int], ...]
    tile_width: int
    tile_height: int
    nominal_magnification: float | None
    acquired_at_s: float | None
    imported_at_s: float
    version: int
    problem: str | None = None
    has_rois: bool = False
    annotated: bool = False
    path: str = "."
    series: int = 0
    in_plate: bool = False


@dataclass(frozen=True)
class PlateRecord:
    """The plate `number` of one file; `image_ids` are those of the file's images, in its order."""

    id: int
    fileset_id: int
    number: int
    name: str
    metadata: PlateMetadata
    image_ids: tuple[int, ...]


@dataclass(frozen=True)
class DatasetRecord:
    """A folder that holds images; `name` is its path below the root, `.` for the root itself."""

    id: int
    name: str
    description: str = ""


@dataclass(frozen=True)
class ProjectRecord:
    """The folder that is served, or one directly below it that has an owner of its own.

    `path` is `.` or the name of that folder.
    """

    id: int
    name: str
    description: str = ""
    path: str = "."
