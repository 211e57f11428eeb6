"""Django's signed texts, in which it keeps sessions outside of caches."""

import base64
import binascii
import hashlib
import hmac
import json
import string
import zlib
from typing import Any

from app.identity.pickles import MOST_BYTES, load_pickle

#: What Django mixes into the key, for sessions in databases and files, and for those in cookies.
STORED = "django.contrib.sessions.SessionStore"
IN_COOKIES = "django.contrib.sessions.backends.signed_cookies"

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def load_signed(text: str, secret: str, salt: str) -> tuple[dict[str, Any], int]:
    """Give the session in a signed text, and when it was signed, in seconds since the epoch.

    Raises ValueError when the signature is not that of the secret, or nothing readable is in it.
    """
    signed, _, signature = text.rpartition(":")
    payload, _, time_text = signed.rpartition(":")
    if not payload or not hmac.compare_digest(
        signature.encode("utf-8", "replace"), _signature(signed, secret, salt)
    ):
        raise ValueError("the session's signature is not that of the secret key")
    session = load_serialized(_unpacked(payload))
    return session, _number(time_text)


def load_serialized(data: bytes) -> dict[str, Any]:
    """Give a session that was serialized as JSON or as a pickle; raise ValueError for others."""
    if data[:1] == b"{":
        try:
            session = json.loads(data)
        except RecursionError as error:
            raise ValueError("the session is nested too deeply") from error
    else:
        session = load_pickle(data)
    if not isinstance(session, dict):
        raise ValueError("the session is no dictionary")
    return session


def _signature(signed: str, secret: str, salt: str) -> bytes:
    key = hashlib.sha256(f"{salt}signer{secret}".encode()).digest()
    mac = hmac.new(key, signed.encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=")


def _unpacked(payload: str) -> bytes:
    compressed = payload.startswith(".")
    text = payload.removeprefix(".")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise ValueError("the session is no base64") from error
    return inflate(data) if compressed else data


def inflate(data: bytes, window_bits: int = zlib.MAX_WBITS) -> bytes:
    """Decompress what zlib compressed; raise ValueError when it is none, or too much."""
    inflater = zlib.decompressobj(window_bits)
    try:
        plain = inflater.decompress(data, MOST_BYTES)
    except zlib.error as error:
        raise ValueError("the session is not compressed as it says") from error
    if not inflater.eof:
        raise ValueError("the session is cut off, or too large")
    return plain


def _number(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 62 + _BASE62.index(digit)
    return number
