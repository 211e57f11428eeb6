"""Original files that a service holds open."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imageserver.services.raw_file import OpenFile
from render.blitz.slices import omero


def opened(path: Path, content: bytes) -> OpenFile:
    path.write_bytes(content)
    record: Any = SimpleNamespace(id=1, path=str(path))
    return OpenFile(record)


def test_a_file_that_was_closed_gives_no_bytes_of_the_next_one(tmp_path: Path) -> None:
    mine = opened(tmp_path / "mine", b"mine")
    assert (mine.size, mine.read(1, 2)) == (4, b"in")
    mine.close()
    # The kernel gives it the number that was free again.
    other = opened(tmp_path / "other", b"other")
    with pytest.raises(omero.ApiUsageException, match="closed"):
        mine.read(0, 4)
    # Nor does closing it once more close the other one.
    mine.close()
    assert other.read(0, 9) == b"other"
    other.close()
