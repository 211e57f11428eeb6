"""What listings and look-ups answer, as frozen records. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from render.values import RenderingDefinition


@dataclass(frozen=True)
class SessionUser:
    """Who a session belongs to, and in which group it stands (OMERO's event context)."""

    user_id: int
    user_name: str
    group_id: int
    group_name: str
    is_admin: bool = False
    member_of_groups: tuple[int, ...] = ()
    leader_of_groups: tuple[int, ...] = ()
    session_id: int = 0
    event_id: int = -1
    event_type: str = "User"


@dataclass(frozen=True)
class ContainerRecord:
    """A project with the number of its datasets, or a dataset with the number of its images."""

    id: int
    name: str
    description: str
    child_count: int


@dataclass(frozen=True)
class ImageItem:
    """One image of a listing. `date_s` is when it was acquired, else when it was imported."""

    id: int
    name: str | None
    description: str
    author: str
    date_s: float
    size_x: int | None
    size_y: int | None


@dataclass(frozen=True)
class StagePosition:
    """A coordinate of the stage; `unit` is OMERO's name, such as `MICROMETER`."""

    value: float
    unit: str


@dataclass(frozen=True)
class FieldItem:
    """A field of a well: its image, where the stage stood, and in which run it was acquired."""

    image: ImageItem
    position_x: StagePosition | None = None
    position_y: StagePosition | None = None
    run_id: int | None = None
    run_name: str | None = None


@dataclass(frozen=True)
class WellItem:
    """A well with its fields in order; those without an image that is visible are left out.

    Row and column are counted from 0; naming is `letter`, `number` or None. `can_download` tells
    whether the data of its images may be taken away.
    """

    id: int
    row: int
    column: int
    plate_id: int
    row_naming: str | None
    column_naming: str | None
    fields: tuple[FieldItem, ...]
    can_download: bool = True


@dataclass(frozen=True)
class PlateField:
    """The image of one well in the grid of a plate; row and column are counted from 0."""

    row: int
    column: int
    well_id: int
    image: ImageItem


@dataclass(frozen=True)
class PlateGrid:
    """The same field of all wells of a plate.

    The wells, with and without an image, lie in the rows `first_row` to `last_row` and columns
    alike, counted from 0 and inclusive; a plate without wells has last ones of -1.
    """

    plate_id: int
    row_naming: str | None
    column_naming: str | None
    first_row: int
    last_row: int
    first_column: int
    last_column: int
    fields: tuple[PlateField, ...]


@dataclass(frozen=True)
class ContainerInfo:
    """What a project, dataset, screen or plate is called."""

    id: int
    name: str
    description: str


@dataclass(frozen=True)
class SearchHit:
    """What a search found; `kind` is `Project`, `Dataset` or `Image`, of which `image` tells."""

    kind: str
    id: int
    name: str
    description: str
    image: ImageItem | None = None


@dataclass(frozen=True)
class TableColumn:
    """A column of a table; `kind` is OMERO's class, such as `LongColumn`."""

    name: str
    description: str
    kind: str


@dataclass(frozen=True)
class FileLink:
    """A file that is attached to something: the annotation, its file, and who attached it.

    `added_at_s` is when, in seconds since the epoch.
    """

    annotation_id: int
    file_id: int
    file_name: str
    namespace: str | None
    parent_id: int
    owner: str
    added_by: str
    added_at_s: float | None


@dataclass(frozen=True)
class OriginalFile:
    """A file as it was imported.

    `folder` is where it lies on the server, ending in `/`; `client_path` where it came from.
    `version` changes when the content does, as far as the server tells. `size_bytes` is None
    where the server does not tell.
    """

    id: int
    folder: str
    name: str
    client_path: str
    size_bytes: int | None
    version: str


@dataclass(frozen=True)
class Fileset:
    """The files that were imported together; `prefix` is the folder on the server for all."""

    id: int
    prefix: str
    files: tuple[OriginalFile, ...]


@dataclass(frozen=True)
class LookupTableFile:
    """A lookup table on the server; `path` is its folder, as in `/luts/`."""

    id: int
    path: str
    name: str
    size_bytes: int | None


@dataclass(frozen=True)
class DefinitionRecord:
    """One of an image's stored rendering definitions, and whose it is."""

    definition: RenderingDefinition
    owner_id: int
    owner_first_name: str
    owner_last_name: str


@dataclass(frozen=True)
class Changes:
    """What changed until the entry `last` of the server's event log: these images, or anything."""

    last: int
    image_ids: tuple[int, ...] = ()
    everything: bool = False


@dataclass(frozen=True)
class CopyResult:
    """Ids of the images that got the settings, and of those that they do not fit."""

    changed: tuple[int, ...] = ()
    unchanged: tuple[int, ...] = ()


@dataclass(frozen=True)
class ServerSettings:
    """What the server says about itself.

    Sizes are in pixels. `client` holds the values of `omero.client.*` without that prefix.
    """

    max_plane_width: int = 3192
    max_plane_height: int = 3192
    tile_width: int = 256
    tile_height: int = 256
    max_tile_length: int = 1024
    max_projection_bytes: int = 268435456
    float_needs_no_pyramid: bool = True
    client: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def requires_pyramid(self, size_x: int, size_y: int, pixel_type: str) -> bool:
        """Tell whether the server makes a pyramid for planes of that size."""
        if self.float_needs_no_pyramid and pixel_type in ("float", "double"):
            return False
        return self.is_large(size_x, size_y)

    def is_large(self, size_x: int, size_y: int) -> bool:
        """Tell whether planes of that size are too large to be read as a whole."""
        return size_x * size_y > self.max_plane_width * self.max_plane_height
