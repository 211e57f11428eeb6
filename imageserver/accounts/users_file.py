"""The users' file: TOML text → Accounts, or one sentence that says what is wrong with it."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from imageserver.accounts.model import (
    BINARY_ACCESS,
    GROUP_PERMISSIONS,
    GUEST_GROUP_ID,
    GUEST_ID,
    GUEST_PASSWORD,
    REST,
    ROOT_ID,
    SYSTEM_GROUP_ID,
    USER_GROUP_ID,
    Accounts,
    Group,
    Ownership,
    User,
    built_in_groups,
    composed,
)
from imageserver.accounts.passwords import Secret, parse_hash

_BUILT_IN_NAMES = ("system", "user", "guest")
_LARGEST_ID = 2**31 - 1


class UsersFileError(ValueError):
    """The file cannot be used; `str(error)` is one sentence that names the file and the fault."""


class _Fault(Exception):
    """What is wrong with the file's content."""


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("should be a name with no line breaks")
    return text


def _top_level(text: str) -> str:
    if text != REST and ("/" in text or text.startswith(".")):
        raise ValueError("should be the name of a folder directly below the served one, or '.'")
    return composed(text)


def _binary_access(text: str) -> str:
    known = {f"{sign}{what}" for sign in "+-" for what in ("read", "write", "image", "plate")}
    wrong = [part for part in text.split(",") if part.strip() and part.strip() not in known]
    if wrong:
        raise ValueError("should be of +read, -read, and the same with write, image and plate")
    return ",".join(part.strip() for part in text.split(",") if part.strip())


_Name = Annotated[str, AfterValidator(_printable)]
_Id = Annotated[int, Field(ge=0, le=_LARGEST_ID)]
_Place = Annotated[_Name, AfterValidator(_top_level)]
_Policy = Annotated[str, AfterValidator(_binary_access)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _User(_Table):
    id: _Id
    name: _Name
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    admin: bool = False
    default_group: str | None = None
    password: str | None = Field(None, min_length=1)
    password_hash: str | None = None


class _Group(_Table):
    id: Annotated[int, Field(ge=3, le=_LARGEST_ID)]
    name: _Name
    permissions: Literal["rw----", "rwr---", "rwra--", "rwrw--"] = GROUP_PERMISSIONS[0]  # type: ignore[assignment]
    members: list[str] = []
    leaders: list[str] = []
    description: str = ""
    binary_access: _Policy = ""


class _Folder(_Table):
    name: _Place
    owner: str
    group: str


class _File(_Table):
    users: list[_User] = Field(min_length=1)
    groups: list[_Group] = []
    folders: list[_Folder] = []
    binary_access: _Policy = BINARY_ACCESS
    guest_login: bool = True


def read_users_file(path: Path) -> Accounts:
    """Read and check a users' file. Raises UsersFileError."""
    return parse_users(read_content(path), str(path))


def read_content(path: Path) -> bytes:
    """Read a users' file. Raises UsersFileError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsersFileError(f"{path} cannot be read: {error.strerror}") from error


def parse_users(content: bytes, name: str = "the users' file") -> Accounts:
    """Check the content of the users' file called `name`. Raises UsersFileError."""
    try:
        parsed = _File.model_validate(tomllib.loads(content.decode()))
        _check_unique("user", parsed.users)
        _check_unique("group", parsed.groups, _BUILT_IN_NAMES)
        _check_once("folder", [folder.name for folder in parsed.folders])
        return _accounts(parsed)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsersFileError(f"{name}: it is no TOML: {error}") from error
    except ValidationError as error:
        raise UsersFileError(f"{name}: {_sentence(error)}") from error
    except _Fault as error:
        raise UsersFileError(f"{name}: {error}") from error


def plain_passwords(accounts: Accounts) -> list[str]:
    """Name the users whose passwords stand in the file as they are."""
    return [
        user.name
        for user in accounts.users.values()
        if user.secret and not user.secret.hashed and user.id != GUEST_ID
    ]


def _accounts(parsed: _File) -> Accounts:
    user_ids = {user.name: user.id for user in parsed.users}
    groups = [_group(table, user_ids) for table in parsed.groups]
    group_ids = {group.name: group.id for group in groups}
    users = [_user(table, group_ids, groups) for table in parsed.users]
    if ROOT_ID not in user_ids.values():
        users.append(User(ROOT_ID, "root", is_admin=True))
    everybody = frozenset(user.id for user in users)
    admins = frozenset(user.id for user in users if user.is_admin)
    groups += built_in_groups(everybody, admins)
    group_ids |= {group.name: group.id for group in groups}
    secret = Secret(GUEST_PASSWORD, hashed=False) if parsed.guest_login else None
    users.append(User(GUEST_ID, "guest", default_group_id=GUEST_GROUP_ID, secret=secret))
    system = Ownership(ROOT_ID, SYSTEM_GROUP_ID)
    places = {
        folder.name: Ownership(
            _known("user", folder.owner, {**user_ids, "root": ROOT_ID}, f"folder {folder.name!r}"),
            _known("group", folder.group, group_ids, f"folder {folder.name!r}"),
        )
        for folder in parsed.folders
    }
    return Accounts(
        users={user.id: user for user in users},
        groups={group.id: group for group in groups},
        rest=places.pop(REST, system),
        places=places,
        system=system,
        shared=Ownership(ROOT_ID, USER_GROUP_ID),
        binary_access=parsed.binary_access,
    )


def _user(table: _User, group_ids: dict[str, int], groups: list[Group]) -> User:
    who = f"user {table.name!r}"
    if (table.id == ROOT_ID) != (table.name == "root"):
        raise _Fault(f"{who} has the id {table.id}; the id 0 is root's, and only root's")
    if table.id == GUEST_ID or table.name == "guest":
        raise _Fault(f"{who} has the id {table.id}; the id 1 is of the built-in guest")
    default_group_id = None
    if table.default_group is not None:
        known = {g.name: g.id for g in groups if table.id in g.members}
        if table.default_group in group_ids and table.default_group not in known:
            raise _Fault(f"{who} is no member of its default_group {table.default_group!r}")
        default_group_id = _known("group", table.default_group, known, who)
    return User(
        id=table.id,
        name=table.name,
        first_name=table.first_name or table.name,
        last_name=table.last_name,
        email=table.email,
        is_admin=table.admin or table.id == ROOT_ID,
        default_group_id=default_group_id,
        secret=_secret(table, who),
    )


def _secret(table: _User, who: str) -> Secret | None:
    if table.password is not None and table.password_hash is not None:
        raise _Fault(f"{who} has both password and password_hash")
    if table.password_hash is not None:
        try:
            return parse_hash(table.password_hash)
        except ValueError as error:
            raise _Fault(f"{who} has a password_hash that is none: {error}") from error
    return None if table.password is None else Secret(table.password, hashed=False)


def _group(table: _Group, user_ids: dict[str, int]) -> Group:
    who = f"group {table.name!r}"
    leaders = frozenset(_known("user", name, user_ids, who) for name in table.leaders)
    members = frozenset(_known("user", name, user_ids, who) for name in table.members)
    return Group(
        id=table.id,
        name=table.name,
        permissions=table.permissions,
        members=members | leaders,
        leaders=leaders,
        description=table.description,
        binary_access=frozenset(part for part in table.binary_access.split(",") if part),
    )


def _known(kind: str, name: str, ids: dict[str, int], who: str) -> int:
    if name not in ids:
        raise _Fault(f"{who} names the {kind} {name!r}, which is not there")
    return ids[name]


def _check_unique(kind: str, tables: Iterable[Any], taken: Iterable[str] = ()) -> None:
    _check_once(kind, [*taken, *(table.name for table in tables)])
    _check_once(f"{kind} id", [table.id for table in tables])


def _check_once(what: str, values: list) -> None:
    [(value, count)] = Counter(values).most_common(1) or [(None, 1)]
    if count > 1:
        raise _Fault(f"the {what} {value!r} is there twice")


def _sentence(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    place = ""
    for step in fault["loc"]:
        place += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    text = fault["msg"].removeprefix("Value error, ")
    return f"{place.lstrip('.') or 'the file'}: {text[:1].lower()}{text[1:]}"
