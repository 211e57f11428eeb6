"""How often one login and one address may ask, where an operator sets a bound to it.

Counted in each worker process by itself: nothing is shared, so nothing can be waited for.
"""

import ipaddress
import threading
import time
from collections.abc import Callable

from flask import Flask, Request, current_app, g, request

from app.identity import Viewer
from app.identity.given import address_of
from app.networks import parsed
from app.operations.memory import RecentMemory
from app.settings import Settings
from render.errors import TooManyRequests

_EXTENSION = "blitzrender.rate_limits"
_REMEMBERED = 20_000
#: Who watches over the service may ask at any time.
_FREE = frozenset({"service.healthz", "service.readyz", "service.metrics"})
#: A provider hands out as many addresses at a time to one customer.
_IPV6_PREFIX = 64


class TokenBuckets:
    """A bucket of tokens for each key: `burst` at first, `per_s` more each second up to that.

    Remembers the 20,000 keys that were used last; any other has a full bucket. Safe to use from
    many threads or greenlets.
    """

    def __init__(
        self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._filled: RecentMemory[tuple[float, float]] = RecentMemory(_REMEMBERED)

    def take(self, key: str) -> float:
        """Take a token and give 0, or take none and give the seconds until there is one."""
        if self._per_s <= 0:
            return 0.0
        now_s = self._clock()
        with self._lock:
            tokens, at_s = self._filled.get(key) or (self._burst, now_s)
            tokens = min(self._burst, tokens + (now_s - at_s) * self._per_s)
            if tokens < 1:
                return (1 - tokens) / self._per_s
            self._filled.set(key, (tokens - 1, now_s))
        return 0.0


class RateLimits:
    """The buckets of one process."""

    def __init__(self, settings: Settings) -> None:
        self._viewers = TokenBuckets(settings.viewer_requests_per_s, settings.requests_burst)
        self._addresses = TokenBuckets(settings.address_requests_per_s, settings.requests_burst)
        self._proxies = settings.trusted_proxies

    def count_viewer(self, viewer: Viewer) -> None:
        """Count a request; raise TooManyRequests if there are too many of the same login.

        Of those who log in only: all others share one viewer.
        """
        if viewer.kind == "member":
            _refuse(self._viewers.take(viewer.key), "login", "viewer_requests_per_s")

    def count_address(self, asked: Request) -> None:
        """Count a request; raise TooManyRequests if there are too many from its address."""
        address = address_of(asked, self._proxies)
        _refuse(self._addresses.take(_network(address)), "address", "address_requests_per_s")


def register(app: Flask, settings: Settings) -> None:
    """Have all requests to the application counted by address; `check_viewer` does by login."""
    app.extensions[_EXTENSION] = RateLimits(settings)
    if settings.address_requests_per_s > 0:
        app.before_request(_check_address)


def check_viewer(viewer: Viewer) -> None:
    """Count the request in hand once; raise TooManyRequests if its login asks too often."""
    if not g.get(_EXTENSION):
        g.setdefault(_EXTENSION, True)
        current_app.extensions[_EXTENSION].count_viewer(viewer)


def _check_address() -> None:
    if request.endpoint not in _FREE:
        current_app.extensions[_EXTENSION].count_address(request)


def _refuse(wait_s: float, who: str, setting: str) -> None:
    if wait_s > 0:
        raise TooManyRequests(
            f"there are too many requests of this {who} (setting {setting})", retry_after_s=wait_s
        )


def _network(address: str) -> str:
    known = parsed(address)
    if known is None or known.version == 4:
        return address if known is None else str(known)
    return str(ipaddress.ip_network((known, _IPV6_PREFIX), strict=False))
