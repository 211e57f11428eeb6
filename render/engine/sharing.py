"""Work that several threads do together, without knowing how many they are."""

from collections.abc import Callable

#: Does pieces of some work until none is left; may run in several threads at the same time.
Part = Callable[[], None]

#: Runs a part in this thread and in so many others at most, and returns when all have ended.
Share = Callable[[Part, int], None]


def alone(part: Part, others: int) -> None:
    """Do all the work in this thread; a `Share`."""
    part()
