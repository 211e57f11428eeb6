"""What the services that are opened on one pixels set have in common: OMERO's PyramidService.

They are expensive to open, stateful, and take one call at a time. Each knows the resolution level
it stands at, so that changing it costs a round trip only when needed.
"""

import logging
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from render.blitz.ami import Pending, call, start
from render.deadline import Deadline
from render.errors import ServiceError, SourceFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoreKey:
    """What a store is opened for: one version of a pixels set, in the group that owns it.

    A store goes on reading what it once opened; when the pixels change, new ones are needed.
    """

    pixels_id: int
    group_id: int
    version: str


class PyramidService(ABC):
    """One open service on the server. Not to be used by two readers at once."""

    def __init__(self, proxy: Any, key: StoreKey) -> None:
        self.key = key
        self.level = 0
        self.opened_s = time.monotonic()
        self.last_used_s = self.opened_s
        self._proxy = proxy
        self._levels: tuple[tuple[int, int], ...] = ()

    @abstractmethod
    def open(self, deadline: Deadline) -> None:
        """Point the service at its pixels and learn their resolution levels."""

    def has_level(self, level: int) -> bool:
        """Tell whether the service knows that resolution level."""
        return level < len(self._levels)

    def start_level(self, level: int) -> Pending | None:
        """Send the change to a level, None if it stands there; await it before reading."""
        if level == self.level:
            return None
        # The server counts the other way round: its highest level is full size.
        sent = start(
            "set the resolution level",
            self._proxy.setResolutionLevelAsync,
            len(self._levels) - 1 - level,
        )
        self.level = level
        return sent

    def start_closing(self) -> Pending | None:
        """Send the closing of the service on the server; None if it cannot even be sent."""
        try:
            return start("close a pixels store", self._proxy.closeAsync)
        except ServiceError as error:
            log.debug("a pixels store cannot be closed: %s", error)
            return None

    def await_closed(self, closing: Pending | None, deadline: Deadline) -> None:
        """Wait for the closing. Never raises: what does not close is gone already."""
        try:
            if closing is not None:
                closing.result(deadline)
        except ServiceError as error:
            log.debug("closing a pixels store ended with: %s", error)

    def _learn_levels(self, deadline: Deadline) -> None:
        described = call(
            deadline, "ask for resolution levels", self._proxy.getResolutionDescriptionsAsync
        )
        # Descriptions begin with full size, as our levels do.
        self._levels = tuple((level.sizeX, level.sizeY) for level in described)
        if not self._levels:
            raise SourceFailed("OMERO.server describes no resolution level of the pixels")
