"""Passwords: hashed with scrypt, or plain where somebody insists."""

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass, field

_SCHEME = "scrypt"
# 16 MiB and some 50 ms for each try.
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1
_SALT_BYTES, _HASH_BYTES = 16, 32
_MOST_MEMORY_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Secret:
    """What tells a right password from a wrong one: `text` is a hash, or the password itself."""

    text: str = field(repr=False)
    hashed: bool

    def fits(self, password: str) -> bool:
        """Tell whether this is the password, in a time that says nothing about a wrong one."""
        if not self.hashed:
            return hmac.compare_digest(password.encode(), self.text.encode())
        cost, block, parallel, salt, expected = _parts(self.text)
        return hmac.compare_digest(_scrypt(password, salt, cost, block, parallel), expected)


def hash_password(password: str) -> str:
    """Give the text that stands for a password in the users' file."""
    salt = os.urandom(_SALT_BYTES)
    digest = _scrypt(password, salt, _COST, _BLOCK, _PARALLEL)
    return ":".join(
        (_SCHEME, str(_COST), str(_BLOCK), str(_PARALLEL), _encoded(salt), _encoded(digest))
    )


def parse_hash(text: str) -> Secret:
    """Give the secret for a text that `hash_password` made. Raises ValueError for any other."""
    cost, block, parallel, *_ = _parts(text)
    if cost < 2 or cost & (cost - 1) or block < 1 or parallel < 1:
        raise ValueError("its numbers are none of scrypt's")
    if 128 * cost * block * parallel > _MOST_MEMORY_BYTES // 2:
        raise ValueError("it would take too much memory to check")
    return Secret(text, hashed=True)


def _parts(text: str) -> tuple[int, int, int, bytes, bytes]:
    scheme, _, rest = text.partition(":")
    fields = rest.split(":")
    if scheme != _SCHEME or len(fields) != 5:
        raise ValueError("it is no hash of this server's making")
    numbers = [int(field) for field in fields[:3]]
    salt, digest = (base64.b64decode(field, validate=True) for field in fields[3:])
    if len(salt) < 8 or len(digest) != _HASH_BYTES:
        raise ValueError("it is no hash of this server's making")
    return numbers[0], numbers[1], numbers[2], salt, digest


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=cost,
        r=block,
        p=parallel,
        maxmem=_MOST_MEMORY_BYTES,
        dklen=_HASH_BYTES,
    )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
