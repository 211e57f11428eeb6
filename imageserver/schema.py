"""The shape of OMERO's model: which members each class has, and where they lead.

Read from the Slice file of the model, so that the names that queries may use and the members that
travel are the same by construction. HQL names a to-many association `x` what Slice declares as the
pair `xSeq` and `xLoaded`.
"""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from render.blitz.slices import SLICE_DIR

_CLASS = re.compile(r"class\s+(\w+)(?:\s+extends\s+([\w:]+))?\s*\{(.*?)\}\s*;", re.DOTALL)
_MEMBER = re.compile(r"([\w:]+)\s+\\?(\w+)\s*;")
_SEQUENCE = re.compile(r"sequence<([\w:]+)>\s+(\w+)\s*;")

# Classes with a value and a unit; they are parts of their owner, not entities.
QUANTITIES = frozenset(
    {"Length", "Time", "Temperature", "Pressure", "Power", "Frequency", "ElectricPotential"}
)


@dataclass(frozen=True)
class Member:
    """One HQL member of an entity.

    `kind` is `value` (target: the Slice type of the scalar), `quantity`, `one` (to one entity),
    `many` (to many entities) or `part` (a list or map that belongs to its owner).
    """

    name: str
    kind: str
    target: str


@dataclass(frozen=True)
class EntityType:
    """A class of the model with its own and inherited members."""

    name: str
    base: str | None
    members: dict[str, Member] = field(hash=False)

    @property
    def is_enumeration(self) -> bool:
        """Whether its entities are fixed values, as those of PixelsType are."""
        return "value" in self.members and "version" not in self.members


# The embedded component that every entity has; its members are named `details.x`.
DETAILS = {
    "owner": Member("details.owner", "one", "Experimenter"),
    "group": Member("details.group", "one", "ExperimenterGroup"),
    "creationEvent": Member("details.creationEvent", "one", "Event"),
    "updateEvent": Member("details.updateEvent", "one", "Event"),
    "externalInfo": Member("details.externalInfo", "one", "ExternalInfo"),
    "permissions": Member("details.permissions", "part", "Permissions"),
}


@cache
def load_schema(path: Path = SLICE_DIR / "model.ice") -> dict[str, EntityType]:
    """Read every entity class (a descendant of IObject) of the model, by name."""
    text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
    sequences = {name: _last(element) for element, name in _SEQUENCE.findall(text)}
    declared = {
        name: (_last(base) or None, _MEMBER.findall(body))
        for name, base, body in _CLASS.findall(text)
    }
    entities = {name for name in declared if _descends(name, declared)}
    schema: dict[str, EntityType] = {}
    for name in entities:
        members: dict[str, Member] = {}
        for ancestor in _lineage(name, declared):
            for slice_type, member in declared[ancestor][1]:
                parsed = _member(slice_type, member, sequences, entities)
                if parsed is not None:
                    members[parsed.name] = parsed
        schema[name] = EntityType(name, declared[name][0], members)
    return schema


@cache
def subclasses(name: str) -> frozenset[str]:
    """Give the names of the class itself and of all classes below it."""
    schema = load_schema()
    found = {name}
    grew = True
    while grew:
        below = {n for n, entity in schema.items() if entity.base in found} - found
        grew = bool(below)
        found |= below
    return frozenset(found)


def _member(
    slice_type: str, name: str, sequences: dict[str, str], entities: set[str]
) -> Member | None:
    target = _last(slice_type)
    if name in {"details", "loaded"} or name.endswith(("Loaded", "CountPerOwner")):
        return None
    if name.endswith("Seq") and target in sequences:
        return Member(name.removesuffix("Seq"), "many", sequences[target])
    if target in entities:
        return Member(name, "one", target)
    if target in QUANTITIES:
        return Member(name, "quantity", target)
    if target.startswith("R") or slice_type in {"string", "bool", "int", "long", "double"}:
        return Member(name, "value", target)
    return Member(name, "part", target)


def _descends(name: str, declared: dict) -> bool:
    return "IObject" in _lineage(name, declared)


def _lineage(name: str, declared: dict) -> list[str]:
    """Give the class after all its ancestors, the farthest first."""
    lineage: list[str] = []
    current = name
    while current in declared:
        lineage.insert(0, current)
        current = declared[current][0] or ""
    return lineage


def _last(slice_name: str) -> str:
    return slice_name.rsplit("::", 1)[-1]
