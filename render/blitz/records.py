"""What listings and look-ups answer, as frozen records. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class SessionUser:
    """Who a session belongs to, and in which group it stands (OMERO's event context)."""

    user_id: int
    user_name: str
    group_id: int
    group_name: str
    is_admin: bool = False
    member_of_groups: tuple[int, ...] = ()


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
class LookupTableFile:
    """A lookup table on the server; `path` is its folder, as in `/luts/`."""

    id: int
    path: str
    name: str
    size_bytes: int | None


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
