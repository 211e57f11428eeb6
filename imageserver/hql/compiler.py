"""Expressions of a query → Python functions of a row.

A row maps each alias to its entity, or to None where an outer join found nothing. The position
of an entity within the list that it was joined from stands under `position_key(alias)`, the rows of
a group under `ROWS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from imageserver.graph import Graph
from imageserver.hql import functions
from imageserver.hql.errors import QueryError
from imageserver.hql.scope import ResolvedPath, Scope, value_at
from imageserver.hql.syntax import Call, Case, Literal, Name, Operation, Parameter, Query

ROWS = "#rows"
Row = dict[str, Any]


def position_key(alias: str) -> str:
    """Name the entry of a row that holds the position of an alias's entity in its list."""
    return f"#{alias}"


@dataclass(frozen=True)
class Expression:
    """A function of a row, with what is known about it before it runs.

    `kind` and `target` type its result as those of a Member do; `aliases` are the ones that it
    reads; `aggregate` tells whether it needs a group's rows.
    """

    evaluate: Callable[[Row], Any]
    kind: str = "value"
    target: str | None = None
    aliases: frozenset[str] = frozenset()
    aggregate: bool = False
    path: ResolvedPath | None = None


SubqueryRunner = Callable[[Query, Scope, Row], list[Any]]


@dataclass
class Compiler:
    """Compiles the expressions of one query; `run_subquery` evaluates those inside it."""

    graph: Graph
    scope: Scope
    parameters: dict[str, Any]
    run_subquery: SubqueryRunner

    def compile(self, node: Any) -> Expression:
        """Compile any expression of the syntax tree."""
        if isinstance(node, Literal):
            return _constant(node.value)
        if isinstance(node, Parameter):
            return self._parameter(node)
        if isinstance(node, Name):
            return self._path(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Case):
            return self._case(node)
        if isinstance(node, Operation):
            return self._operation(node)
        raise QueryError("this expression cannot be read")

    def _parameter(self, node: Parameter) -> Expression:
        if node.name not in self.parameters:
            raise QueryError(f"the parameter :{node.name} has no value")
        return _constant(self.parameters[node.name])

    def _path(self, node: Name) -> Expression:
        path = self.scope.resolve(node.parts)
        graph, alias, steps = self.graph, path.alias, path.steps
        if not steps:
            return Expression(
                lambda row: row.get(alias), "one", path.target, frozenset({alias}), path=path
            )
        if any(step.member.kind == "many" for step in steps[:-1]):
            raise QueryError(f"{'.'.join(node.parts)} goes through a collection; join it first")
        return Expression(
            lambda row: value_at(graph, row.get(alias), steps),
            path.kind,
            path.target,
            frozenset({alias}),
            path=path,
        )

    def _call(self, node: Call) -> Expression:
        if node.name in functions.AGGREGATES:
            return self._aggregate(node)
        if node.name == "index":
            return self._index(node)
        if node.name in _EXTREME_INDEXES:
            return self._extreme_index(node, _EXTREME_INDEXES[node.name])
        arguments = [self.compile(argument) for argument in node.arguments]
        if node.name == "size" and len(arguments) == 1:
            evaluate = arguments[0].evaluate
            return _combine(lambda row: len(evaluate(row) or ()), arguments, "RInt")
        if node.name not in functions.FUNCTIONS:
            raise QueryError(f"the function {node.name}() is not known here")
        function, target = functions.FUNCTIONS[node.name]
        if not arguments:
            raise QueryError(f"{node.name}() needs an argument")

        def call(row: Row) -> Any:
            try:
                return function(*(argument.evaluate(row) for argument in arguments))
            except TypeError as error:
                raise QueryError(f"{node.name}() does not take these arguments") from error

        return _combine(call, arguments, target or arguments[0].target)

    def _aggregate(self, node: Call) -> Expression:
        reduce, target = functions.AGGREGATES[node.name]
        if not node.arguments:
            return Expression(lambda row: len(row[ROWS]), target=target, aggregate=True)
        argument = self.compile(node.arguments[0])
        if target == "sum":
            target = "RDouble" if argument.target in {"RDouble", "RFloat"} else "RLong"

        def aggregate(row: Row) -> Any:
            found = (functions.key(argument.evaluate(inner)) for inner in row[ROWS])
            values = [value for value in found if value is not None]
            if node.distinct:
                values = list(dict.fromkeys(values))
            return reduce(values) if values or node.name == "count" else None

        return Expression(
            aggregate, "value", target or argument.target, argument.aliases, aggregate=True
        )

    def _index(self, node: Call) -> Expression:
        argument = self.compile(node.arguments[0]) if len(node.arguments) == 1 else None
        if argument is None or argument.path is None or argument.path.steps:
            raise QueryError("index() takes the alias of a joined collection")
        key = position_key(argument.path.alias)
        return _combine(lambda row: row.get(key), [argument], "RInt")

    def _extreme_index(self, node: Call, choose: Callable[[list[int]], int]) -> Expression:
        index = self._index(node)

        def aggregate(row: Row) -> int | None:
            found = [index.evaluate(inner) for inner in row[ROWS]]
            places = [place for place in found if place is not None]
            return choose(places) if places else None

        return Expression(aggregate, target="RInt", aliases=index.aliases, aggregate=True)

    def _case(self, node: Case) -> Expression:
        branches = [(self.compile(when), self.compile(then)) for when, then in node.branches]
        otherwise = self.compile(node.otherwise)

        def choose(row: Row) -> Any:
            for condition, result in branches:
                if condition.evaluate(row) is True:
                    return result.evaluate(row)
            return otherwise.evaluate(row)

        every = [otherwise, *(part for branch in branches for part in branch)]
        return _combine(choose, every, branches[0][1].target)

    def _operation(self, node: Operation) -> Expression:
        if node.operator in {"exists", "in query", "scalar query"}:
            return self._subquery(node)
        operands = [self.compile(operand) for operand in node.operands]
        evaluators = [operand.evaluate for operand in operands]
        target = operands[0].target if node.operator in {"+", "-", "*", "/"} else "RBool"
        if node.operator == "in":
            return _combine(_membership(operands), operands, target)
        if node.operator in _OPERATORS:
            function = _OPERATORS[node.operator]
            return _combine(
                lambda row: function(*[evaluate(row) for evaluate in evaluators]), operands, target
            )
        raise QueryError(f"the operator {node.operator} is not known here")

    def _subquery(self, node: Operation) -> Expression:
        query = node.operands[-1]
        run = self.run_subquery
        scope = self.scope
        # What the query inside reads of this one's row is not known; it may read all of it.
        aliases = frozenset(scope.kinds)
        if node.operator == "exists":
            return Expression(
                lambda row: bool(run(query, scope, row)), target="RBool", aliases=aliases
            )
        if node.operator == "scalar query":
            return Expression(lambda row: next(iter(run(query, scope, row)), None), aliases=aliases)
        needle = self.compile(node.operands[0])
        return Expression(
            lambda row: functions.contains(needle.evaluate(row), run(query, scope, row)),
            target="RBool",
            aliases=aliases | needle.aliases,
        )


#: Aggregates over the places that joined entities have in their lists.
_EXTREME_INDEXES: dict[str, Callable[[list[int]], int]] = {"minindex": min, "maxindex": max}


def _membership(operands: Sequence[Expression]) -> Callable[[Row], bool | None]:
    needle, *candidates = [operand.evaluate for operand in operands]

    def is_member(row: Row) -> bool | None:
        values: list[Any] = []
        for candidate in candidates:
            value = candidate(row)
            values += value if isinstance(value, list) else [value]
        return functions.contains(needle(row), values)

    return is_member


def _compare(operator: str) -> Callable[[Any, Any], bool | None]:
    return lambda left, right: functions.compare(operator, left, right)


def _between(value: Any, low: Any, high: Any) -> bool | None:
    return functions.all_of(
        [functions.compare(">=", value, low), functions.compare("<=", value, high)]
    )


def _calculate(operator: str) -> Callable[[Any, Any], Any]:
    return lambda left, right: functions.calculate(operator, left, right)


_OPERATORS: dict[str, Callable[..., Any]] = {
    "and": lambda *values: functions.all_of(values),
    "or": lambda *values: functions.any_of(values),
    "not": functions.negate,
    "like": functions.like,
    "between": _between,
    "is null": lambda value: value is None,
    "is empty": lambda value: not value,
    **{operator: _compare(operator) for operator in ("=", "<>", "<", "<=", ">", ">=")},
    **{operator: _calculate(operator) for operator in ("+", "-", "*", "/")},
}


def _constant(value: Any) -> Expression:
    targets = {bool: "RBool", int: "RLong", float: "RDouble", str: "RString"}
    return Expression(lambda row: value, target=targets.get(type(value)))


def _combine(
    evaluate: Callable[[Row], Any], parts: Sequence[Expression], target: str | None
) -> Expression:
    return Expression(
        evaluate,
        target=target,
        aliases=frozenset().union(*(part.aliases for part in parts)),
        aggregate=any(part.aggregate for part in parts),
    )
