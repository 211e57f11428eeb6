"""IAdmin: the users and the groups, which everybody may see, as in OMERO."""

from typing import Any

import Ice

from imageserver.accounts import Group, User
from imageserver.accounts.model import (
    GUEST_GROUP_ID,
    GUEST_ID,
    ROOT_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
)
from imageserver.entities import Entity
from imageserver.faults import fault, guarded
from imageserver.model import Builder, Fetch
from imageserver.services.context import ServiceContext
from imageserver.services.types import load_enumerations
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
        if obj is None or obj.id is None:
            return False
        graph = self._context.graph
        entity = graph.find(type(obj).__name__.removesuffix("I"), obj.id.val)
        return entity is not None and graph.rights(entity).edit

    def getExperimenter(self, identifier: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._load("Experimenter", identifier, _USER_PARTS)

    def lookupExperimenter(self, name: str, current: Ice.Current) -> Any:  # noqa: N802
        user = self._context.view.accounts.user_named(name)
        if user is None:
            raise _unknown("user", name)
        return self._load("Experimenter", user.id, _USER_PARTS)

    def lookupExperimenters(self, current: Ice.Current) -> list:  # noqa: N802
        return self._load_all(self._context.graph.extent("Experimenter"), _USER_PARTS)

    def containedExperimenters(self, group_id: int, current: Ice.Current) -> list:  # noqa: N802
        graph, members = self._context.graph, self._group(group_id).members
        found = [user for user in graph.extent("Experimenter") if user.id in members]
        return self._load_all(found, _USER_PARTS)

    def getGroup(self, identifier: int, current: Ice.Current) -> Any:  # noqa: N802
        return self._load("ExperimenterGroup", identifier, _GROUP_PARTS)

    def lookupGroup(self, name: str, current: Ice.Current) -> Any:  # noqa: N802
        group = self._context.view.accounts.group_named(name)
        if group is None:
            raise _unknown("group", name)
        return self._load("ExperimenterGroup", group.id, _GROUP_PARTS)

    def lookupGroups(self, current: Ice.Current) -> list:  # noqa: N802
        return self._load_all(self._context.graph.extent("ExperimenterGroup"), _GROUP_PARTS)

    def containedGroups(self, user_id: int, current: Ice.Current) -> list:  # noqa: N802
        groups = self._context.view.accounts.groups_of(self._user(user_id))
        return self._load_all([_entity(group) for group in groups], _GROUP_PARTS)

    def getDefaultGroup(self, user_id: int, current: Ice.Current) -> Any:  # noqa: N802
        [group, *_] = self._context.view.accounts.groups_of(self._user(user_id))
        return self._load("ExperimenterGroup", group.id, _GROUP_PARTS)

    def getMemberOfGroupIds(self, user: Any, current: Ice.Current) -> list[int]:  # noqa: N802
        found = self._user(_id(user))
        return [group.id for group in self._context.view.accounts.groups_of(found)]

    def getLeaderOfGroupIds(self, user: Any, current: Ice.Current) -> list[int]:  # noqa: N802
        found = self._user(_id(user))
        return [group.id for group in self._context.view.accounts.groups_led_by(found)]

    def getCurrentAdminPrivileges(self, current: Ice.Current) -> list:  # noqa: N802
        return self._privileges(self._context.view.user)

    def getAdminPrivileges(self, user: Any, current: Ice.Current) -> list:  # noqa: N802
        return self._privileges(self._user(_id(user)))

    def getAdminsWithPrivileges(  # noqa: N802
        self, privileges: Any, current: Ice.Current
    ) -> list:
        users = self._context.view.accounts.users
        extent = self._context.graph.extent("Experimenter")
        return self._load_all([one for one in extent if users[one.id].is_admin], _USER_PARTS)

    def getMyUserPhotos(self, current: Ice.Current) -> list:  # noqa: N802
        return []

    def _privileges(self, user: User) -> list:
        return load_enumerations(self._context, "AdminPrivilege") if user.is_admin else []

    def _user(self, identifier: int) -> User:
        user = self._context.view.accounts.users.get(identifier)
        if user is None:
            raise _unknown("user", str(identifier))
        return user

    def _group(self, identifier: int) -> Group:
        group = self._context.view.accounts.groups.get(identifier)
        if group is None:
            raise _unknown("group", str(identifier))
        return group

    def _load(self, kind: str, identifier: int, parts: tuple[str, ...]) -> Any:
        graph = self._context.graph
        entity = graph.find(kind, identifier)
        if entity is None:
            raise _unknown(kind, str(identifier))
        return Builder(graph).load(entity, Fetch.of(*parts))

    def _load_all(self, entities: list[Entity], parts: tuple[str, ...]) -> list:
        builder = Builder(self._context.graph)
        return [builder.load(entity, Fetch.of(*parts)) for entity in entities]


def _entity(group: Group) -> Entity:
    return Entity("ExperimenterGroup", group.id, group)


def _id(user: Any) -> int:
    if user is None or user.id is None:
        raise fault(omero.ApiUsageException, "A user is told by an id.")
    return int(user.id.val)


def _unknown(what: str, name: str) -> Exception:
    return fault(omero.ApiUsageException, f"There is no {what} {name}.")
