"""What OMERO.iviewer's page is told."""

from collections.abc import Mapping

from app.bundles import IVIEWER
from app.call import Call

#: The version of OMERO with which viewers may take us for alike.
_OMERO_VERSION = "5.6.11"
#: What a link may say of the view, by the names that the page knows.
_FROM_LINK = frozenset(
    {
        *("IMAGES", "ROI", "SHAPE", "DATASET", "WELL"),
        *("C", "MAPS", "M", "P", "Z", "T", "X", "Y", "ZM", "FX", "FY"),
        *("FULL_PAGE", "COLLAPSE_LEFT", "COLLAPSE_RIGHT"),
    }
)
_ROI_PAGE_SIZE = 500


def page_parameters(call: Call, link: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Give what the page is told: the view that its link asks for, and where things are.

    `prefix` is what the service's addresses begin with.
    """
    told = {name.upper(): value for name, value in link.items() if value}
    parameters = {name: value for name, value in told.items() if name in _FROM_LINK}
    server = call.session.server_settings(call.deadline)
    most = min(server.max_projection_bytes, call.settings.max_projection_bytes)
    interpolate = server.client.get("viewer.interpolate_pixels", "true").strip().lower()
    parameters |= {
        "VERSION": IVIEWER.bundle(call.settings).version,
        "OMERO_VERSION": _OMERO_VERSION,
        "WEBGATEWAY": f"{prefix}/webgateway/",
        "WEBCLIENT": f"{prefix}/webclient/",
        "WEB_API_BASE": f"{prefix}/api/v0/",
        "INTERPOLATE": "True" if interpolate == "true" else "False",
        "MAX_PROJECTION_BYTES": str(most),
        "ROI_PAGE_SIZE": str(_ROI_PAGE_SIZE),
    }
    if prefix:
        parameters["URI_PREFIX"] = prefix
    return parameters
