"""Sessions in files, OMERO.web's default; and sessions in cookies."""

import time
from pathlib import Path

from app.identity.pickles import MOST_BYTES
from app.identity.signing import IN_COOKIES, STORED, load_signed
from app.identity.stores.base import Session, SessionStore, StoreAway, is_session_key

_LONGEST_COOKIE = 8192


class FileStore(SessionStore):
    """Reads `<folder>/<cookie's name><key>`, each a signed text."""

    blocks = True

    def __init__(self, folder: Path, cookie_name: str, secret: str, age_s: int) -> None:
        self._folder = folder
        self._cookie_name = cookie_name
        self._secret = secret
        self._age_s = age_s

    def read(self, cookie: str) -> Session | None:
        """Give the session of a cookie; it has ended when it was not changed for its age."""
        if not is_session_key(cookie):
            return None
        path = self._folder / f"{self._cookie_name}{cookie}"
        try:
            with path.open("r", encoding="ascii") as file:
                text = file.read(2 * MOST_BYTES)
            changed_s = path.stat().st_mtime
        except FileNotFoundError:
            if not self._folder.is_dir():
                raise _away() from None
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise _away() from error
        if not text:
            return None
        session, _ = load_signed(text.strip(), self._secret, STORED)
        own_age_s = session.get("_session_expiry")
        age_s = own_age_s if type(own_age_s) is int and own_age_s > 0 else self._age_s
        return session if time.time() <= changed_s + age_s else None


class CookieStore(SessionStore):
    """Reads sessions that the cookie itself holds, as a signed text."""

    def __init__(self, secret: str, age_s: int) -> None:
        self._secret = secret
        self._age_s = age_s

    def read(self, cookie: str) -> Session | None:
        """Give the session in a cookie; it has ended when it was signed longer ago than its age."""
        if len(cookie) > _LONGEST_COOKIE:
            return None
        session, signed_s = load_signed(cookie, self._secret, IN_COOKIES)
        return session if time.time() <= signed_s + self._age_s else None


def _away() -> StoreAway:
    return StoreAway("OMERO.web's session store (files) cannot be read", retry_after_s=5)
