"""What one user may see and do, in one group or in all of them.

The rules are those of OMERO's groups: docs.openmicroscopy.org, “Groups and permissions system”.
"""

from dataclasses import dataclass, replace

from imageserver.accounts.model import REST, USER_GROUP_ID, Accounts, Group, Ownership, User

ALL_GROUPS = -1

#: The objects whose original data may be kept from being downloaded.
_DOWNLOADED = frozenset(
    {
        "Image",
        "Plate",
        "PlateAcquisition",
        "Well",
        "WellSample",
        "OriginalFile",
        "FileAnnotation",
    }
)
#: What gets another name, also where the files stay as they are.
_NAMED = frozenset({"Image", "LogicalChannel"})
_PLATES = frozenset({"Plate", "PlateAcquisition", "Well", "WellSample"})


class NotPermitted(Exception):
    """A call is made in a way that the user may not make any."""


class NotAMember(NotPermitted):
    """A group was asked for that the user is not in."""


@dataclass(frozen=True)
class Rights:
    """The permissions of one object, and what the caller may do with it."""

    permissions: str
    bits: int
    link: bool
    edit: bool
    delete: bool
    annotate: bool
    chgrp: bool
    chown: bool
    download: bool = True

    @property
    def restrictions(self) -> list[bool]:
        """What is forbidden, in OMERO's order."""
        allowed = (self.link, self.edit, self.delete, self.annotate, self.chgrp, self.chown)
        return [not one for one in allowed]


@dataclass(frozen=True)
class View:
    """One user's view of everything, in the group context of a call.

    `group_id` is the context: a group's id or ALL_GROUPS. `readable` are the ownerships whose
    things are visible, `places` the names of the accounts' places that have one of these; for the
    user nothing else exists. `acts_for` is whom an administrator makes new things for, if anybody.
    """

    accounts: Accounts
    user: User
    group_id: int
    readable: frozenset[Ownership]
    places: frozenset[str]
    acts_for: int | None = None

    @property
    def owner_id(self) -> int:
        """To whom new things belong."""
        return self.user.id if self.acts_for is None else self.acts_for

    def acting_for(self, user_id: int) -> "View":
        """Give the view of an administrator who makes things for a user. Raises NotPermitted."""
        if user_id == self.user.id:
            return self
        if not self.user.is_admin or user_id not in self.accounts.users:
            raise NotPermitted(f"the user may not act for the user {user_id}")
        return replace(self, acts_for=user_id)

    def reads(self, ownership: Ownership) -> bool:
        """Tell whether things of an ownership are visible."""
        return ownership in self.readable

    def reads_of_users(self, ownership: Ownership) -> bool:
        """Tell whether things that a user made are visible, also where no file belongs to them."""
        if ownership.group_id not in self.accounts.groups:
            return False
        return _may_read(self.accounts, self.user, self.group_id, ownership)

    def rights(self, ownership: Ownership, kind: str = "", *, fixed: bool | None = None) -> Rights:
        """Tell what the user may do with an object of a kind that belongs to somebody.

        `fixed` = nobody may change it; without it, objects are what the accounts say of files.
        """
        accounts, user = self.accounts, self.user
        group = accounts.groups[ownership.group_id]
        owns = ownership.owner_id in (user.id, self.acts_for)
        oversees = user.is_admin or user.id in group.leaders
        is_member = user.id in group.members
        # In a private group nobody links to another one's data, not even who may read it.
        shares = group.allows("group", "r")
        writes = owns or oversees or (is_member and group.allows("group", "w"))
        joins = owns or (oversees and shares) or (is_member and group.allows("group", "w"))
        annotates = joins or (is_member and group.allows("group", "a"))
        changes = not (accounts.files_fixed if fixed is None else fixed)
        return Rights(
            permissions=group.permissions,
            bits=group.bits,
            link=joins and changes,
            edit=writes and (changes or (fixed is None and kind in _NAMED)),
            delete=writes and changes,
            annotate=annotates,
            chgrp=(owns or user.is_admin) and changes,
            chown=oversees and changes,
            download=self._may_download(group, kind, writes),
        )

    def _may_download(self, group: Group, kind: str, writes: bool) -> bool:
        if kind not in _DOWNLOADED:
            return True
        given = set(self.accounts.binary_access.split(",")) | group.binary_access

        def allows(what: str) -> bool:
            return f"+{what}" in given and f"-{what}" not in given

        if not allows("write") or (not allows("read") and not writes):
            return False
        if kind in _PLATES:
            return allows("image") and allows("plate")
        return kind not in {"Image", "OriginalFile"} or allows("image")


def view_of(accounts: Accounts, user: User, group_id: int) -> View:
    """Give a user's view in a group or in ALL_GROUPS. Raises NotAMember."""
    key = (user.id, group_id)
    found = accounts.views.get(key)
    if found is None:
        if group_id != ALL_GROUPS:
            _check_member(accounts, user, group_id)
        places = {**accounts.places, REST: accounts.rest}
        ownerships = {accounts.shared, accounts.system, *places.values()}
        readable = frozenset(o for o in ownerships if _may_read(accounts, user, group_id, o))
        visible = frozenset(name for name, ownership in places.items() if ownership in readable)
        found = accounts.views[key] = View(accounts, user, group_id, readable, visible)
    return found


def _check_member(accounts: Accounts, user: User, group_id: int) -> None:
    group = accounts.groups.get(group_id)
    if group is not None and (
        user.is_admin or user.id in group.members or group.allows("world", "r")
    ):
        return
    raise NotAMember(f"the user is no member of the group {group_id}")


def _may_read(accounts: Accounts, user: User, group_id: int, ownership: Ownership) -> bool:
    group = accounts.groups[ownership.group_id]
    # What is in the group of all users, the lookup tables, is there in every context.
    if group_id not in {ALL_GROUPS, group.id} and group.id != USER_GROUP_ID:
        return False
    if user.is_admin or group.allows("world", "r"):
        return True
    if user.id not in group.members:
        return False
    return ownership.owner_id == user.id or user.id in group.leaders or group.allows("group", "r")
