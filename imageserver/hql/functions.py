"""Operators, functions and aggregates of HQL over Python values; null is None."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from imageserver.entities import Entity, Quantity
from imageserver.hql.errors import QueryError


def key(value: Any) -> Any:
    """Give what a value is compared by: an entity by its id, a quantity by its number."""
    if isinstance(value, Entity):
        return value.id
    if isinstance(value, Quantity):
        return value.value
    return value


def compare(operator: str, left: Any, right: Any) -> bool | None:
    """Compare two values; null when either is null."""
    left, right = key(left), key(right)
    if left is None or right is None:
        return None
    try:
        return _COMPARISONS[operator](left, right)
    except TypeError as error:
        raise QueryError(f"{left!r} and {right!r} cannot be put in order") from error


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def negate(value: bool | None) -> bool | None:
    """Logical not; null stays null."""
    return None if value is None else not value


def all_of(values: Sequence[bool | None]) -> bool | None:
    """Logical and of three-valued operands."""
    if any(value is False for value in values):
        return False
    return None if any(value is None for value in values) else True


def any_of(values: Sequence[bool | None]) -> bool | None:
    """Logical or of three-valued operands."""
    return negate(all_of([negate(value) for value in values]))


def contains(value: Any, candidates: Sequence[Any]) -> bool | None:
    """SQL's `in`: null when undecided because of a null."""
    value = key(value)
    if value is None:
        return None
    keys = [key(candidate) for candidate in candidates]
    if value in keys:
        return True
    return None if None in keys else False


def like(value: Any, pattern: Any) -> bool | None:
    """SQL's `like`: % for any characters, _ for one, backslash before either for itself.

    The time is linear in the pattern for each character of the value, whatever the pattern.
    """
    if value is None or pattern is None:
        return None
    text = str(value)
    first, *others = _like_pieces(str(pattern))
    match = first.looks.match(text)
    if match is None or not others:
        return match is not None and match.end() == len(text)
    position = match.end()
    # Between two % the leftmost place is as good as any other.
    for piece in others[:-1]:
        match = piece.looks.search(text, position)
        if match is None:
            return False
        position = match.end()
    last = others[-1]
    start = len(text) - last.length
    return start >= position and last.looks.fullmatch(text, start) is not None


class _Piece(NamedTuple):
    """What stands between two % of a pattern: how it looks, and how many characters it has."""

    looks: re.Pattern
    length: int


@lru_cache(maxsize=256)
def _like_pieces(pattern: str) -> list[_Piece]:
    """Give the pieces between the % of a pattern, one at least."""
    pieces: list[list[str]] = [[]]
    escaped = False
    for character in pattern:
        if escaped:
            pieces[-1].append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "%":
            pieces.append([])
        else:
            pieces[-1].append("." if character == "_" else re.escape(character))
    return [_Piece(re.compile("".join(piece), re.DOTALL), len(piece)) for piece in pieces]


def calculate(operator: str, left: Any, right: Any) -> Any:
    """Add, subtract, multiply or divide; null when either operand is."""
    left, right = key(left), key(right)
    if left is None or right is None:
        return None
    try:
        if operator == "/" and isinstance(left, int) and isinstance(right, int):
            return int(left / right)
        return _CALCULATIONS[operator](left, right)
    except (TypeError, ZeroDivisionError) as error:
        raise QueryError(f"{left!r} {operator} {right!r} cannot be calculated") from error


_CALCULATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: None if None in values else function(*values)


# Name → (function, Slice type of the result; None: that of the first argument).
FUNCTIONS: dict[str, tuple[Callable[..., Any], str | None]] = {
    "lower": (_strict(lambda text: str(text).lower()), "RString"),
    "upper": (_strict(lambda text: str(text).upper()), "RString"),
    "trim": (_strict(lambda text: str(text).strip()), "RString"),
    "length": (_strict(lambda text: len(str(text))), "RInt"),
    "str": (_strict(lambda value: str(key(value))), "RString"),
    "concat": (_strict(lambda *texts: "".join(str(text) for text in texts)), "RString"),
    "abs": (_strict(lambda value: abs(key(value))), None),
    "coalesce": (lambda *values: next((v for v in values if v is not None), None), None),
    "nullif": (lambda a, b: None if compare("=", a, b) else a, None),
}


def _mean(values: list[Any]) -> float:
    return sum(values) / len(values)


# Name → (function over the values that are not null, Slice type of the result, or that of its
# argument). All but count give null when there is nothing.
AGGREGATES: dict[str, tuple[Callable[[list[Any]], Any], str | None]] = {
    "count": (len, "RLong"),
    "sum": (sum, "sum"),
    "avg": (_mean, "RDouble"),
    "min": (min, None),
    "max": (max, None),
}
