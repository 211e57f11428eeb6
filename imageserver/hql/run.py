"""Evaluates a query over a graph and gives entities or rows, ready to travel."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from imageserver.entities import Entity, Quantity
from imageserver.graph import Graph
from imageserver.hql import functions
from imageserver.hql.compiler import ROWS, Compiler, Expression, Row, position_key
from imageserver.hql.errors import QueryError, QueryTooLong
from imageserver.hql.scope import ResolvedPath, Scope, Step, require_class, value_at, values_at
from imageserver.hql.syntax import Item, Name, Operation, Query, parse
from imageserver.model import Builder, Fetch
from imageserver.units import symbol
from imageserver.wire import wrap, wrap_as

_LONGEST_S = 30.0
_CHECK_EVERY_ROWS = 1024


@dataclass(frozen=True)
class Paging:
    """Which of the results to give; a limit of None is all of them."""

    offset: int = 0
    limit: int | None = None

    def cut(self, results: list) -> list:
        """Give the part of the results that is asked for."""
        end = None if self.limit is None else self.offset + self.limit
        return results[self.offset : end]


ALL = Paging()


def select_entities(
    graph: Graph, text: str, parameters: dict[str, Any], paging: Paging = ALL
) -> list[Any]:
    """Answer a query that selects one entity per row; give loaded model objects.

    An entity that several rows select is the same object each time.
    """
    plan = _Plan(graph, parse(text), parameters, _Clock())
    if len(plan.items) != 1 or plan.query.as_map or plan.items[0].kind != "one":
        raise QueryError("this query does not select one object per row; ask for a projection")
    builder = Builder(graph)
    fetch = plan.fetch_of(plan.items[0])
    return [
        None if entity is None else builder.load(entity, fetch)
        for (entity,) in paging.cut(plan.results({}))
    ]


def select_rows(
    graph: Graph, text: str, parameters: dict[str, Any], paging: Paging = ALL
) -> list[list[Any]]:
    """Answer a query with rows of RTypes; `select new map` gives one RMap per row."""
    plan = _Plan(graph, parse(text), parameters, _Clock())
    builder = Builder(graph)
    rows = []
    for values in paging.cut(plan.results({})):
        cells = [
            _cell(builder, expression, value, plan.fetch_of(expression))
            for expression, value in zip(plan.items, values, strict=True)
        ]
        rows.append([wrap(plan.named(cells))] if plan.query.as_map else cells)
    return rows


def _cell(builder: Builder, expression: Expression, value: Any, fetch: Fetch) -> Any:
    if isinstance(value, Entity):
        return wrap(builder.load(value, fetch))
    if isinstance(value, Quantity):
        return wrap({"value": value.value, "unit": value.unit, "symbol": symbol(value)})
    if isinstance(value, list):
        return wrap([wrap(builder.reference(item)) for item in value])
    if expression.target and expression.target.startswith("R") and expression.kind == "value":
        return wrap_as(expression.target, value)
    return wrap(value)


@dataclass
class _Clock:
    """Stops a query that takes too long, so that one client cannot keep the server busy."""

    until_s: float = field(default_factory=lambda: time.monotonic() + _LONGEST_S)
    rows: int = 0

    def tick(self) -> None:
        self.rows += 1
        if self.rows % _CHECK_EVERY_ROWS == 0 and time.monotonic() > self.until_s:
            raise QueryTooLong(f"this query takes more than {_LONGEST_S:.0f} s")


@dataclass(frozen=True)
class _JoinPlan:
    """One join: from the entity of `path.alias` along its steps to `alias`."""

    alias: str
    path: ResolvedPath
    outer: bool


class _Plan:
    """A query bound to a graph and to parameters; it can be run for many outer rows."""

    def __init__(
        self,
        graph: Graph,
        query: Query,
        parameters: dict[str, Any],
        clock: _Clock,
        outer: Scope | None = None,
    ) -> None:
        self.graph, self.query, self.parameters, self.clock = graph, query, parameters, clock
        self._inner_plans: dict[int, _Plan] = {}
        self.scope = Scope(outer)
        self._fetches: dict[str, Fetch] = {}
        # How each alias is reached from the first source; used to look rows up by an index.
        self._chains: dict[str, tuple[Step, ...]] = {}
        for source in query.sources:
            self._declare(source.alias, require_class(source.kind))
        self._chains[query.sources[0].alias] = ()
        self._joins = [self._plan_join(i, join) for i, join in enumerate(query.joins)]
        compiler = Compiler(graph, self.scope, parameters, self._run_subquery)
        selected = query.items or (Item(Name((query.sources[0].alias,)), None),)
        self.items = [compiler.compile(item.expression) for item in selected]
        self._names = [item.alias or str(i) for i, item in enumerate(selected)]
        self._where = compiler.compile(query.where) if query.where is not None else None
        self._group = [compiler.compile(node) for node in query.group_by]
        self._order = [
            (self._sort_key(compiler, node), descending) for node, descending in query.order_by
        ]
        self._lookups = list(self._plan_lookups(compiler, query.where))

    def fetch_of(self, expression: Expression) -> Fetch:
        """Tell which associations to load of what an expression selects."""
        if expression.path is None:
            return Fetch()
        fetch = self._fetches.get(expression.path.alias, Fetch())
        for step in expression.path.steps:
            fetch = fetch.parts.get(step.name, Fetch())
        return fetch

    def named(self, cells: Sequence[Any]) -> dict[str, Any]:
        """Give the cells of one row by their aliases."""
        return dict(zip(self._names, cells, strict=True))

    def results(self, outer: Row) -> list[tuple]:
        """Give the selected values of each row, filtered, grouped, ordered and made distinct."""
        rows = self._rows(outer)
        if self._group or any(item.aggregate for item in self.items):
            rows = self._grouped(rows)
        for expression, descending in reversed(self._order):
            rows = sorted(rows, key=lambda row: _order_key(expression, row), reverse=descending)
        selected = [tuple(item.evaluate(row) for item in self.items) for row in rows]
        return _distinct(selected) if self.query.distinct else selected

    # -- planning --------------------------------------------------------------------------

    def _declare(self, alias: str, kind: str) -> None:
        self.scope.declare(alias, kind)
        self._fetches.setdefault(alias, Fetch())

    def _plan_join(self, number: int, join: Any) -> _JoinPlan:
        path = self.scope.resolve(join.path.parts)
        if not path.steps or path.kind == "value":
            raise QueryError(f"{'.'.join(join.path.parts)} is no association to join")
        alias = join.alias or f"#join{number}"
        fetch = self._fetches.setdefault(path.alias, Fetch()) if join.fetch else Fetch()
        for step in path.steps:
            fetch = fetch.child(step.name)
        self._fetches[alias] = fetch
        self._declare(alias, path.target)
        if path.alias in self._chains:
            self._chains[alias] = self._chains[path.alias] + path.steps
        return _JoinPlan(alias, path, join.outer)

    def _sort_key(self, compiler: Compiler, node: Any) -> Expression:
        # `order by` may name a selected expression by its alias.
        if isinstance(node, Name) and len(node.parts) == 1 and node.parts[0] in self._names:
            return self.items[self._names.index(node.parts[0])]
        return compiler.compile(node)

    def _plan_lookups(
        self, compiler: Compiler, where: Any
    ) -> Iterator[tuple[tuple[Step, ...], list[Expression]]]:
        """Find conditions `path = x` and `path in (…)` that narrow down the first source.

        The condition is checked on every row all the same; this only spares looking at most rows.
        """
        own = frozenset(self.scope.kinds)
        for condition in _conjuncts(where):
            operands = [compiler.compile(operand) for operand in condition.operands]
            if condition.operator == "=" and operands[0].path is None:
                operands.reverse()
            needle, *others = operands
            if needle.path is None or needle.path.alias not in self._chains:
                continue
            if any(other.aliases & own or other.aggregate for other in others):
                continue
            yield self._chains[needle.path.alias] + needle.path.steps, others

    # -- running ---------------------------------------------------------------------------

    def _rows(self, outer: Row) -> list[Row]:
        first, *others = self.query.sources
        rows: Iterable[Row] = (
            {**outer, first.alias: entity} for entity in self._candidates(first.kind, outer)
        )
        for source in others:
            rows = self._crossed(rows, source.alias, source.kind)
        for join in self._joins:
            rows = self._joined(rows, join)
        where = self._where
        found = []
        for row in rows:
            self.clock.tick()
            if where is None or where.evaluate(row) is True:
                found.append(row)
        return found

    def _candidates(self, kind: str, outer: Row) -> list[Entity]:
        best: list[Entity] | None = None
        for steps, expressions in self._lookups:
            wanted: dict[Any, None] = {}
            for expression in expressions:
                value = expression.evaluate(outer)
                for item in value if isinstance(value, list) else [value]:
                    wanted[functions.key(item)] = None
            found = list(
                self.graph.narrow(
                    kind,
                    ".".join(step.name for step in steps),
                    wanted,
                    lambda entity, steps=steps: map(  # type: ignore[misc]
                        functions.key, values_at(self.graph, entity, steps)
                    ),
                )
            )
            if best is None or len(found) < len(best):
                best = sorted(found, key=lambda entity: entity.id)
        return self.graph.extent(kind) if best is None else best

    def _crossed(self, rows: Iterable[Row], alias: str, kind: str) -> Iterator[Row]:
        for row in rows:
            for entity in self.graph.extent(kind):
                self.clock.tick()
                yield {**row, alias: entity}

    def _joined(self, rows: Iterable[Row], join: _JoinPlan) -> Iterator[Row]:
        for row in rows:
            reached = value_at(self.graph, row.get(join.path.alias), join.path.steps)
            if not isinstance(reached, list):
                if reached is not None or join.outer:
                    yield {**row, join.alias: reached}
                continue
            for position, entity in enumerate(reached):
                self.clock.tick()
                yield {**row, join.alias: entity, position_key(join.alias): position}
            if not reached and join.outer:
                yield {**row, join.alias: None}

    def _grouped(self, rows: list[Row]) -> list[Row]:
        if not self._group:
            return [{**(rows[0] if rows else {}), ROWS: rows}]
        groups: dict[tuple, list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(e.evaluate(row) for e in self._group), []).append(row)
        return [{**members[0], ROWS: members} for members in groups.values()]

    def _run_subquery(self, query: Query, scope: Scope, row: Row) -> list[Any]:
        plan = self._inner_plans.get(id(query))
        if plan is None:
            plan = _Plan(self.graph, query, self.parameters, self.clock, outer=scope)
            if len(plan.items) != 1:
                raise QueryError("a query inside another one selects one thing")
            self._inner_plans[id(query)] = plan
        return [values[0] for values in plan.results(row)]


def _distinct(rows: list[tuple]) -> list[tuple]:
    # Maps and lists, which permissions and collections come as, have no hash.
    first_seen: dict[tuple, tuple] = {}
    for row in rows:
        first_seen.setdefault(tuple(map(_hashable, row)), row)
    return list(first_seen.values())


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, dict | list) else value


def _conjuncts(where: Any) -> list[Operation]:
    if not isinstance(where, Operation):
        return []
    if where.operator == "and":
        return [part for operand in where.operands for part in _conjuncts(operand)]
    return [where] if where.operator in {"=", "in"} else []


def _order_key(expression: Expression, row: Row) -> tuple:
    value = functions.key(expression.evaluate(row))
    # As PostgreSQL does: nulls come after everything else, and first when descending.
    return (1, 0) if value is None else (0, value)
