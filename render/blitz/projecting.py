"""Makes new images of projections, by OMERO's own services.

An image must not be made twice: where the connection breaks meanwhile, that is told and nothing is
tried again.
"""

from typing import Any

from render.blitz.ami import call
from render.blitz.errors import Lost
from render.blitz.model_records import NewProjection
from render.blitz.queries import with_id
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import BadRequest, NotFound, ServiceError, SourceFailed, SourceUnavailable
from render.values import ImageInfo, ProjectionKind

_ALGORITHMS = {
    ProjectionKind.MAXIMUM: omero.constants.projection.ProjectionType.MAXIMUMINTENSITY,
    ProjectionKind.MEAN: omero.constants.projection.ProjectionType.MEANINTENSITY,
    ProjectionKind.SUM: omero.constants.projection.ProjectionType.SUMINTENSITY,
}
_IMAGE = "select i from Image as i where i.id = :id"


def save_projection(
    live: LiveSession, info: ImageInfo, wanted: NewProjection, deadline: Deadline
) -> tuple[int, ServiceError | None]:
    """Make an image of all channels and timepoints of another one, in its group.

    Gives its id, and what went wrong after it was made: its settings, description or dataset are
    missing then. Raises BadRequest where the server makes no new images.
    """
    service = live.service("projection", deadline, info.group_id)
    try:
        image_id = call(
            deadline,
            "make the projection",
            service.projectPixelsAsync,
            info.pixels_id,
            None,  # the type that the pixels have
            _ALGORITHMS[wanted.kind],
            0,
            info.size_t - 1,
            list(range(info.size_c)),
            1,
            wanted.first,
            wanted.last,
            wanted.name,
        )
    except Lost as error:
        raise SourceUnavailable(
            "the connection to OMERO.server broke while the projection was made; look whether the "
            "new image is there"
        ) from error
    except SourceFailed as error:
        if isinstance(error.__cause__, omero.ApiUsageException):
            raise BadRequest("this OMERO.server makes no new image of this projection") from error
        raise
    try:
        _finish(live, info, wanted, image_id, deadline)
    except ServiceError as error:
        return image_id, error
    return image_id, None


def _finish(
    live: LiveSession, info: ImageInfo, wanted: NewProjection, image_id: int, deadline: Deadline
) -> None:
    settings = live.service("settings", deadline, info.group_id)
    copy = settings.applySettingsToImageAsync
    call(deadline, "copy rendering settings", copy, info.pixels_id, image_id)
    query = live.service("query", deadline)
    update = live.service("update", deadline, info.group_id)
    image = call(deadline, "find the image", query.findByQueryAsync, _IMAGE, with_id(image_id))
    if image is None:
        raise NotFound(f"there is no image {image_id} that is visible to you")
    image.description = omero.RString(wanted.description)
    _save(update, image, deadline)
    if wanted.dataset_id is not None:
        link = omero.model.DatasetImageLink(
            loaded=True,
            details=omero.model.Details(),
            parent=omero.model.Dataset(id=omero.RLong(wanted.dataset_id), loaded=False),
            child=omero.model.Image(id=omero.RLong(image_id), loaded=False),
        )
        _save(update, link, deadline)


def _save(update: Any, thing: Any, deadline: Deadline) -> None:
    try:
        call(deadline, "save the image", update.saveObjectAsync, thing)
    except Lost as error:
        raise SourceUnavailable("the connection to OMERO.server broke") from error
