"""From a project, a dataset, a well or an image to the images that are exported of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from app.call import Call
from app.downloads.policy import require_download
from app.metadata.plate_data import column_label, row_label
from app.observe import Steps
from app.parsing.download_params import ContainerRequest
from render.errors import BadRequest, NotFound
from render.values import DTYPES, ImageInfo
from render.waiting import side_by_side

Value = TypeVar("Value")

#: Images that are looked at side by side.
_AT_A_TIME = 8


@dataclass(frozen=True)
class Selected:
    """Images to be exported, those that cannot be, and what they are called together."""

    infos: tuple[ImageInfo, ...]
    left_out: tuple[int, ...]
    name: str


def select_exportable(call: Call, request: ContainerRequest) -> Selected:
    """Give the images of what is asked for, each once.

    Images without pixels that can be read are left out. Raises NotFound where none is left,
    BadRequest for too many, Forbidden for one whose data must not leave the server.
    """
    ids, name = _FINDERS.get(request.kind, _image)(call, request.id)
    if request.selection is not None:
        ids = [image_id for image_id in ids if image_id in request.selection]
    ids = list(dict.fromkeys(ids))
    most = call.settings.download_max_images
    if len(ids) > most:
        raise BadRequest(
            f"these are {len(ids)} images; one download has at most {most} "
            "(setting download_max_images); choose some with selection",
            parameter="selection",
        )
    found = _infos(call, ids)
    infos = tuple(info for info in found if info is not None)
    if not infos:
        raise NotFound("there is no image here that can be exported")
    for info in infos:
        require_download(call, info)
    left_out = tuple(i for i, info in zip(ids, found, strict=True) if info is None)
    return Selected(infos, left_out, name)


def check_exportable(info: ImageInfo) -> None:
    """Raise NotFound unless the pixels are of a type that can be read, as complex ones are not."""
    if info.pixel_type not in DTYPES:
        raise NotFound(f"pixels of type '{info.pixel_type}' cannot be exported")


def look_at(call: Call, ids: Sequence[int]) -> list[ImageInfo]:
    """Give what is known of many images; raise NotFound unless the viewer may see all of them."""
    return _side_by_side(partial(_look, call), ids)


def _infos(call: Call, ids: Sequence[int]) -> list[ImageInfo | None]:
    return _side_by_side(partial(_info, call), ids)


def _side_by_side(look: Callable[[int], Value], ids: Sequence[int]) -> list[Value]:
    """Look at many images within the time of one request."""
    found = []
    for outcome in side_by_side([partial(look, image_id) for image_id in ids], _AT_A_TIME):
        if isinstance(outcome, Exception):
            raise outcome
        found.append(outcome)
    return found


def _look(call: Call, image_id: int) -> ImageInfo:
    # The steps of a request are told by one at a time.
    own = Call(call.parts, call.viewer, call.deadline, Steps(call.steps.request_id))
    return own.image_info(image_id)


def _info(call: Call, image_id: int) -> ImageInfo | None:
    try:
        info = _look(call, image_id)
        check_exportable(info)
    except NotFound:
        return None
    return info


def _image(call: Call, image_id: int) -> tuple[list[int], str]:
    return [image_id], call.image_info(image_id).name or ""


def _dataset(call: Call, dataset_id: int) -> tuple[list[int], str]:
    dataset = call.session.container("Dataset", dataset_id, call.deadline)
    project = call.session.parent("Dataset", dataset_id, call.deadline)
    above = [] if project is None else [project.name]
    return _images(call, [dataset_id]), "-".join([*above, dataset.name])


def _project(call: Call, project_id: int) -> tuple[list[int], str]:
    project = call.session.container("Project", project_id, call.deadline)
    datasets = call.session.datasets(project_id, call.deadline)
    return _images(call, [dataset.id for dataset in datasets]), project.name


def _well(call: Call, well_id: int) -> tuple[list[int], str]:
    well = call.session.well(well_id, call.deadline)
    plate = call.session.container("Plate", well.plate_id, call.deadline)
    screen = call.session.parent("Plate", well.plate_id, call.deadline)
    above = [] if screen is None else [screen.name]
    row, column = (
        row_label(well.row, well.row_naming),
        column_label(well.column, well.column_naming),
    )
    name = "-".join([*above, plate.name, f"{row}{column}"])
    return [field.image.id for field in well.fields], name


def _images(call: Call, dataset_ids: Sequence[int]) -> list[int]:
    return [
        image.id
        for dataset_id in dataset_ids
        for image in call.session.images(dataset_id, call.deadline)
    ]


#: By the context in the address; anything else is an image.
_FINDERS = {"p": _project, "d": _dataset, "w": _well}
