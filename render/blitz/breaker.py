"""Keeps requests from waiting for a server that is down: they are told at once instead."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Literal, TypeVar

from render.blitz.errors import Lost, Unreachable
from render.errors import DeadlineExceeded, ServiceError, SourceUnavailable

log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: An attempt that failed after longer than this opens the circuit by itself: it cost a wait.
_LONG_S = 1.0

_FAULTS = (Unreachable, Lost, DeadlineExceeded)


class Breaker:
    """Guards the attempts to reach one server.

    `closed` lets all attempts through. Some failures in a row, or a single long one, make it
    `open`: for `pause_s` every attempt fails at once. Then it is `half-open`: one attempt is let
    through, and how that goes decides. An answer that refuses is an answer.
    """

    def __init__(self, failures: int, pause_s: float) -> None:
        self._most_failures = failures
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until_s: float | None = None
        self._is_probing = False

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """Tell how attempts fare now."""
        until_s = self._open_until_s
        if until_s is None:
            return "closed"
        return "open" if time.monotonic() < until_s else "half-open"

    def run(self, attempt: Callable[[], Result]) -> Result:
        """Make an attempt to reach the server; raise SourceUnavailable without one when open."""
        self._enter()
        started_s = time.monotonic()
        try:
            result = attempt()
        except _FAULTS:
            self._failed(time.monotonic() - started_s)
            raise
        except ServiceError:
            self._reached()
            raise
        except BaseException:
            with self._lock:
                self._is_probing = False
            raise
        self._reached()
        return result

    def _enter(self) -> None:
        with self._lock:
            if self._open_until_s is None:
                return
            left_s = self._open_until_s - time.monotonic()
            if left_s > 0 or self._is_probing:
                raise SourceUnavailable(
                    "OMERO.server could not be reached a moment ago; it is tried again soon",
                    retry_after_s=max(1.0, left_s),
                )
            self._is_probing = True

    def _failed(self, took_s: float) -> None:
        with self._lock:
            self._failures += 1
            was_open = self._open_until_s is not None
            if was_open or took_s > _LONG_S or self._failures >= self._most_failures:
                self._open_until_s = time.monotonic() + self._pause_s
            opened = self._open_until_s is not None and not was_open
            self._is_probing = False
        if opened:
            log.warning("OMERO.server cannot be reached; it is tried every %g s", self._pause_s)

    def _reached(self) -> None:
        with self._lock:
            was_open = self._open_until_s is not None
            self._failures, self._open_until_s, self._is_probing = 0, None, False
        if was_open:
            log.warning("OMERO.server is reached again")
