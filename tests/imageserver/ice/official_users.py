"""What OMERO's own Python client gets from an image server with several users.

Usage: official_users.py HOST SSL_PORT, with a JSON object of passwords by user on standard input.
Checks nothing but that the calls end well; writes what they gave to standard output as JSON.
"""

import json
import sys
from typing import Any

import omero
from omero.gateway import BlitzGateway

EVERYWHERE = "-1"


def connect(user: str | None = None, password: str | None = None, key: str | None = None) -> Any:
    connection = BlitzGateway(user, password, host=sys.argv[1], port=int(sys.argv[2]), secure=True)
    if not (connection.connect(sUuid=key) if key else connection.connect()):
        raise SystemExit(f"{user} is not connected: {connection.getLastError()}")
    return connection


def names(connection: Any, group: str = EVERYWHERE) -> list[str]:
    connection.SERVICE_OPTS.setOmeroGroup(group)
    found = sorted(image.getName() for image in connection.getObjects("Image"))
    connection.SERVICE_OPTS.setOmeroGroup(EVERYWHERE)
    return found


def tell_user(connection: Any) -> dict:
    context = connection.getEventContext()
    return {
        "name": connection.getUser().getName(),
        "full name": connection.getUser().getFullName(),
        "email": connection.getUser().getEmail(),
        "admin": connection.isAdmin(),
        "leads": connection.isLeader(),
        "group": connection.getGroupFromContext().getName(),
        "context group": context.groupName,
        # The client asks for a row per member, and gets the group with each.
        "groups": sorted({group.getName() for group in connection.getGroupsMemberOf()}),
        "leads groups": sorted({group.getName() for group in connection.getGroupsLeaderOf()}),
        "privileges": len(connection.getCurrentAdminPrivileges()),
    }


def tell_image(image: Any) -> dict:
    details = image.getDetails()
    return {
        "owner": image.getOwnerOmeName(),
        "owner full name": image.getOwnerFullName(),
        "group": details.getGroup().getName(),
        "permissions": str(details.getPermissions()),
        "annotate": image.canAnnotate(),
        "edit": image.canEdit(),
        "delete": image.canDelete(),
        "link": image.canLink(),
        "chgrp": image.canChgrp(),
        "chown": image.canChown(),
        "download": image.canDownload(),
        "owned": image.isOwned(),
        "project": image.getParent().getParent().getName() if image.getParent() else None,
    }


def tile(connection: Any, image: Any) -> int:
    """Read a tile in the image's own group, as clients do."""
    connection.SERVICE_OPTS.setOmeroGroup(image.getDetails().getGroup().getId())
    found = image.getPrimaryPixels().getTile(0, 0, 0, (0, 0, 5, 4))
    connection.SERVICE_OPTS.setOmeroGroup(EVERYWHERE)
    return int(found.size)


def download(image: Any) -> str:
    try:
        return str(sum(map(len, next(iter(image.getImportedImageFiles())).getFileInChunks())))
    except omero.SecurityViolation:
        return "refused"


def tell(user: str, password: str, hidden: int) -> dict:
    """Tell what a user gets."""
    connection = connect(user, password)
    told: dict[str, Any] = {"user": tell_user(connection), "names": names(connection)}
    own = str(connection.getEventContext().groupId)
    told["own group"] = names(connection, own)
    images = {image.getName(): image for image in connection.getObjects("Image")}
    told["images"] = {name: tell_image(image) for name, image in images.items()}
    told["tiles"] = {name: tile(connection, image) for name, image in images.items()}
    told["files"] = {name: download(image) for name, image in images.items()}
    told["hidden"] = connection.getObject("Image", hidden) is not None
    told["projects"] = sorted(project.getName() for project in connection.listProjects())
    told["switched"] = {}
    for group in list(connection.getGroupsMemberOf()):
        if group.getName() not in {"user", "system"}:
            connection.setGroupForSession(group.getId())
            told["switched"][group.getName()] = names(connection, str(group.getId()))
            context = connection.getAdminService().getEventContext()
            told["switched"][group.getName()].append(context.groupName)
    key = connection.c.getSessionId()
    joined = connect(key=key)
    told["joined"] = names(joined)
    told["joined user"] = joined.getUser().getName()
    joined.close(hard=False)
    told["alive after join"] = connection.keepAlive()
    summary = connection.getObject("ExperimenterGroup", attributes={"name": "lab"})
    leaders, members = summary.groupSummary()
    told["lab"] = [
        str(summary.getDetails().getPermissions()),
        sorted(one.getOmeName() for one in leaders),
        sorted(one.getOmeName() for one in members),
    ]
    told["people"] = sorted({one.getName() for one in connection.getObjects("Experimenter")})
    connection.close()
    return told


def become(administrator: Any, user: str) -> dict:
    """Have an administrator act as another user."""
    other = administrator.suConn(user)
    if other is None:
        return {}
    context = other.getAdminService().getEventContext()
    told = {"user": context.userName, "sudoer": context.sudoerName.val, "names": names(other)}
    other.close()
    return told


def main() -> None:
    passwords = json.load(sys.stdin)
    root = connect("root", passwords["root"])
    root.SERVICE_OPTS.setOmeroGroup(EVERYWHERE)
    ids = {image.getName(): image.getId() for image in root.getObjects("Image")}
    told: dict[str, Any] = {
        user: tell(user, password, ids["left-over.png"]) for user, password in passwords.items()
    }
    told["become"] = become(root, "carol")
    bob = connect("bob", passwords["bob"])
    told["bob becomes carol"] = bob.suConn("carol") is not None
    principal = omero.sys.Principal(name="carol", group="clinic", eventType="User")
    try:
        bob.getSessionService().createSessionWithTimeout(principal, 60000)
    except omero.SecurityViolation:
        told["refused"] = True
    bob.close()
    # What OMERO.web does to show the version before a login.
    guest = connect("guest", "guest")
    told["version"] = guest.getConfigService().getVersion()
    guest.close()
    wrong = BlitzGateway("bob", "x", host=sys.argv[1], port=int(sys.argv[2]))
    told["wrong password"] = wrong.connect()
    root.close()
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
