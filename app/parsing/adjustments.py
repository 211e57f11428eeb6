"""`auto` and `gamma`: how channels are adjusted beyond what webgateway knows.

Unlike webgateway's own parameters these are read strictly: what cannot be read is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from app.parsing.numbers import decimal, shown
from render.errors import BadRequest

#: Beyond these a picture is black or white, and the curve runs out of numbers.
_LEAST_GAMMA, _MOST_GAMMA = 0.01, 100.0


class AutoScope(Enum):
    """Whose values a window is taken from; values as in `auto=`."""

    PLANE = "plane"
    IMAGE = "image"


@dataclass(frozen=True)
class AutoRequest:
    """Windows from one percentile to another, 0 to 100, of the values of plane or image."""

    low_percent: float
    high_percent: float
    scope: AutoScope = AutoScope.PLANE


def parse_auto(query: Mapping[str, str]) -> AutoRequest | None:
    """Read `auto=<low>:<high>[|plane|image]`; None when absent or empty. Raises BadRequest."""
    text = query.get("auto", "")
    if not text:
        return None
    ends, bar, scope_text = text.partition("|")
    low_text, _, high_text = ends.partition(":")
    low, high = decimal(low_text), decimal(high_text)
    if low is None or high is None:
        raise BadRequest(
            f"auto={shown(text)} is not <low>:<high>, two percentiles such as 0.1:99.9",
            parameter="auto",
        )
    if not 0 <= low < high <= 100:
        raise BadRequest(
            f"auto={shown(text)}: the percentiles must rise within 0 to 100", parameter="auto"
        )
    try:
        scope = AutoScope(scope_text) if bar else AutoScope.PLANE
    except ValueError:
        raise BadRequest(
            f"auto={shown(text)}: the scope is none of plane and image", parameter="auto"
        ) from None
    # -0.0 is the same percentile as 0.
    return AutoRequest(low + 0.0, high, scope)


def parse_gamma(query: Mapping[str, str]) -> float:
    """Read `gamma`; 1, which changes nothing, when absent or empty. Raises BadRequest."""
    text = query.get("gamma", "")
    if not text:
        return 1.0
    gamma = decimal(text)
    if gamma is None or not _LEAST_GAMMA <= gamma <= _MOST_GAMMA:
        raise BadRequest(
            f"gamma={shown(text)} is no number from {_LEAST_GAMMA:g} to {_MOST_GAMMA:g}",
            parameter="gamma",
        )
    return gamma
