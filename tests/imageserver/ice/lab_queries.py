"""What a session of the lab's users finds."""

from typing import Any

from tests.imageserver.ice.clients import LoggedIn


def query(client: LoggedIn, group: int = -1) -> Any:
    return client.factory.getQueryService().ice_context({"omero.group": str(group)})


def names(client: LoggedIn, group: int = -1) -> set[str]:
    """Name the images that exist for a user in a group."""
    found = query(client, group).projection("select i.name from Image i", None)
    return {row[0].val for row in found}


def ids(client: LoggedIn, kind: str) -> dict[str, int]:
    """Give the ids of things by the names of their images."""
    texts = {
        "Image": "select i.name, i.id from Image i",
        "Pixels": "select p.image.name, p.id from Pixels p",
        "OriginalFile": "select i.name, f.id from Image i join i.fileset s "
        "join s.usedFiles u join u.originalFile f",
    }
    rows = query(client).projection(texts[kind], None)
    return {name.val: identifier.val for name, identifier in rows}
