"""What files tell beside pixels: regions of interest, annotations, plates.

Indices start at 0, coordinates are in pixels of the full size, lengths are pairs of a number and
the name of OMERO's unit, times are in seconds since the epoch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Regions of one image, and shapes of one image, are numbered below this.
MAX_PER_IMAGE = 1 << 20

Length = tuple[float, str]


@dataclass(frozen=True)
class LabelPlane:
    """One label on one plane of a label image: what a mask's bits are made from."""

    image: str
    value: int
    z: int
    t: int


@dataclass(frozen=True)
class ShapeMetadata:
    """One shape. `kind` is OMERO's class, `values` its members by OMERO's names.

    Colours are signed 32-bit RGBA, `transform` holds a00, a10, a01, a11, a02, a12. The bits of a
    mask are `bytes`, or for one that comes from a `label`, read when they are asked for.
    """

    kind: str
    values: Mapping[str, Any]
    label: LabelPlane | None = None


@dataclass(frozen=True)
class RoiMetadata:
    """One region of interest of one image, with all its shapes."""

    shapes: tuple[ShapeMetadata, ...]
    name: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class AnnotationMetadata:
    """One annotation. `kind` is OMERO's class; `value` what its kind holds, pairs for a map.

    It hangs on the images `images` (by their number in the file), the plates `plates` (by theirs)
    and the wells `wells` (plate, row, column).
    """

    kind: str
    value: Any
    namespace: str | None = None
    description: str | None = None
    images: tuple[int, ...] = ()
    plates: tuple[int, ...] = ()
    wells: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True)
class FieldMetadata:
    """A field of a well: the image `series` of the file, and where the stage stood.

    `acquisition` is a place in the plate's acquisitions, or None.
    """

    series: int
    acquisition: int | None = None
    position_x: Length | None = None
    position_y: Length | None = None


@dataclass(frozen=True)
class WellMetadata:
    """A well with its fields in order. `color` is (red, green, blue, alpha) or None."""

    row: int
    column: int
    fields: tuple[FieldMetadata, ...] = ()
    kind: str | None = None
    external_id: str | None = None
    external_description: str | None = None
    color: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class AcquisitionMetadata:
    """A run of a plate through the microscope."""

    name: str | None = None
    description: str | None = None
    started_at_s: float | None = None
    ended_at_s: float | None = None
    maximum_field_count: int | None = None


@dataclass(frozen=True)
class ScreenMetadata:
    """What a plate belongs to; screens of one file with one `number` are one screen."""

    number: int
    name: str
    description: str = ""


@dataclass(frozen=True)
class PlateMetadata:
    """A plate with its wells by row and column. Naming is `letter` or `number`, or None."""

    name: str
    wells: tuple[WellMetadata, ...]
    description: str = ""
    rows: int | None = None
    columns: int | None = None
    row_naming: str | None = None
    column_naming: str | None = None
    external_id: str | None = None
    status: str | None = None
    acquisitions: tuple[AcquisitionMetadata, ...] = ()
    screen: ScreenMetadata | None = None
    origin_x: Length | None = None
    origin_y: Length | None = None
    annotated: bool = False
