"""Query text → syntax tree, as frozen values."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedInput

from imageserver.hql.errors import QueryError

_LONGEST_QUERY = 100_000


@dataclass(frozen=True)
class Name:
    """A dotted path, from an alias or from a member of the only source."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Literal:
    """A constant; None is HQL's null."""

    value: Any


@dataclass(frozen=True)
class Parameter:
    """A named parameter."""

    name: str


@dataclass(frozen=True)
class Call:
    """A function or an aggregate; `arguments` is empty for count(*)."""

    name: str
    arguments: tuple[Any, ...]
    distinct: bool = False


@dataclass(frozen=True)
class Operation:
    """An operator with its operands: `and`, `or`, `not`, `=`, `like`, `is null`, `+` and so on."""

    operator: str
    operands: tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """Pairs of condition and result, tried in order."""

    branches: tuple[tuple[Any, Any], ...]
    otherwise: Any


@dataclass(frozen=True)
class Item:
    """One selected expression with its alias, where it has one."""

    expression: Any
    alias: str | None


@dataclass(frozen=True)
class Source:
    """A class that the query ranges over."""

    kind: str
    alias: str


@dataclass(frozen=True)
class Join:
    """A join along an association."""

    path: Name
    alias: str | None
    fetch: bool
    outer: bool


@dataclass(frozen=True)
class Query:
    """A whole query; `items` is empty when the text has no select clause."""

    items: tuple[Item, ...]
    distinct: bool
    as_map: bool
    sources: tuple[Source, ...]
    joins: tuple[Join, ...]
    where: Any
    group_by: tuple[Any, ...]
    order_by: tuple[tuple[Any, bool], ...]


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """Read a query, or raise QueryError telling where it stops making sense."""
    if len(text) > _LONGEST_QUERY:
        raise QueryError(f"a query may have {_LONGEST_QUERY} characters, this one has {len(text)}")
    try:
        return _TreeBuilder().transform(_PARSER.parse(text))
    except UnexpectedInput as error:
        place = error.pos_in_stream or 0
        near = f" near “{text[max(0, place - 20) : place + 20].strip()}”" if place > 0 else ""
        raise QueryError(f"this query cannot be read{near}") from error
    except (LarkError, RecursionError) as error:
        raise QueryError("this query cannot be read") from error


class _TreeBuilder(Transformer):
    """Turns lark's tree into the values above, from the leaves up."""

    def query(self, parts: list) -> Query:
        clauses = dict(parts)
        items, distinct, as_map = clauses.get("select", ((), False, False))
        sources, joins = clauses["from"]
        return Query(
            items,
            distinct,
            as_map,
            sources,
            joins,
            clauses.get("where"),
            clauses.get("group", ()),
            clauses.get("order", ()),
        )

    def select(self, parts: list) -> tuple:
        items, as_map = parts[-1]
        return "select", (items, _has(parts, "DISTINCT"), as_map)

    def items(self, parts: list) -> tuple:
        return tuple(parts), False

    def new_map(self, parts: list) -> tuple:
        return tuple(_values(parts)), True

    def item(self, parts: list) -> Item:
        return Item(parts[0], str(parts[-1]) if len(parts) > 1 else None)

    def source(self, parts: list) -> Source:
        kind = parts[0].parts[-1]
        return Source(kind, _alias(parts) or kind)

    def join(self, parts: list) -> Join:
        path = next(part for part in parts if isinstance(part, Name))
        return Join(path, _alias(parts), _has(parts, "FETCH"), "left" in parts)

    def left(self, parts: list) -> str:
        return "left"

    def inner(self, parts: list) -> str:
        return "inner"

    def where(self, parts: list) -> tuple:
        return "where", parts[1]

    def group(self, parts: list) -> tuple:
        return "group", tuple(_values(parts))

    def order(self, parts: list) -> tuple:
        return "order", tuple(_values(parts))

    def sort(self, parts: list) -> tuple:
        return parts[0], _has(parts, "DESC")

    def any_of(self, parts: list) -> Any:
        operands = tuple(_values(parts))
        return Operation("or", operands) if len(operands) > 1 else operands[0]

    def all_of(self, parts: list) -> Any:
        operands = tuple(_values(parts))
        return Operation("and", operands) if len(operands) > 1 else operands[0]

    def negated(self, parts: list) -> Operation:
        return Operation("not", (parts[1],))

    def compare(self, parts: list) -> Operation:
        operator = "<>" if parts[1] == "!=" else str(parts[1])
        return Operation(operator, (parts[0], parts[2]))

    def in_query(self, parts: list) -> Operation:
        return _negatable("in query", parts)

    def in_list(self, parts: list) -> Operation:
        return _negatable("in", parts)

    def like(self, parts: list) -> Operation:
        return _negatable("like", parts)

    def between(self, parts: list) -> Operation:
        return _negatable("between", parts)

    def is_null(self, parts: list) -> Operation:
        return _negatable("is null", parts)

    def is_empty(self, parts: list) -> Operation:
        return _negatable("is empty", parts)

    def exists(self, parts: list) -> Operation:
        return Operation("exists", tuple(_values(parts)))

    def scalar_query(self, parts: list) -> Operation:
        return Operation("scalar query", tuple(parts))

    def arithmetic(self, parts: list) -> Operation:
        return Operation(str(parts[1]), (parts[0], parts[2]))

    def minus(self, parts: list) -> Operation:
        return Operation("-", (Literal(0), parts[1]))

    def count_rows(self, parts: list) -> Call:
        return Call(str(parts[0]).lower(), ())

    def call_distinct(self, parts: list) -> Call:
        return Call(str(parts[0]).lower(), (parts[2],), distinct=True)

    def call_function(self, parts: list) -> Call:
        return Call(str(parts[0]).lower(), tuple(parts[1:]))

    def case(self, parts: list) -> Case:
        branches = tuple(part for part in parts if isinstance(part, tuple))
        has_else = _has(parts, "ELSE")
        return Case(branches, parts[-2] if has_else else Literal(None))

    def when(self, parts: list) -> tuple:
        return parts[1], parts[3]

    def path(self, parts: list) -> Name:
        return Name(tuple(str(part) for part in parts))

    def parameter(self, parts: list) -> Parameter:
        return Parameter(str(parts[0]))

    def number(self, parts: list) -> Literal:
        text = parts[0].rstrip("lLfFdD")
        return Literal(float(text) if set(text) & set(".eE") else int(text))

    def string(self, parts: list) -> Literal:
        return Literal(parts[0][1:-1].replace("''", "'"))

    def true(self, parts: list) -> Literal:
        return Literal(True)

    def false(self, parts: list) -> Literal:
        return Literal(False)

    def null(self, parts: list) -> Literal:
        return Literal(None)


# `from` is a keyword of Python, so this rule's method cannot be written in the class body.
def _from_clause(self: _TreeBuilder, parts: list) -> tuple:
    sources = tuple(part for part in parts if isinstance(part, Source))
    return "from", (sources, tuple(part for part in parts if isinstance(part, Join)))


setattr(_TreeBuilder, "from", _from_clause)


def _has(parts: list, kind: str) -> bool:
    return any(isinstance(part, Token) and part.type == kind for part in parts)


def _values(parts: list) -> list:
    return [part for part in parts if not isinstance(part, Token)]


def _alias(parts: list) -> str | None:
    last = parts[-1]
    return str(last) if isinstance(last, Token) and last.type == "NAME" else None


def _negatable(operator: str, parts: list) -> Operation:
    operation = Operation(operator, tuple(_values(parts)))
    return Operation("not", (operation,)) if _has(parts, "NOT") else operation


_PARSER = Lark(
    (FilePath(__file__).parent / "grammar.lark").read_text(encoding="utf-8"),
    parser="lalr",
    maybe_placeholders=False,
)
