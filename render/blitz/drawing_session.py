"""What a session does with regions of interest and images that users make."""

from collections.abc import Mapping, Sequence

from render.blitz import projecting, roi_saving
from render.blitz.model_records import ModelRecord, NewProjection
from render.blitz.object_session import ObjectSession
from render.deadline import Deadline
from render.errors import ServiceError
from render.values import ImageInfo


class DrawingSession(ObjectSession):
    """A viewer's session. What it saves stays saved even if the deadline passes first.

    All raise Forbidden where OMERO does not permit it, and NotFound for regions or shapes that are
    not those of the image.
    """

    def add_rois(
        self, info: ImageInfo, shapes: Sequence[ModelRecord], deadline: Deadline
    ) -> tuple[tuple[int, int], ...]:
        """Save each shape in a region of its own; give the ids of region and shape of each."""
        return self._run(lambda live: roi_saving.add_rois(live, info, shapes, deadline), deadline)

    def change_shapes(
        self, info: ImageInfo, shapes: Sequence[ModelRecord], deadline: Deadline
    ) -> None:
        """Make shapes, told by their ids, what the records say; masks keep their bits."""
        self._run(lambda live: roi_saving.change_shapes(live, info, shapes, deadline), deadline)

    def remove_shapes(
        self, info: ImageInfo, shapes: Mapping[int, Sequence[int]], deadline: Deadline
    ) -> None:
        """Take shapes out of regions that keep others: ids of shapes by that of their region."""
        self._run(lambda live: roi_saving.remove_shapes(live, info, shapes, deadline), deadline)

    def delete_rois(self, info: ImageInfo, roi_ids: Sequence[int], deadline: Deadline) -> None:
        """Delete regions with all their shapes."""
        self._run(lambda live: roi_saving.delete_rois(live, info, roi_ids, deadline), deadline)

    def save_projection(
        self, info: ImageInfo, wanted: NewProjection, deadline: Deadline
    ) -> tuple[int, ServiceError | None]:
        """Make a new image of a projection; give its id, and what went wrong after it was made.

        Raises BadRequest where the server makes no new images.
        """
        return self._run(
            lambda live: projecting.save_projection(live, info, wanted, deadline), deadline
        )
