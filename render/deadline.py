"""How long a request may still take, handed down from step to step."""

import time
from dataclasses import dataclass

from render.errors import DeadlineExceeded


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Give the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining_s(self, step: str) -> float:
        """Give the seconds left for `step`; raise DeadlineExceeded when there are none."""
        left = self.at_s - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"the request ran out of time at the step '{step}'")
        return left
