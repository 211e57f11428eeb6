"""What a session reads for OMERO's JSON API: objects as it tells them, and where they lie."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from render.blitz.annotations import list_annotations
from render.blitz.image_places import image_ids_of_dataset, plane_times, wells_of_image
from render.blitz.model_records import (
    AnnotationLink,
    Listing,
    ModelRecord,
    Page,
    PlaneRange,
    PlaneTime,
    ShapePlace,
    WellPlace,
)
from render.blitz.objects import (
    count_children,
    field_range,
    list_objects,
    load_object,
    load_objects,
)
from render.blitz.roi_pages import (
    count_rois,
    count_shapes,
    find_place,
    list_roi_page,
    roi_ids,
)
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.values import ImageInfo

Result = TypeVar("Result")


class ObjectSession:
    """A viewer's session; `_run` opens it when needed, and again when it was lost."""

    def _run(self, operation: Callable[[LiveSession], Result], deadline: Deadline) -> Result:
        raise NotImplementedError

    def annotations(
        self, kind: str, object_ids: Sequence[int], deadline: Deadline
    ) -> tuple[AnnotationLink, ...]:
        """Give the annotations of objects of a class, by the ids of their links.

        Objects that are missing or invisible have none; TooLarge for too many.
        """
        return self._run(lambda live: list_annotations(live, kind, object_ids, deadline), deadline)

    def roi_page(
        self,
        image_id: int,
        planes: PlaneRange | None,
        offset: int,
        limit: int,
        deadline: Deadline,
        only: str = "Shape",
    ) -> Page:
        """Give regions of an image, those with a shape on `planes` if given, with all shapes.

        With `only`, a class such as `Rectangle`, those that have such shapes, and these alone.
        None when there is no such image; TooLarge above Limits.shapes.
        """
        return self._run(
            lambda live: list_roi_page(live, image_id, planes, offset, limit, deadline, only),
            deadline,
        )

    def roi_ids(self, image_id: int, planes: PlaneRange | None, deadline: Deadline) -> list[int]:
        """Give the ids of all the regions that `roi_page` lists, rising."""
        return self._run(lambda live: roi_ids(live, image_id, planes, deadline), deadline)

    def count_rois(self, image_id: int, deadline: Deadline) -> int:
        """Count the regions of an image."""
        return self._run(lambda live: count_rois(live, image_id, deadline), deadline)

    def count_shapes(
        self, image_id: int, deadline: Deadline
    ) -> list[tuple[int | None, int | None, int]]:
        """Give section, timepoint and number of an image's shapes; None = on all of them."""
        return self._run(lambda live: count_shapes(live, image_id, deadline), deadline)

    def shape_place(self, kind: str, object_id: int, deadline: Deadline) -> ShapePlace:
        """Tell where a `roi` or `shape` lies; NotFound when it is missing or invisible."""
        return self._run(lambda live: find_place(live, kind, object_id, deadline), deadline)

    def objects(self, listing: Listing, deadline: Deadline) -> Page:
        """Give a page of objects as OMERO's JSON API tells them."""
        return self._run(lambda live: list_objects(live, listing, deadline), deadline)

    def object(self, kind: str, object_id: int, deadline: Deadline) -> ModelRecord:
        """Load one object as OMERO's JSON API tells it; NotFound when missing or invisible."""
        return self._run(lambda live: load_object(live, kind, object_id, deadline), deadline)

    def objects_of(
        self, kind: str, ids: Sequence[int], deadline: Deadline
    ) -> tuple[ModelRecord, ...]:
        """Load objects in the order of their ids; missing and invisible ones are left out."""
        return self._run(lambda live: load_objects(live, kind, ids, deadline), deadline)

    def count_children(
        self, kind: str, ids: Sequence[int], deadline: Deadline
    ) -> dict[int, int] | None:
        """Count what lies in each container; None for a class in which nothing is counted."""
        return self._run(lambda live: count_children(live, kind, ids, deadline), deadline)

    def field_range(self, kind: str, object_id: int, deadline: Deadline) -> tuple[int, int] | None:
        """Give the lowest and highest index of a plate's fields, None without any."""
        return self._run(lambda live: field_range(live, kind, object_id, deadline), deadline)

    def image_ids(self, dataset_id: int, deadline: Deadline) -> list[int]:
        """Give the ids of a dataset's images in the order in which OMERO.web lists them."""
        return self._run(lambda live: image_ids_of_dataset(live, dataset_id, deadline), deadline)

    def wells_of_image(self, image_id: int, deadline: Deadline) -> tuple[WellPlace, ...]:
        """Give the wells in which an image lies."""
        return self._run(lambda live: wells_of_image(live, image_id, deadline), deadline)

    def plane_times(self, info: ImageInfo, deadline: Deadline) -> tuple[PlaneTime, ...]:
        """Give when the timepoints of an image were, as far as it is told."""
        return self._run(
            lambda live: plane_times(live, info.pixels_id, info.size_t, deadline), deadline
        )
