"""How long a request may still take, and for whom, handed down from step to step."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from render.errors import ClientGone, DeadlineExceeded


def _stays() -> bool:
    return False


@dataclass(frozen=True)
class Asker:
    """The one for whom something is done.

    `viewer` tells whose turn it is where many wait. `is_gone` tells whether nobody waits for the
    answer any more; it is called by the thread or greenlet that waits, and must be cheap.
    """

    viewer: Hashable = None
    is_gone: Callable[[], bool] = _stays


NOBODY = Asker()


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds, and who waits until then."""

    at_s: float
    asker: Asker = field(default=NOBODY, compare=False, repr=False)

    @classmethod
    def after(cls, seconds: float, asker: Asker = NOBODY) -> "Deadline":
        """Give the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds, asker)

    def remaining_s(self, step: str) -> float:
        """Give the seconds left for `step`; raise DeadlineExceeded when there are none."""
        left = self.at_s - time.monotonic()
        if left <= 0:
            raise DeadlineExceeded(f"the request ran out of time at the step '{step}'")
        return left

    def check_wanted(self) -> None:
        """Raise ClientGone when nobody waits for the answer any more."""
        if self.asker.is_gone():
            raise ClientGone("the client hung up before its answer was ready")
