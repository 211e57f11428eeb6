"""The catalog as one user may see it; what belongs to others does not exist in it.

Everything that the services and the model over the catalog read comes through here, so that no
service has to ask for itself whether its caller may see what it gives.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from imageserver.accounts import Accounts, Ownership, View
from imageserver.accounts.model import REST
from imageserver.accounts.views import Rights
from imageserver.catalog import UnknownId
from imageserver.definitions import Change, Definitions, SavedDefinition
from imageserver.drawings import Drawings, DrawnRoi, GivenRoi
from imageserver.kept import GivenObject, Kept, KeptObject, Rename
from imageserver.kept_files import OpenKeptFile
from imageserver.readers.objects import AnnotationMetadata, RoiMetadata, ShapeMetadata
from imageserver.records import DatasetRecord, FileRecord, ImageRecord, PlateRecord, ProjectRecord


class PixelBuffer(Protocol):
    """Opened pixels; level 0 is full size."""

    levels: Any
    tile_size: tuple[int, int]
    pixel_type: str

    def read(
        self, level: int, z: int, c: int, t: int, x: int, y: int, width: int, height: int
    ) -> np.ndarray: ...
    def close(self) -> None: ...


class Catalog(Protocol):
    """What is needed of the catalog."""

    def revision(self) -> int: ...
    def project(self, path: str = ...) -> ProjectRecord: ...
    def datasets(self) -> Iterable[DatasetRecord]: ...
    def images(self) -> Iterable[ImageRecord]: ...
    def files(self) -> Iterable[FileRecord]: ...
    def luts(self) -> Iterable[Any]: ...
    def image(self, image_id: int, *, wait_stats_s: float = ...) -> ImageRecord: ...
    def image_by_pixels(self, pixels_id: int, *, wait_stats_s: float = ...) -> ImageRecord: ...
    def file(self, file_id: int) -> FileRecord: ...
    def read_lut(self, lut_id: int) -> bytes: ...
    def open_pixels(self, pixels_id: int) -> PixelBuffer: ...
    def plates(self) -> Iterable[PlateRecord]: ...
    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]: ...
    def annotations(self, image: ImageRecord) -> tuple[AnnotationMetadata, ...]: ...
    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes: ...
    def definitions(self) -> Definitions: ...
    def save_definitions(
        self, user_id: int, changes: Sequence[Change]
    ) -> list[SavedDefinition]: ...
    def drawings(self) -> Drawings: ...
    def save_drawings(self, user_id: int, given: Sequence[GivenRoi]) -> list[DrawnRoi]: ...
    def delete_drawings(self, roi_ids: Sequence[int]) -> list[int]: ...
    def kept(self) -> Kept: ...
    def keep(self, user_id: int, given: Sequence[GivenObject | Rename]) -> list[int]: ...
    def delete_kept(self, ids: Sequence[int]) -> list[KeptObject]: ...
    def open_kept(self, file_id: int, writable: bool) -> OpenKeptFile: ...


class VisibleCatalog:
    """A catalog with nothing in it but what a view may read."""

    def __init__(self, catalog: Catalog, view: View) -> None:
        self._catalog = catalog
        self._view = view
        self._accounts: Accounts = view.accounts

    def ownership(self, record: Any) -> Ownership:
        """Tell to whom an image, file, dataset, project or lookup table belongs."""
        accounts = self._accounts
        if isinstance(record, FileRecord):
            return accounts.ownership_of(record.relative_path)
        if isinstance(record, ImageRecord | ProjectRecord):
            return accounts.ownership_of(record.path)
        if isinstance(record, DatasetRecord):
            return accounts.ownership_of(record.name)
        return accounts.shared

    def projects(self) -> list[ProjectRecord]:
        """Give the folder, and those directly below it with an owner, that hold datasets."""
        used = {self._accounts.place_of(dataset.name) for dataset in self.datasets()}
        # The one user of a server without accounts sees the folder also while it is empty.
        if self._accounts.files_fixed:
            used.add(REST)
        return [self._catalog.project(path) for path in sorted(used)]

    def datasets(self) -> list[DatasetRecord]:
        """Give the folders that hold visible images of their own owner."""
        held = {(image.dataset_id, self.ownership(image)) for image in self.images()}
        return [d for d in self._catalog.datasets() if (d.id, self.ownership(d)) in held]

    def images(self) -> list[ImageRecord]:
        """Give the visible images."""
        places, place_of = self._view.places, self._accounts.place_of
        return [image for image in self._catalog.images() if place_of(image.path) in places]

    def files(self) -> list[FileRecord]:
        """Give the visible original files."""
        return [file for file in self._catalog.files() if self.sees(file)]

    def luts(self) -> list[Any]:
        """Give the visible lookup tables."""
        return [lut for lut in self._catalog.luts() if self.sees(lut)]

    def sees(self, record: Any) -> bool:
        """Tell whether a record is visible."""
        return self._view.reads(self.ownership(record))

    def may_download(self, file: FileRecord) -> bool:
        """Tell whether the bytes of an original file may be given away."""
        return self._view.rights(self.ownership(file), "OriginalFile").download

    def image(self, image_id: int, **options: float) -> ImageRecord:
        """Give an image as the catalog does. Raises UnknownId also for one that is not visible."""
        self._visible(self._catalog.image(image_id, wait_stats_s=0), "image", image_id)
        return self._catalog.image(image_id, **options)

    def image_by_pixels(self, pixels_id: int, **options: float) -> ImageRecord:
        """Give the image of a pixels set. Raises UnknownId also for one that is not visible."""
        found = self._catalog.image_by_pixels(pixels_id, wait_stats_s=0)
        self._visible(found, "pixels", pixels_id)
        return self._catalog.image_by_pixels(pixels_id, **options)

    def file(self, file_id: int) -> FileRecord:
        """Give an original file. Raises UnknownId also for one that is not visible."""
        return self._visible(self._catalog.file(file_id), "file", file_id)

    def read_lut(self, lut_id: int) -> bytes:
        """Give the bytes of a lookup table. Raises UnknownId also when none are visible."""
        if not self._view.reads(self._accounts.shared):
            raise UnknownId(f"lookup table {lut_id} does not exist")
        return self._catalog.read_lut(lut_id)

    def open_pixels(self, pixels_id: int) -> PixelBuffer:
        """Give the pixels of an image. Raises UnknownId also for one that is not visible."""
        self.image_by_pixels(pixels_id, wait_stats_s=0)
        return self._catalog.open_pixels(pixels_id)

    def plates(self) -> list[PlateRecord]:
        """Give the plates of visible images; those of one plate are all in one file."""
        plates = list(self._catalog.plates())
        visible = {image.id for image in self.images()} if plates else set()
        return [plate for plate in plates if not visible.isdisjoint(plate.image_ids)]

    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]:
        """Give the regions of interest of an image, none of one that is not visible."""
        return self._catalog.rois(image) if self.sees(image) else ()

    def annotations(self, image: ImageRecord) -> tuple[AnnotationMetadata, ...]:
        """Give all annotations in the file of an image, none if that is not visible."""
        return self._catalog.annotations(image) if self.sees(image) else ()

    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes:
        """Give the bits of a mask. Raises UnknownId for an image that is not visible."""
        self._visible(image, "image", image.id)
        return self._catalog.mask(image, shape)

    def definitions(self) -> Definitions:
        """Give all saved rendering settings; who sees the pixels may see theirs."""
        return self._catalog.definitions()

    def save_definitions(self, user_id: int, changes: Sequence[Change]) -> list[SavedDefinition]:
        """Save rendering settings. Raises UnknownId for pixels that are not visible."""
        for change in changes:
            self.image_by_pixels(change.pixels_id, wait_stats_s=0)
        return self._catalog.save_definitions(user_id, changes)

    def drawings(self) -> Drawings:
        """Give all drawn regions; who sees an image may see its regions."""
        return self._catalog.drawings()

    def save_drawings(self, user_id: int, given: Sequence[GivenRoi]) -> list[DrawnRoi]:
        """Save drawn regions. Raises UnknownId for an image that is not visible."""
        for image_id in {one.image_id for one in given}:
            self.image(image_id, wait_stats_s=0)
        return self._catalog.save_drawings(user_id, given)

    def delete_drawings(self, roi_ids: Sequence[int]) -> list[int]:
        """Delete drawn regions. Raises UnknownId for one whose image is not visible."""
        drawings = self.drawings()
        for roi_id in roi_ids:
            image_id = drawings.image_of_roi.get(roi_id)
            if image_id is None:
                raise UnknownId(f"region {roi_id} does not exist")
            self.image(image_id, wait_stats_s=0)
        return self._catalog.delete_drawings(roi_ids)

    def kept(self) -> Kept:
        """Give all that users made; who sees an owner's things is told by the view."""
        return self._catalog.kept()

    def keep(self, user_id: int, given: Sequence[GivenObject | Rename]) -> list[int]:
        """Save what a user made, whose right to it was looked at."""
        return self._catalog.keep(user_id, given)

    def delete_kept(self, ids: Sequence[int]) -> list[KeptObject]:
        """Delete what users made, with what goes with it. Raises UnknownId for what is hidden."""
        for identifier in ids:
            self.kept_object(identifier)
        return self._catalog.delete_kept(ids)

    def kept_object(self, identifier: int) -> KeptObject:
        """Give something that a user made. Raises UnknownId also when it is not visible."""
        found = self.kept().objects.get(identifier)
        if found is None or not self._view.reads_of_users(found.ownership):
            raise UnknownId(f"object {identifier} does not exist")
        return found

    def rights_to_kept(self, kept: KeptObject) -> Rights:
        """Tell what the one who asks may do with something that a user made."""
        return self._view.rights(kept.ownership, kept.kind, fixed=False)

    def open_kept(self, file_id: int, writable: bool) -> OpenKeptFile:
        """Open the bytes of an uploaded file. Raises UnknownId also when it is not visible."""
        if self.kept_object(file_id).kind != "OriginalFile":
            raise UnknownId(f"file {file_id} does not exist")
        return self._catalog.open_kept(file_id, writable)

    def _visible(self, record: Any, kind: str, identifier: int) -> Any:
        if not self.sees(record):
            raise UnknownId(f"{kind} {identifier} does not exist")
        return record
