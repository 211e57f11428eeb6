"""By which names the service may be called: what keeps other sites out where nobody logs in.

A page of another site can have its own name lead to this host (DNS rebinding). To the browser the
answers are then that page's own. It cannot hide by which name it asked, though: the browser says
so in `Host`. Neither can it ask by a bare address, which belongs to no site, nor send `Via`, which
browsers keep to themselves.
"""

import logging
import socket
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from flask import Flask, request

from app.networks import is_in, parsed
from app.parsing.numbers import shown
from app.settings import Settings
from render.errors import HostNotAllowed

log = logging.getLogger("blitzrender.hosts")

_ANY = "*"
_NAMES_REMEMBERED = 64


class AllowedHosts:
    """The names of the setting, or where there are none those that follow from the others.

    Those are names of this host and, from a proxy in `trusted_proxies` that sends `Via`, any: for
    whom it answers is the proxy's to say. Where people log in all names do, as a browser gives the
    cookie of a login to no other site.
    """

    def __init__(self, settings: Settings) -> None:
        self._proxies = settings.trusted_proxies
        named = {name.lower() for name in settings.allowed_hosts}
        self._checks = _ANY not in named and (bool(named) or settings.one_viewer)
        self._believes_proxies = not named
        own = named or {settings.host.lower(), socket.gethostname().lower()}
        self._names = {name for name in own if not name.startswith("*.")} | {"localhost"}
        self._endings = (".localhost", *(name[1:] for name in own if name.startswith("*.")))
        # Clients ask by few names, and to read an address takes longer than to find a picture.
        self._is_ours = lru_cache(_NAMES_REMEMBERED)(self._answers_to)

    def allow(self, environ: Mapping[str, Any]) -> bool:
        """Tell whether a request came by an allowed name; one that tells none is no browser's."""
        if not self._checks:
            return True
        if self._is_ours(environ.get("HTTP_HOST", "")):
            return True
        return (
            self._believes_proxies
            and "HTTP_VIA" in environ
            and is_in(environ.get("REMOTE_ADDR", ""), self._proxies)
        )

    def _answers_to(self, host: str) -> bool:
        name = _name(host)
        if not name or name in self._names or name.endswith(self._endings):
            return True
        return parsed(name.strip("[]")) is not None


def register(app: Flask, settings: Settings) -> AllowedHosts:
    """Have every request to the application checked before anything else; give what checks it."""
    allowed = AllowedHosts(settings)
    stranger = _Stranger(settings)

    @app.before_request
    def check_host() -> None:
        stranger.look(request.environ)
        if not allowed.allow(request.environ):
            name = shown(_name(request.environ.get("HTTP_HOST", "")))
            raise HostNotAllowed(
                f"this service is not called {name!r}; its operator can name it in allowed_hosts"
            )

    return allowed


class _Stranger:
    """Tells the log once of a proxy near by whose word does not count."""

    def __init__(self, settings: Settings) -> None:
        self._proxies = settings.trusted_proxies
        self._told = threading.Event()

    def look(self, environ: Mapping[str, Any]) -> None:
        """Look at a request."""
        if self._told.is_set() or "HTTP_X_FORWARDED_FOR" not in environ:
            return
        peer = environ.get("REMOTE_ADDR", "")
        found = parsed(peer)
        if found is not None and found.is_private and not is_in(peer, self._proxies):
            self._told.set()
            log.warning(
                "%s sends X-Forwarded-For, which does not count: it is none of trusted_proxies",
                peer,
            )


def _name(host: str) -> str:
    """Give the name in a Host header: without port and the root's dot, in lower case."""
    name, colon, port = host.rpartition(":")
    if not colon or (port and not port.isdigit()):
        name = host
    return name.lower().removesuffix(".")
