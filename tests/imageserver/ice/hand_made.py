"""An index without files: images, regions, a plate and annotations."""

from collections.abc import Iterable
from typing import Any

from imageserver.accounts import View, local_accounts
from imageserver.accounts.model import LOCAL_USER_ID
from imageserver.accounts.views import ALL_GROUPS, view_of
from imageserver.definitions import Definitions
from imageserver.drawings import Drawings
from imageserver.kept import Kept
from imageserver.readers.objects import (
    MAX_PER_IMAGE,
    AcquisitionMetadata,
    AnnotationMetadata,
    FieldMetadata,
    PlateMetadata,
    RoiMetadata,
    ScreenMetadata,
    ShapeMetadata,
    WellMetadata,
)
from imageserver.readers.ome_plates import MAX_SIDE
from imageserver.records import (
    ChannelRecord,
    DatasetRecord,
    FileRecord,
    ImageRecord,
    PlateRecord,
    ProjectRecord,
)


def make_image(identifier: int, name: str, dataset: int = 1, **changes: Any) -> ImageRecord:
    first = identifier * 10
    known: dict[str, Any] = {
        "id": identifier,
        "pixels_id": 100 + identifier,
        "fileset_id": 200 + identifier,
        "dataset_id": dataset,
        "file_ids": (300 + identifier,),
        "name": name,
        "description": "",
        "pixel_type": "uint16",
        "significant_bits": 12,
        "size_x": 64 * identifier,
        "size_y": 48,
        "size_z": 5,
        "size_c": 2,
        "size_t": 1,
        "physical_size_x": 0.5,
        "physical_size_y": None,
        "physical_size_z": None,
        "channels": (
            ChannelRecord(first, first, "DAPI", (0, 0, 255, 255), None, 450.0, None, (3, 9)),
            ChannelRecord(first + 1, first + 1, None, None, "cool.lut", None, 560.0, None),
        ),
        "levels": ((64 * identifier, 48),),
        "tile_width": 64,
        "tile_height": 48,
        "nominal_magnification": None,
        "acquired_at_s": None,
        "imported_at_s": 1000.0 + identifier,
        "version": 1,
    }
    return ImageRecord(**{**known, **changes})


#: Two regions in one image, one in another.
REGIONS = {
    2: (
        RoiMetadata(
            (
                ShapeMetadata("Rectangle", {"x": 1.0, "y": 2.0, "theZ": 3}),
                ShapeMetadata("Point", {"x": 5.0, "y": 6.0, "strokeWidth": (2.0, "PIXEL")}),
            ),
            name="first",
        ),
        RoiMetadata(()),
    ),
    3: (RoiMetadata((ShapeMetadata("Mask", {"x": 0.0, "width": 8.0, "height": 4.0}),)),),
}
#: Of the file of the second image, and the plate in it.
ANNOTATIONS = (
    AnnotationMetadata("MapAnnotation", (("gene", "cdc2"), ("gene", "")), "ns/a", images=(0,)),
    AnnotationMetadata("TagAnnotation", "good", images=(0, 7), plates=(0,), wells=((0, 2, 3),)),
    AnnotationMetadata("LongAnnotation", 5, images=(9,)),
)
#: Two wells, one of them with an image that is not there.
PLATE = PlateMetadata(
    name="plate",
    rows=8,
    row_naming="letter",
    acquisitions=(AcquisitionMetadata("run", started_at_s=12.5),),
    screen=ScreenMetadata(1, "screen"),
    annotated=True,
    wells=(
        WellMetadata(0, 1, (FieldMetadata(0, 0, (2.5, "MICROMETER")), FieldMetadata(1))),
        WellMetadata(2, 3, (FieldMetadata(2),), kind="control"),
    ),
)
FIRST_WELL = 5 * MAX_SIDE * MAX_SIDE + 1
SECOND = 2 * MAX_PER_IMAGE


class HandMadeIndex:
    """Two folders with three images, one of them with an objective, and one unreadable."""

    def __init__(self) -> None:
        self._images = [
            make_image(1, "beta"),
            make_image(2, "Alpha", nominal_magnification=20.0, acquired_at_s=99.5, annotated=True),
            make_image(3, "gamma_1", dataset=2),
            make_image(4, "broken", problem="it is empty", channels=(), size_c=0),
        ]

    def revision(self) -> int:
        return 1

    def project(self, path: str = ".") -> ProjectRecord:
        return ProjectRecord(1, "images", path=path)

    def datasets(self) -> Iterable[DatasetRecord]:
        return [DatasetRecord(1, "."), DatasetRecord(2, "more")]

    def images(self) -> Iterable[ImageRecord]:
        return self._images

    def image(self, image_id: int, *, wait_stats_s: float = 0) -> ImageRecord:
        return next(image for image in self._images if image.id == image_id)

    def files(self) -> Iterable[FileRecord]:
        return [
            FileRecord(300 + i.id, i.name, f"a/{i.name}", f"/x/{i.name}", 1000 * i.id, 5.0, "x")
            for i in self._images
        ]

    def luts(self) -> Iterable[Any]:
        return []

    def plates(self) -> Iterable[PlateRecord]:
        return [PlateRecord(5, 202, 0, "plate", PLATE, (2, 3, 99))]

    def rois(self, image: ImageRecord) -> tuple[RoiMetadata, ...]:
        return REGIONS.get(image.id, ())

    def annotations(self, image: ImageRecord) -> tuple[AnnotationMetadata, ...]:
        return ANNOTATIONS if image.fileset_id == 202 else ()

    def mask(self, image: ImageRecord, shape: ShapeMetadata) -> bytes:
        return b"\x80"

    def drawings(self) -> Drawings:
        return Drawings()

    def kept(self) -> Kept:
        return Kept()

    def definitions(self) -> Definitions:
        return Definitions()


def local_view() -> View:
    accounts = local_accounts()
    return view_of(accounts, accounts.users[LOCAL_USER_ID], ALL_GROUPS)
