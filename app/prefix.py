"""Serving everything below a path, as OMERO.web does with its `prefix`."""

from collections.abc import Iterable
from typing import Any


class Prefixed:
    """Takes the prefix off each request's path; links in answers get it again.

    A path without it is served too, for proxies that take it off themselves.
    """

    def __init__(self, wsgi_app: Any, prefix: str) -> None:
        self._wsgi_app = wsgi_app
        self._prefix = prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
        return self._wsgi_app(environ, start_response)
