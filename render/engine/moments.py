"""Number, extremes, sum and spread of values, put together from parts."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """What is known of some pixels' values.

    `points` counts the pixels, `count` those of them that have a value (no NaN). `spread` is the
    sum of squared differences from the mean.
    """

    points: int = 0
    count: int = 0
    low: float = math.inf
    high: float = -math.inf
    total: float = 0
    spread: float = 0.0

    @property
    def mean(self) -> float | None:
        """The mean of the values; None without any."""
        return self.total / self.count if self.count else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of a sample (n - 1); 0 of one value, None without any."""
        if not self.count:
            return None
        return math.sqrt(self.spread / (self.count - 1)) if self.count > 1 else 0.0

    def plus(self, other: "Moments") -> "Moments":
        """Give those of both together (Chan, Golub and LeVeque 1979)."""
        if not self.count or not other.count:
            known = self if self.count else other
            return Moments(
                self.points + other.points,
                known.count,
                known.low,
                known.high,
                known.total,
                known.spread,
            )
        count = self.count + other.count
        apart = other.total / other.count - self.total / self.count
        return Moments(
            points=self.points + other.points,
            count=count,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            total=self.total + other.total,
            spread=self.spread + other.spread + apart * apart * self.count * (other.count / count),
        )


def moments(values: NDArray) -> Moments:
    """Give those of some values, in one dimension; sums of whole numbers are exact."""
    points = values.size
    if values.dtype.kind == "f":
        values = values[~np.isnan(values)]
    if not values.size:
        return Moments(points)
    whole = values.dtype.kind in "iu"
    total = values.sum(dtype=np.int64 if whole else np.float64)
    mean = float(total) / values.size
    with np.errstate(invalid="ignore"):
        apart = values.astype(np.float64) - mean
        spread = float(np.dot(apart, apart))
    return Moments(
        points,
        values.size,
        float(values.min()),
        float(values.max()),
        int(total) if whole else float(total),
        spread,
    )
