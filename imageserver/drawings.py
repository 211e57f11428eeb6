"""Regions of interest that users drew, as frozen values; files and their regions stay as they are.

`imageserver.drawing_store` keeps them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from imageserver.definitions import SaveEvent
from imageserver.readers.objects import ShapeMetadata

#: Ids of what was drawn lie above those of what files tell, and where JavaScript still counts.
FIRST_ID = 1 << 52


@dataclass(frozen=True, slots=True)
class DrawnShape:
    """One shape that somebody drew."""

    id: int
    version: int
    shape: ShapeMetadata


@dataclass(frozen=True, slots=True)
class DrawnRoi:
    """A region that somebody drew, with its shapes by rising id."""

    id: int
    image_id: int
    owner_id: int
    version: int
    name: str | None
    description: str | None
    shapes: tuple[DrawnShape, ...]
    created: SaveEvent
    updated: SaveEvent


@dataclass(frozen=True)
class Drawings:
    """All drawn regions at one moment, by image and id; the regions of shapes, images of regions.

    A region and a shape may have the same id.
    """

    by_image: Mapping[int, Mapping[int, DrawnRoi]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    image_of_roi: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    roi_of_shape: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    def of_image(self, image_id: int) -> Iterable[DrawnRoi]:
        """Give the regions of an image by rising id."""
        return self.by_image.get(image_id, {}).values()

    def roi(self, roi_id: int) -> DrawnRoi | None:
        """Give a region by its id."""
        image_id = self.image_of_roi.get(roi_id)
        return None if image_id is None else self.by_image[image_id][roi_id]

    def images_of(self, identifier: int) -> set[int]:
        """Give the images of the region and of the shape with an id."""
        rois = (identifier, self.roi_of_shape.get(identifier))
        found = (self.image_of_roi.get(roi_id) for roi_id in rois if roi_id is not None)
        return {image_id for image_id in found if image_id is not None}


@dataclass(frozen=True)
class GivenShape:
    """A shape to save: as the one with an id, else a new one. `version` is the one last seen."""

    shape: ShapeMetadata
    id: int | None = None
    version: int | None = None


@dataclass(frozen=True)
class GivenRoi:
    """A region to save: as the one with an id, else a new one of an image.

    `shapes` None leaves those that it has; else it has exactly these afterwards. With
    `only_shapes` name and description stay, and so do shapes that are not among them.
    """

    image_id: int
    shapes: tuple[GivenShape, ...] | None
    id: int | None = None
    version: int | None = None
    name: str | None = None
    description: str | None = None
    only_shapes: bool = False
