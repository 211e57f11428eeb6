"""Users, groups and ownerships as frozen values.

The ids and names of the built-in accounts are OMERO's.
"""

import itertools
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imageserver.accounts.passwords import Secret

ROOT_ID, GUEST_ID, LOCAL_USER_ID = 0, 1, 2
SYSTEM_GROUP_ID, USER_GROUP_ID, GUEST_GROUP_ID, LOCAL_GROUP_ID = 0, 1, 2, 3

#: Known to everybody: OMERO.web logs in by it to ask for the version.
GUEST_PASSWORD = "guest"

#: Bits of Permissions.perm1: shift 8 user, 4 group, 0 world; 4 read, 2 write, 1 annotate.
_RIGHT_BITS = {"r": 4, "w": 2, "a": 1}
#: What OMERO offers for groups, from private to read-write.
GROUP_PERMISSIONS = ("rw----", "rwr---", "rwra--", "rwrw--")
#: Those of the group that every user is in: what is in there is for all to read.
_EVERYBODY = "rwr-r-"
#: OMERO's default for omero.policy.binary_access.
BINARY_ACCESS = "+read,+write,+image"

#: The name under which everything in the folder stands that has no owner of its own.
REST = "."

_numbers = itertools.count(1)


@dataclass(frozen=True)
class User:
    """An account. `secret` tells its password from others; None = it cannot log in."""

    id: int
    name: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    is_admin: bool = False
    default_group_id: int | None = None
    secret: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Group:
    """A group of users; `permissions` are six letters, such as `rwra--`.

    `binary_access` are restrictions of downloads beside those of the whole server.
    """

    id: int
    name: str
    permissions: str
    members: frozenset[int] = frozenset()
    leaders: frozenset[int] = frozenset()
    description: str = ""
    binary_access: frozenset[str] = frozenset()

    @property
    def bits(self) -> int:
        """The permissions as OMERO's number."""
        return permission_bits(self.permissions)

    def allows(self, role: str, right: str) -> bool:
        """Tell whether `role` (user, group, world) has a right (r, w, a)."""
        shift = {"user": 8, "group": 4, "world": 0}[role]
        return bool(self.bits >> shift & _RIGHT_BITS[right])


def composed(name: str) -> str:
    """Give a name in one spelling: file systems differ in how they write letters with accents."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def permission_bits(letters: str) -> int:
    """Give the number for six letters: each of user, group and world has two of them.

    OMERO keeps the annotate bit wherever there is the write bit.
    """
    bits = 0
    for place, shift in ((0, 8), (2, 4), (4, 0)):
        pair = letters[place : place + 2]
        for letter in {*pair, "a"} if "w" in pair else set(pair):
            bits |= _RIGHT_BITS.get(letter, 0) << shift
    return bits


@dataclass(frozen=True)
class Ownership:
    """To whom something belongs."""

    owner_id: int
    group_id: int


@dataclass(frozen=True)
class Accounts:
    """All users and groups at one time, and what belongs to whom.

    `places` maps a name directly below the served folder to its ownership; `rest` is that of all
    other names, `system` that of users, groups and fixed values, `shared` that of lookup tables.
    `files_fixed` tells that nobody is offered to change what is read from files.
    """

    users: Mapping[int, User]
    groups: Mapping[int, Group]
    places: Mapping[str, Ownership]
    rest: Ownership
    system: Ownership
    shared: Ownership
    binary_access: str = BINARY_ACCESS
    files_fixed: bool = False
    #: Differs between any two states, so that what was made from one is not taken for another.
    number: int = field(default_factory=lambda: next(_numbers), compare=False)
    views: dict[tuple[int, int], Any] = field(default_factory=dict, compare=False, repr=False)

    def user_named(self, name: str) -> User | None:
        """Give the user with a name."""
        return next((user for user in self.users.values() if user.name == name), None)

    def group_named(self, name: str) -> Group | None:
        """Give the group with a name."""
        return next((group for group in self.groups.values() if group.name == name), None)

    def place_of(self, relative_path: str) -> str:
        """Give the name in `places` that a path below the folder belongs to, or REST."""
        first = composed(relative_path.partition("/")[0])
        return first if first in self.places else REST

    def ownership_of(self, relative_path: str) -> Ownership:
        """Tell to whom a path below the folder belongs."""
        return self.places.get(self.place_of(relative_path), self.rest)

    def groups_of(self, user: User) -> list[Group]:
        """Give the groups that a user is a member of, the default one first."""
        found = [group for group in self.groups.values() if user.id in group.members]
        return sorted(found, key=lambda group: _rank(user, group))

    def groups_led_by(self, user: User) -> list[Group]:
        """Give the groups that a user leads."""
        return [group for group in self.groups_of(user) if user.id in group.leaders]


def _rank(user: User, group: Group) -> tuple[bool, bool, bool]:
    # A group of its own comes before the built-in ones that hold no images of users.
    return (
        group.id != user.default_group_id,
        group.id == USER_GROUP_ID,
        group.id == SYSTEM_GROUP_ID,
    )


def built_in_groups(members: frozenset[int], admins: frozenset[int]) -> list[Group]:
    """Give the groups that every OMERO.server has."""
    return [
        Group(SYSTEM_GROUP_ID, "system", "rw----", admins),
        Group(USER_GROUP_ID, "user", _EVERYBODY, members),
        Group(GUEST_GROUP_ID, "guest", "rw----", frozenset({GUEST_ID})),
    ]


def local_accounts(name: str = "local", secret: Secret | None = None) -> Accounts:
    """Give one user in one read-only group, to whom everything belongs; no administrator."""
    user = User(LOCAL_USER_ID, name, "Local", "User", secret=secret)
    members = frozenset({user.id})
    everything = Ownership(user.id, LOCAL_GROUP_ID)
    return Accounts(
        users={user.id: user},
        groups={
            LOCAL_GROUP_ID: Group(LOCAL_GROUP_ID, "local", "rwr---", members, members),
            USER_GROUP_ID: Group(USER_GROUP_ID, "user", _EVERYBODY, members),
        },
        places={},
        rest=everything,
        system=everything,
        shared=everything,
        binary_access=f"{BINARY_ACCESS},+plate",
        files_fixed=True,
    )
