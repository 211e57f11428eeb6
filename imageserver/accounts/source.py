"""Where the accounts come from: fixed ones, or those of a file that may change at any time."""

import logging
import threading
import time
from pathlib import Path
from typing import Protocol

from imageserver.accounts.model import Accounts
from imageserver.accounts.users_file import (
    UsersFileError,
    parse_users,
    plain_passwords,
    read_content,
)

log = logging.getLogger("blitzrender.imageserver")

# A file that was written so short ago may be written again without its time changing.
_COARSE_CLOCK_S = 2.0


class AccountsSource(Protocol):
    """Gives the accounts as they are at this moment."""

    def current(self) -> Accounts: ...


class FixedAccounts:
    """Accounts that never change."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def current(self) -> Accounts:
        """Give the accounts."""
        return self._accounts


class AccountsFile:
    """The accounts of a users' file, which is looked at in each call.

    A file that is gone or cannot be used changes nothing, and is told in one line of the log.
    Raises UsersFileError when there is nothing to begin with.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._read_s = time.time()
        self._content = read_content(path)
        self._accounts = parse_users(self._content, str(path))
        self._warn()

    def current(self) -> Accounts:
        """Give the accounts that the file tells now."""
        stamp = self._stamp()
        if stamp == self._seen and self._is_settled(stamp):
            return self._accounts
        with self._lock:
            self._read_again(stamp)
        return self._accounts

    def _read_again(self, stamp: tuple | None) -> None:
        changed = stamp != self._seen
        self._read_s = time.time()
        self._seen = stamp
        try:
            content = read_content(self._path)
        except UsersFileError as error:
            if changed:
                log.error("%s; the users stay as they were", error)
            return
        if content == self._content:
            return
        self._content = content
        try:
            self._accounts = parse_users(content, str(self._path))
        except UsersFileError as error:
            log.error("%s; the users stay as they were", error)
            return
        log.info("%s has changed", self._path)
        self._warn()

    def _is_settled(self, stamp: tuple | None) -> bool:
        return stamp is None or self._read_s - stamp[0] / 1e9 > _COARSE_CLOCK_S

    def _stamp(self) -> tuple | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _warn(self) -> None:
        names = plain_passwords(self._accounts)
        if names:
            log.warning(
                "%s holds passwords that anybody can read who can read it: %s. "
                "`python -m imageserver.users hash` makes a password_hash to put there instead",
                self._path,
                ", ".join(names),
            )
