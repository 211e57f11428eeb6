"""What the names of a query stand for: aliases, classes, and members that paths lead to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from imageserver.entities import Entity, Quantity
from imageserver.graph import Graph, member_of
from imageserver.hql.errors import QueryError
from imageserver.model import split_path
from imageserver.schema import Member, load_schema, subclasses

_PACKAGES = ("ome.model.", "omero.model.")


@dataclass(frozen=True)
class Step:
    """One member of a resolved path; of a Quantity, `name` is the attribute that is read."""

    name: str
    member: Member


@dataclass(frozen=True)
class ResolvedPath:
    """A path from an alias. `target` is a class name, or a Slice type when it ends in a value."""

    alias: str
    steps: tuple[Step, ...]
    kind: str
    target: str


@dataclass
class Scope:
    """The aliases of one query, with those of the query around it in `outer`."""

    outer: "Scope | None" = None
    kinds: dict[str, str] = field(default_factory=dict)

    def declare(self, alias: str, kind: str) -> None:
        """Add an alias for entities of a class."""
        if alias in self.kinds:
            raise QueryError(f"the alias {alias} is given twice")
        self.kinds[alias] = kind

    def kind_of(self, alias: str) -> str | None:
        """Give the class that an alias stands for, looking outwards."""
        if alias in self.kinds:
            return self.kinds[alias]
        return self.outer.kind_of(alias) if self.outer else None

    def resolve(self, parts: tuple[str, ...]) -> ResolvedPath:
        """Bind a dotted path to members of the model; QueryError names what is unknown."""
        alias, rest = self._start(parts)
        kind, target = "one", str(self.kind_of(alias))
        steps: list[Step] = []
        for name in split_path(".".join(rest)) if rest else ():
            step = _step(kind, target, name)
            steps.append(step)
            kind, target = step.member.kind, step.member.target
        return ResolvedPath(alias, tuple(steps), kind, target)

    def _start(self, parts: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        if self.kind_of(parts[0]) is not None:
            return parts[0], parts[1:]
        # Without an alias a path starts at the only source that there is.
        if self.kinds:
            first = next(iter(self.kinds))
            if find_member(self.kinds[first], split_path(".".join(parts))[0]) is not None:
                return first, parts
        raise QueryError(f"{'.'.join(parts)} starts with no alias of this query")


def require_class(kind: str) -> str:
    """Give the class name back, or raise QueryError when the model has no such class."""
    if kind not in load_schema():
        raise QueryError(f"there is no class {kind} in the model")
    return kind


def class_name(name: str) -> str:
    """Give the class that a client names, with or without its package; or raise QueryError."""
    plain = name
    for package in _PACKAGES:
        plain = plain.removeprefix(package)
    # The official client's own classes end in I.
    if plain not in load_schema():
        plain = plain.removesuffix("I").rpartition(".")[2]
    if plain not in load_schema():
        raise QueryError(f"there is no class {name} in the model")
    return plain


def find_member(kind: str, name: str) -> Member | None:
    """Find a member in a class, or in one of the classes below it."""
    return next(
        (member for k in (kind, *sorted(subclasses(kind))) if (member := member_of(k, name))),
        None,
    )


def values_at(graph: Graph, entity: Entity | None, steps: Iterable[Step]) -> list[Any]:
    """Follow a path that may lead to many, and give everything that it reaches, nulls left out."""
    found: list[Any] = [] if entity is None else [entity]
    for step in steps:
        reached: list[Any] = []
        for item in found:
            value = read_step(graph, item, step)
            reached += value if isinstance(value, list) else [value]
        found = [item for item in reached if item is not None]
    return found


def value_at(graph: Graph, entity: Any, steps: Iterable[Step]) -> Any:
    """Follow a path that leads to one value; null when anything on the way is null."""
    for step in steps:
        if entity is None:
            return None
        entity = read_step(graph, entity, step)
    return entity


def read_step(graph: Graph, item: Any, step: Step) -> Any:
    """Read one member of an entity, or an attribute of a quantity."""
    if isinstance(item, Quantity):
        return getattr(item, step.name)
    return graph.member(item, step.member)


_PARTS_OF_QUANTITY = {"value": "RDouble", "unit": "RString"}
_PARTS_OF_NAMED_VALUE = {"name": "RString", "value": "RString"}


def _step(kind: str, target: str, name: str) -> Step:
    if kind == "one":
        member = find_member(target, name)
    elif kind == "quantity" and name in _PARTS_OF_QUANTITY:
        member = Member(name, "value", _PARTS_OF_QUANTITY[name])
    elif kind == "part" and target == "NamedValue" and name in _PARTS_OF_NAMED_VALUE:
        member = Member(name, "value", _PARTS_OF_NAMED_VALUE[name])
    elif kind == "many":
        raise QueryError(f"{name} cannot be read from a collection; join the collection first")
    else:
        member = None
    if member is None:
        raise QueryError(f"{target} has no member {name}")
    return Step(name, member)
