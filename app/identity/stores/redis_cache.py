"""Sessions in OMERO.web's cache, in Redis."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.identity.pickles import MOST_BYTES
from app.identity.signing import inflate, load_serialized
from app.identity.stores.base import Session, SessionStore, StoreAway, is_session_key

_MOST_CONNECTIONS = 32


class RedisStore(SessionStore):
    """Reads what django-redis or Django's own Redis backend wrote; `prefix` is the engine's."""

    def __init__(
        self, url: str, key_prefix: str, version: int, engine: str, timeout_s: float
    ) -> None:
        self._prefix = f"{key_prefix}:{version}:django.contrib.sessions.{engine}"
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            max_connections=_MOST_CONNECTIONS,
            # A connection that Redis closed meanwhile is opened anew, once.
            retry=Retry(NoBackoff(), 1),
        )

    def read(self, cookie: str) -> Session | None:
        """Give the session of a cookie."""
        if not is_session_key(cookie):
            return None
        try:
            data: Any = self._redis.get(self._prefix + cookie)
        except redis.RedisError as error:
            raise StoreAway(
                "OMERO.web's session store (Redis) cannot be read", retry_after_s=5
            ) from error
        return None if data is None else load_serialized(_plain(data))

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()


def _plain(data: bytes) -> bytes:
    """Undo the compression that the cache was set up with, which the first bytes tell."""
    for magic, undo in _COMPRESSIONS.items():
        if data.startswith(magic):
            try:
                return undo(data)
            except (OSError, EOFError, RuntimeError, lzma.LZMAError) as error:
                raise ValueError("the session is not compressed as it says") from error
    return data


def _zstandard(data: bytes) -> bytes:
    from imagecodecs import zstd_decode

    return bytes(zstd_decode(data, out=MOST_BYTES))


def _lz4(data: bytes) -> bytes:
    from imagecodecs import lz4f_decode

    return bytes(lz4f_decode(data, out=MOST_BYTES))


_COMPRESSIONS: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x78": inflate,
    b"\x1f\x8b": lambda data: inflate(data, 16 + zlib.MAX_WBITS),
    b"\xfd7zXZ": lambda data: lzma.LZMADecompressor().decompress(data, MOST_BYTES),
    b"BZh": lambda data: bz2.BZ2Decompressor().decompress(data, MOST_BYTES),
    b"\x28\xb5\x2f\xfd": _zstandard,
    b"\x04\x22\x4d\x18": _lz4,
}
