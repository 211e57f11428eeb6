"""Sessions in the table django_session, of SQLite or PostgreSQL."""

import contextlib
import math
import sqlite3
from collections import deque
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

from app.identity.signing import STORED, load_signed
from app.identity.stores.base import Session, SessionStore, StoreAway, is_session_key

_MOST_IDLE = 4


class Rows(Protocol):
    """Gives one row of the table."""

    blocks: bool

    def find(self, key: str) -> tuple[str, datetime] | None:
        """Give data and end of a session, None without such a row; raise StoreAway."""
        ...

    def close(self) -> None:
        """Close connections."""
        ...


class DatabaseStore(SessionStore):
    """Reads rows, each a signed text."""

    def __init__(self, rows: Rows, secret: str) -> None:
        self._rows = rows
        self._secret = secret
        self.blocks = rows.blocks

    def read(self, cookie: str) -> Session | None:
        """Give the session of a cookie; the row says when it ends."""
        if not is_session_key(cookie):
            return None
        row = self._rows.find(cookie)
        if row is None:
            return None
        data, ends = row
        # Django writes universal time where a column does not tell.
        if ends.replace(tzinfo=ends.tzinfo or UTC) <= datetime.now(UTC):
            return None
        return load_signed(data, self._secret, STORED)[0]

    def close(self) -> None:
        """Close the connections."""
        self._rows.close()


class SqliteRows:
    """Reads from a file, with a connection for each read."""

    blocks = True

    def __init__(self, path: str, timeout_s: float) -> None:
        self._uri = f"file:{quote(path)}?mode=ro"
        self._timeout_s = timeout_s

    def find(self, key: str) -> tuple[str, datetime] | None:
        """Give data and end of a session."""
        query = "SELECT session_data, expire_date FROM django_session WHERE session_key = ?"
        try:
            with contextlib.closing(
                sqlite3.connect(self._uri, uri=True, timeout=self._timeout_s)
            ) as database:
                row = database.execute(query, (key,)).fetchone()
        except sqlite3.Error as error:
            raise _away("SQLite") from error
        return None if row is None else (row[0], datetime.fromisoformat(row[1]))

    def close(self) -> None:
        """Do nothing: no connection stays open."""


class PostgresRows:
    """Reads over connections that stay open; one that fails is dropped."""

    # Under gevent psycopg waits through gevent.
    blocks = False

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._idle: deque[Any] = deque()

    def find(self, key: str) -> tuple[str, datetime] | None:
        """Give data and end of a session."""
        import psycopg

        query = "SELECT session_data, expire_date FROM django_session WHERE session_key = %s"
        # The second time over a new connection: the server may have closed the one kept.
        for connection in (self._kept(), None):
            try:
                connection = connection or self._connect()
                try:
                    row: Any = connection.execute(query, (key,)).fetchone()
                except BaseException:
                    connection.close()
                    raise
            except psycopg.OperationalError as error:
                failure = error
                continue
            except psycopg.Error as error:
                raise _away("PostgreSQL") from error
            self._keep(connection)
            return row
        raise _away("PostgreSQL") from failure

    def close(self) -> None:
        """Close the connections."""
        while (connection := self._kept()) is not None:
            connection.close()

    def _kept(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _keep(self, connection: Any) -> None:
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def _connect(self) -> Any:
        import psycopg

        return psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=max(2, math.ceil(self._timeout_s)),
            options=f"-c statement_timeout={int(self._timeout_s * 1000)}",
            application_name="Blitzrender",
        )


def rows_of(url: str, timeout_s: float) -> Rows:
    """Give the rows of a database by its URL; raise ValueError for one that is not known."""
    if url.startswith("sqlite:///"):
        return SqliteRows("/" + url.removeprefix("sqlite:///").lstrip("/"), timeout_s)
    if url.startswith(("postgresql://", "postgres://")):
        return PostgresRows(url, timeout_s)
    raise ValueError("should begin with sqlite:/// or postgresql://")


def _away(kind: str) -> StoreAway:
    return StoreAway(f"OMERO.web's session store ({kind}) cannot be read", retry_after_s=5)
