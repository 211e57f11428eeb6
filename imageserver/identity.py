"""Who uses this server: one local user in one read-only group."""

from dataclasses import dataclass

ROOT_ID, GUEST_ID, USER_ID = 0, 1, 2
SYSTEM_GROUP_ID, USER_GROUP_ID, GUEST_GROUP_ID, GROUP_ID = 0, 1, 2, 3

# Bits of Permissions.perm1: shift 8 user, 4 group, 0 world; 4 read, 2 write, 1 annotate. `rwr---`
# has write for the owner, and OMERO keeps the annotate bit wherever there is the write bit.
RWR = (4 | 2 | 1) << 8 | 4 << 4


@dataclass(frozen=True)
class LocalUser:
    """The account that owns everything here. It is no administrator."""

    name: str = "local"
    first_name: str = "Local"
    last_name: str = "User"
    group_name: str = "local"
    id: int = USER_ID
    group_id: int = GROUP_ID
