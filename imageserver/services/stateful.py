"""What the services that keep something between calls have in common."""

from collections.abc import Callable
from typing import Any

import Ice

from imageserver.faults import usage
from imageserver.serial import Serial
from imageserver.services.context import ServiceContext


class Stateful:
    """A service that one client opens, uses one call at a time, and closes.

    Subclasses release what they hold in `release`, which the end of the session calls too.
    """

    def __init__(self, context: ServiceContext, name: str) -> None:
        self._context = context
        self._name = name
        self._serial = Serial(context.executor)

    def close(self, current: Ice.Current) -> Any:
        """Close the service: calls after this one find no object."""
        self._context.client.forget(self._name)
        return self._serial.run(self.release)

    def release(self) -> None:
        """Let go of everything that is held; may be called twice."""

    def getCurrentEventContext(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._context.event_context()

    def activate(self, current: Ice.Current) -> None:
        raise usage("A service is active as long as it is open.")

    def passivate(self, current: Ice.Current) -> None:
        raise usage("A service is active as long as it is open.")

    def _run(self, work: Callable[[], Any]) -> Any:
        return self._serial.run(work)
