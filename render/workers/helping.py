"""A part of a job, done by the job's own thread and by others that join in."""

from render.engine.sharing import Part
from render.workers.native import make_lock


class SharedPart:
    """Any number of native threads may `help`, each once, until the job's own thread `finish`es."""

    def __init__(self, part: Part) -> None:
        self._part = part
        # Held for a few instructions at a time.
        self._lock = make_lock()
        self._helping = 0
        self._is_over = False
        self._error: BaseException | None = None
        # Held until the last helper has ended.
        self._ended = make_lock()
        self._ended.acquire()

    def help(self) -> None:
        """Run the part in this thread too, unless all is done already; raises nothing."""
        with self._lock:
            if self._is_over:
                return
            self._helping += 1
        try:
            self._part()
        except BaseException as error:
            self._error = error
        with self._lock:
            self._helping -= 1
            is_last = self._is_over and not self._helping
        if is_last:
            self._ended.release()

    def finish(self) -> None:
        """Run the part here, and wait for those who help; raise what it raised anywhere."""
        try:
            self._part()
        finally:
            with self._lock:
                self._is_over = True
                is_helped = self._helping > 0
            if is_helped:
                self._ended.acquire()
        if self._error is not None:
            raise self._error
