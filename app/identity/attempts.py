"""Wrong passwords, counted so that nobody can try many."""

import contextlib
import hashlib
from collections.abc import Iterator

from cache.file_cache import FileCache
from cache.flight import FlightTimeout
from cache.turns import Turns
from render.errors import NotAuthenticated, Overloaded, TooManyAttempts

#: One address may stand for a whole institute, and one user may sit at many.
_MORE_FOR_AN_ADDRESS = 5
_MORE_FOR_A_USER = 10
#: Counting takes a millisecond.
_LONGEST_WAIT_S = 5.0


class LoginAttempts:
    """Counts attempts in all processes, by user and address together and by each alone.

    An attempt counts from its beginning, so that many at one time are no way around the bound,
    until `forget` takes it back.
    """

    def __init__(self, disk: FileCache, turns: Turns, most: int, within_s: int) -> None:
        self._disk = disk
        self._turns = turns
        self._most = most
        self._within_s = within_s

    def begin(self, user: str, address: str) -> None:
        """Count an attempt; raise TooManyAttempts when there were too many already."""
        with self._alone():
            counts = {key: self._count(key) for key in self._bounds(user, address)}
            if any(counts[key] >= most for key, most in self._bounds(user, address).items()):
                raise TooManyAttempts(
                    f"there were too many wrong passwords; try again in {self._within_s} seconds",
                    retry_after_s=self._within_s,
                )
            for key, count in counts.items():
                self._disk.set(key, str(count + 1).encode(), self._within_s)

    def forget(self, user: str, address: str) -> None:
        """Take an attempt back, which was none at guessing."""
        # One that cannot be taken back counts for a while, which nobody needs to be told.
        with contextlib.suppress(Overloaded), self._alone():
            for key in self._bounds(user, address):
                count = self._count(key)
                if count > 1:
                    self._disk.set(key, str(count - 1).encode(), self._within_s)
                else:
                    self._disk.delete(key)

    @contextlib.contextmanager
    def one(self, user: str, address: str) -> Iterator[None]:
        """Make one attempt in the block; it counts when it ends with NotAuthenticated."""
        self.begin(user, address)
        try:
            yield
        except NotAuthenticated:
            raise
        except BaseException:
            # OMERO did not say that the password is wrong.
            self.forget(user, address)
            raise
        self.forget(user, address)

    def close(self) -> None:
        """Close the files."""
        self._disk.close()
        self._turns.close()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no process count meanwhile, or guesses at the same time would count as one."""
        try:
            release = self._turns.take("attempts", _LONGEST_WAIT_S)
        except FlightTimeout as error:
            raise Overloaded("too many log in at once", retry_after_s=1.0) from error
        try:
            yield
        finally:
            release()

    def _count(self, key: str) -> int:
        held = self._disk.get(key)
        return 0 if held is None else int(held)

    def _bounds(self, user: str, address: str) -> dict[str, int]:
        return {
            _key("both", user, address): self._most,
            _key("address", address): self._most * _MORE_FOR_AN_ADDRESS,
            _key("user", user): self._most * _MORE_FOR_A_USER,
        }


def _key(*parts: str) -> str:
    # People type passwords where their name belongs: no name goes to disk.
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
