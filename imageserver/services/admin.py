"""IAdmin: the one user and the two groups."""

from typing import Any

import Ice

from imageserver.faults import fault, guarded
from imageserver.identity import (
    GUEST_GROUP_ID,
    GUEST_ID,
    ROOT_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
)
from imageserver.model import Builder, Fetch
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero

_USER_PARTS = ("groupExperimenterMap.parent",)
_GROUP_PARTS = ("groupExperimenterMap.child",)


@guarded(omero.api.IAdmin)
class Admin(omero.api.IAdmin):
    """Reads accounts; nothing here changes them."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def getEventContext(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._context.event_context()

    def getSecurityRoles(self, current: Ice.Current) -> Any:  # noqa: N802
        return omero.sys.Roles(
            rootId=ROOT_ID,
            rootName="root",
            systemGroupId=SYSTEM_GROUP_ID,
            systemGroupName="system",
            userGroupId=USER_GROUP_ID,
            userGroupName="user",
            guestId=GUEST_ID,
            guestName="guest",
            guestGroupId=GUEST_GROUP_ID,
            guestGroupName="guest",
        )

    def canUpdate(self, obj: Any, current: Ice.Current) -> bool:  # noqa: N802
        return False

    def getExperimenter(self, identifier: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._load("Experimenter", identifier, _USER_PARTS)

    def lookupExperimenter(self, name: str, current: Ice.Current) -> Any:  # noqa: N802
        if name != self._context.sessions.user.name:
            raise _unknown("user", name)
        return self._load("Experimenter", self._context.sessions.user.id, _USER_PARTS)

    def lookupExperimenters(self, current: Ice.Current) -> list:  # noqa: N802
        return self._load_all("Experimenter", _USER_PARTS)

    def containedExperimenters(self, group_id: int, current: Ice.Current) -> list:  # noqa: N802
        self._load("ExperimenterGroup", group_id, ())
        return self._load_all("Experimenter", _USER_PARTS)

    def getGroup(self, identifier: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._load("ExperimenterGroup", identifier, _GROUP_PARTS)

    def lookupGroup(self, name: str, current: Ice.Current) -> Any:  # noqa: N802
        groups = self._load_all("ExperimenterGroup", _GROUP_PARTS)
        found = next((group for group in groups if group.name.val == name), None)
        if found is None:
            raise _unknown("group", name)
        return found

    def lookupGroups(self, current: Ice.Current) -> list:  # noqa: N802
        return self._load_all("ExperimenterGroup", _GROUP_PARTS)

    def containedGroups(self, user_id: int, current: Ice.Current) -> list:  # noqa: N802
        self._load("Experimenter", user_id, ())
        return self._load_all("ExperimenterGroup", _GROUP_PARTS)

    def getDefaultGroup(self, user_id: int, current: Ice.Current) -> Any:  # noqa: N802
        self._load("Experimenter", user_id, ())
        return self._load("ExperimenterGroup", self._context.graph.group.id, _GROUP_PARTS)

    def getMemberOfGroupIds(self, user: Any, current: Ice.Current) -> list[int]:  # noqa: N802
        return list(self._context.event_context().memberOfGroups)  # type: ignore[attr-defined]

    def getLeaderOfGroupIds(self, user: Any, current: Ice.Current) -> list[int]:  # noqa: N802
        return list(self._context.event_context().leaderOfGroups)  # type: ignore[attr-defined]

    def getCurrentAdminPrivileges(self, current: Ice.Current) -> list:  # noqa: N802
        return []

    def getAdminPrivileges(self, user: Any, current: Ice.Current) -> list:  # noqa: N802
        return []

    def getAdminsWithPrivileges(  # noqa: N802
        self, privileges: Any, current: Ice.Current
    ) -> list:
        return []

    def getMyUserPhotos(self, current: Ice.Current) -> list:  # noqa: N802
        return []

    def _load(self, kind: str, identifier: int, parts: tuple[str, ...]) -> Any:
        graph = self._context.graph
        entity = graph.find(kind, identifier)
        if entity is None:
            raise _unknown(kind, str(identifier))
        return Builder(graph).load(entity, Fetch.of(*parts))

    def _load_all(self, kind: str, parts: tuple[str, ...]) -> list:
        graph = self._context.graph
        builder = Builder(graph)
        return [builder.load(entity, Fetch.of(*parts)) for entity in graph.extent(kind)]


def _unknown(what: str, name: str) -> Exception:
    return fault(omero.ApiUsageException, f"There is no {what} {name}.")
