"""IConfig: what clients ask about the server."""

import re
import time
from typing import Any

import Ice

from imageserver.faults import fault, guarded, usage
from imageserver.services.context import ServiceContext
from imageserver.wire import rtime
from render.blitz.slices import omero

# The version of OMERO whose behaviour is followed: clients choose what they dare by it.
VERSION = "5.6.0"
_LONGEST_PATTERN = 500
_MOST_REPEATS = 4
_REPEATS = re.compile(r"[*+{]")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")


@guarded(omero.api.IConfig)
class Config(omero.api.IConfig):
    """Settings, read-only."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def getVersion(self, current: Ice.Current) -> str:  # noqa: N802
        return VERSION

    def getConfigValue(self, key: str, current: Ice.Current) -> str:  # noqa: N802
        return _values(self._context).get(key, "")

    def getConfigValues(self, pattern: str, current: Ice.Current) -> dict:  # noqa: N802
        # A pattern can be made so that matching takes for ever; there is no way to stop it then.
        if len(pattern) > _LONGEST_PATTERN or len(_REPEATS.findall(pattern)) > _MOST_REPEATS:
            raise usage(
                f"A pattern may have {_LONGEST_PATTERN} characters and {_MOST_REPEATS} repeats."
            )
        if _REPEATED_GROUP.search(pattern):
            raise usage("A pattern may not repeat a group.")
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            raise usage("The pattern is no regular expression.") from error
        return {key: value for key, value in _values(self._context).items() if compiled.search(key)}

    def getConfigDefaults(self, current: Ice.Current) -> dict:  # noqa: N802
        return _values(self._context)

    def getClientConfigValues(self, current: Ice.Current) -> dict:  # noqa: N802
        return self._client_values()

    def getClientConfigDefaults(self, current: Ice.Current) -> dict:  # noqa: N802
        return self._client_values()

    def setConfigValue(self, key: str, value: str, current: Ice.Current) -> Any:  # noqa: N802
        raise fault(omero.SecurityViolation, "Settings of this server cannot be changed.")

    def setConfigValueIfEquals(  # noqa: N802
        self, key: str, value: str, test: str, current: Ice.Current
    ) -> Any:
        raise fault(omero.SecurityViolation, "Settings of this server cannot be changed.")

    def getDatabaseUuid(self, current: Ice.Current) -> str:  # noqa: N802
        return self._context.settings.database_uuid

    def getDatabaseTime(self, current: Ice.Current) -> Any:  # noqa: N802
        return rtime(time.time())

    def getServerTime(self, current: Ice.Current) -> Any:  # noqa: N802
        return rtime(time.time())

    def _client_values(self) -> dict[str, str]:
        return {k: v for k, v in _values(self._context).items() if k.startswith("omero.client.")}


def _values(context: ServiceContext) -> dict[str, str]:
    settings = context.settings
    return {
        "omero.version": VERSION,
        "omero.db.poolsize": "1",
        "omero.router.insecure": settings.insecure_router,
        "omero.pixeldata.max_plane_width": str(settings.max_plane_width),
        "omero.pixeldata.max_plane_height": str(settings.max_plane_height),
        "omero.pixeldata.tile_width": str(settings.tile_width),
        "omero.pixeldata.tile_height": str(settings.tile_height),
        "omero.pixeldata.max_tile_length": str(settings.max_tile_length),
        "omero.pixeldata.max_projection_bytes": "268435456",
        "omero.pixeldata.max_plane_float_override": "true",
        "omero.sessions.timeout": str(round(context.sessions.timeout_s * 1000)),
        "omero.policy.binary_access": context.view.accounts.binary_access,
        "omero.client.download_as.max_size": "144000000",
        "omero.client.viewer.interpolate_pixels": "true",
        "omero.client.viewer.initial_zoom_level": "0",
    }
