"""From the ids of a download to images that the viewer may see and take away."""

from app.call import Call
from app.downloads.policy import require_download
from app.parsing.download_params import DownloadRequest
from render.errors import NotFound
from render.values import ImageInfo


def select_images(call: Call, request: DownloadRequest) -> list[ImageInfo]:
    """Give the images in the order asked for, each once.

    Raises NotFound for one that is missing or invisible, Forbidden for one whose data must not
    leave the server.
    """
    ids = dict.fromkeys(request.image_ids)
    for well_id in request.well_ids:
        fields = call.session.well(well_id, call.deadline).fields
        if request.index >= len(fields):
            raise NotFound(
                f"well {well_id} has no field {request.index}; it has {len(fields)}",
                parameter="index",
            )
        ids[fields[request.index].image.id] = None
    infos = [call.image_info(image_id) for image_id in ids]
    for info in infos:
        require_download(call, info)
    return infos
