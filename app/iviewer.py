"""OMERO.iviewer's own files, where its wheel is installed, and what its page is told."""

from collections.abc import Mapping

from app.bundles import Bundle, find_bundle
from app.call import Call
from app.settings import Settings
from render.errors import NotFound

#: How the wheel is installed, told to whoever asks for what is not there.
HOW_TO_INSTALL = "OMERO.iviewer is not installed here; `script/setup viewer` installs it"

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


def serves_iviewer(settings: Settings) -> bool:
    """Tell whether OMERO.iviewer is there to be served."""
    return settings.iviewer and installed_iviewer() is not None


def installed_iviewer() -> Bundle | None:
    """Find OMERO.iviewer among the installed packages; None where it is not installed."""
    return find_bundle("omero_iviewer", "main.js")


def bundle_of(settings: Settings) -> Bundle:
    """Give the installed viewer; raise NotFound, saying what to do, where none is served."""
    if not settings.iviewer:
        raise NotFound("OMERO.iviewer is switched off here (setting iviewer)")
    found = installed_iviewer()
    if found is None:
        raise NotFound(HOW_TO_INSTALL)
    return found


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
        "VERSION": bundle_of(call.settings).version,
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
