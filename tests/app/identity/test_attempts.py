"""Counts of wrong passwords, in several processes."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app.identity.attempts import LoginAttempts
from app.identity.own_logins import open_private
from cache.file_cache import FileCache
from cache.turns import Turns
from render.errors import TooManyAttempts


class Meanwhile:
    """A store in which something happens between the first reading and what follows."""

    def __init__(self, disk: FileCache, happens: Callable[[], None]) -> None:
        self._disk = disk
        self._happens: Callable[[], None] | None = happens

    def get(self, key: str) -> bytes | None:
        value = self._disk.get(key)
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()
        return value

    def __getattr__(self, name: str) -> object:
        return getattr(self._disk, name)


def attempts_of(folder: Path, happens: Callable[[], None] = lambda: None) -> LoginAttempts:
    """Give what one process counts with; each has files of its own open, as after a fork."""
    disk = open_private(folder / "attempts", 100, 60)
    return LoginAttempts(
        Meanwhile(disk, happens),  # type: ignore[arg-type]
        Turns(folder / "attempts.turns"),
        1,
        60,
    )


def test_guesses_of_two_processes_at_one_time_count_as_two(tmp_path: Path) -> None:
    refused: list[Exception] = []

    def guess() -> None:
        try:
            attempts_of(tmp_path).begin("eve", "10.0.0.1")
        except TooManyAttempts as error:
            refused.append(error)

    other = threading.Thread(target=guess)

    def meanwhile() -> None:
        other.start()
        # It is done by then, unless it has to wait.
        other.join(0.2)

    attempts_of(tmp_path, meanwhile).begin("eve", "10.0.0.1")
    other.join(10)
    assert len(refused) == 1


def test_what_was_no_guess_is_taken_back(tmp_path: Path) -> None:
    first, second = attempts_of(tmp_path), attempts_of(tmp_path)
    with first.one("eve", "10.0.0.1"):
        pass
    first.begin("eve", "10.0.0.1")
    with pytest.raises(TooManyAttempts) as refusal:
        second.begin("eve", "10.0.0.1")
    assert refusal.value.retry_after_s == 60
    second.begin("eve", "10.0.0.2")
