"""What pages of other origins may read (CORS)."""

from collections.abc import Mapping, Sequence

Headers = list[tuple[str, str]]

METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
#: Headers that pages of other origins may send.
REQUEST_HEADERS = (
    "Authorization, Content-Type, If-None-Match, If-Range, Range, X-CSRFToken, "
    "X-OMERO-Session-Key, X-Request-ID, X-Requested-With"
)
#: Headers of answers that pages of other origins may read.
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Retry-After, Server-Timing, Warning, "
    "X-Byte-Order, X-Cache, X-Channels, X-Pixel-Type, X-Request-ID, X-Shape"
)
_PREFLIGHT_MAX_AGE_S = 600


class CrossOrigin:
    """The origins that are let in.

    An origin that is named is told back, with credentials. `*` stands for all others without
    credentials: told back with them, it would let any page on the net read what is private.
    """

    def __init__(self, allowed_origins: Sequence[str]) -> None:
        self._any = "*" in allowed_origins
        self._named = frozenset(origin.lower() for origin in allowed_origins) - {"*"}

    @property
    def varies(self) -> bool:
        """Tell whether answers differ by origin."""
        return bool(self._named)

    def headers(self, environ: Mapping[str, object]) -> Headers:
        """Give the headers that let the page which asked read the answer; none for strangers."""
        origin = str(environ.get("HTTP_ORIGIN", ""))
        if not origin and not self._any:
            return []
        if origin.lower() in self._named:
            let_in = [
                ("Access-Control-Allow-Origin", origin),
                ("Access-Control-Allow-Credentials", "true"),
            ]
        elif self._any:
            # Said to all, asked or not, so that one stored answer does for everybody.
            let_in = [("Access-Control-Allow-Origin", "*")]
        else:
            return []
        if environ.get("REQUEST_METHOD") != "OPTIONS":
            return [*let_in, ("Access-Control-Expose-Headers", EXPOSED_HEADERS)]
        return [
            *let_in,
            ("Access-Control-Allow-Methods", METHODS),
            ("Access-Control-Allow-Headers", REQUEST_HEADERS),
            ("Access-Control-Max-Age", str(_PREFLIGHT_MAX_AGE_S)),
        ]
