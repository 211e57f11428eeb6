"""Whether a viewer may take data away, beyond looking at it: asked before the first byte."""

from app.call import Call
from render.errors import Forbidden
from render.values import ImageInfo


def require_download(call: Call, info: ImageInfo) -> None:
    """Raise Forbidden where OMERO's binary access policy keeps the image's data on the server.

    The policy tells images from plates: an image in a well needs the well's leave too.
    """
    allowed = info.permissions.can_download
    for well_id in info.well_ids:
        allowed = allowed and call.session.well(well_id, call.deadline).can_download
    if not allowed:
        raise Forbidden(
            f"the data of image {info.image_id} may not be downloaded "
            "(omero.policy.binary_access of the server)"
        )
