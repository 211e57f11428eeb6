"""Entities → graphs of OMERO's model objects, ready to travel."""

import time
from dataclasses import dataclass, field
from typing import Any

from imageserver.accounts import Rights
from imageserver.entities import Entity, Quantity
from imageserver.graph import Graph, member_of
from imageserver.schema import DETAILS, Member, load_schema
from imageserver.wire import rlong, wrap_as
from render.blitz.slices import omero

# How long one reply may wait in all for statistics that are being computed.
_STATISTICS_WAIT_S = 10.0
# Marks what may be seen but not downloaded.
_NO_DOWNLOAD = "RESTRICT-BINARY-ACCESS"


@dataclass
class Fetch:
    """Which associations of an object to load, each with those of the objects it leads to."""

    parts: dict[str, "Fetch"] = field(default_factory=dict)

    def child(self, name: str) -> "Fetch":
        """Give the part for an association, added when it is not there yet."""
        return self.parts.setdefault(name, Fetch())

    @classmethod
    def of(cls, *paths: str) -> "Fetch":
        """Make one from paths such as `pixels.channels`; `details.owner` is one step."""
        root = cls()
        for path in paths:
            node = root
            for step in split_path(path):
                node = node.child(step)
        return root


def split_path(path: str) -> list[str]:
    """Split a dotted path into members, `details` together with what follows it."""
    steps: list[str] = []
    for part in path.split("."):
        if steps and steps[-1] == "details":
            steps[-1] = f"details.{part}"
        else:
            steps.append(part)
    return steps


def permissions(rights: Rights) -> Any:
    """Make the permissions of an object, with what the caller may not do with it."""
    return omero.model.Permissions(
        perm1=rights.bits,
        restrictions=rights.restrictions,
        extendedRestrictions=[] if rights.download else [_NO_DOWNLOAD],
    )


def group_permissions(bits: int) -> Any:
    """Make the permissions of a group by itself, nobody being restricted."""
    return omero.model.Permissions(perm1=bits, restrictions=[])


class Builder:
    """Builds the objects of one reply; an entity is one object in it, wherever it appears."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._made: dict[Entity, Any] = {}
        self._patience_s = _STATISTICS_WAIT_S

    def load(self, entity: Entity, fetch: Fetch | None = None) -> Any:
        """Give the loaded object of an entity, with the associations of `fetch` loaded."""
        made = self.reference(entity)
        if not made.loaded:
            made.loaded = True
            self._fill(made, entity)
        for name, inner in (fetch or Fetch()).parts.items():
            self._fetch(made, entity, name, inner)
        return made

    def reference(self, entity: Entity) -> Any:
        """Give an object with nothing but its id, unless this reply loads it."""
        made = self._made.get(entity)
        if made is None:
            made = getattr(omero.model, entity.kind)(id=rlong(entity.id), loaded=False)
            self._made[entity] = made
        return made

    def _fill(self, made: Any, entity: Entity) -> None:
        for member in load_schema()[entity.kind].members.values():
            if member.kind == "many" or member.name == "id":
                continue
            value = self._graph.member(entity, member)
            if value is not None:
                setattr(made, member.name, self._plain(member, value))
        details = omero.model.Details(permissions=permissions(self._graph.rights(entity)))
        for name, member in DETAILS.items():
            value = self._graph.member(entity, member) if member.kind == "one" else None
            if value is not None:
                setattr(details, name, self.reference(value))
        made.details = details

    def _plain(self, member: Member, value: Any) -> Any:
        if isinstance(value, Entity):
            return self.reference(value)
        if isinstance(value, Quantity):
            return quantity(value)
        if member.target == "NamedValueList":
            return [omero.model.NamedValue(name, text) for name, text in value]
        return wrap_as(member.target, value)

    def _fetch(self, made: Any, entity: Entity, name: str, inner: Fetch) -> None:
        member = member_of(entity.kind, name)
        if member is None or member.kind not in {"one", "many"}:
            return
        value = self._graph.member(entity, member)
        if value is None and entity.kind == "Channel" and name == "statsInfo":
            value = self._wait_for_statistics(entity, member)
        if member.kind == "many":
            setattr(made, f"{name}Seq", [self.load(item, inner) for item in value])
            setattr(made, f"{name}Loaded", True)
        elif value is not None:
            loaded = self.load(value, inner)
            owner = made.details if name.startswith("details.") else made
            setattr(owner, name.removeprefix("details."), loaded)

    def _wait_for_statistics(self, channel: Entity, member: Member) -> Entity | None:
        """Give a channel's statistics when they get ready while this reply may still wait.

        A new file's are computed in the background; who asks for them wants them to be there.
        """
        image, position = channel.record
        if self._patience_s <= 0 or image.problem:
            return None
        began_s = time.monotonic()
        image = self._graph.with_statistics(image, self._patience_s)
        self._patience_s -= time.monotonic() - began_s
        if position >= len(image.channels):
            return None
        return self._graph.member(Entity("Channel", channel.id, (image, position)), member)


def quantity(value: Quantity) -> Any:
    """Make the object of a number with a unit."""
    units = getattr(omero.model.enums, f"Units{value.kind}")
    return getattr(omero.model, value.kind)(value=value.value, unit=getattr(units, value.unit))
