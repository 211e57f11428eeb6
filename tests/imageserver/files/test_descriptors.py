"""Descriptors that are closed while somebody is about to use them."""

import os
import threading
from pathlib import Path

import pytest

from imageserver.descriptors import Descriptor
from imageserver.kept_files import KeptFiles


def opened(path: Path, content: bytes) -> Descriptor:
    path.write_bytes(content)
    return Descriptor(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def test_one_that_was_closed_leads_to_no_other_file(tmp_path: Path) -> None:
    mine = opened(tmp_path / "mine", b"mine")
    with mine.in_use() as number:
        assert os.pread(number, 2, 1) == b"in"
    mine.close()
    # The kernel gives it the number that was free again.
    other = opened(tmp_path / "other", b"other")
    with pytest.raises(OSError, match="closed"), mine.in_use():
        pass
    # Nor does closing it once more close the other one.
    mine.close()
    with other.in_use() as number:
        assert os.pread(number, 9, 0) == b"other"
    other.close()


def test_one_that_is_in_use_is_closed_afterwards(tmp_path: Path) -> None:
    mine = opened(tmp_path / "mine", b"mine")
    closing = threading.Thread(target=mine.close)
    with mine.in_use() as number:
        closing.start()
        closing.join(0.05)
        assert os.pread(number, 4, 0) == b"mine"
    closing.join(10)
    with pytest.raises(OSError, match="closed"), mine.in_use():
        pass


def test_one_that_nobody_holds_any_more_is_closed(tmp_path: Path) -> None:
    mine = opened(tmp_path / "mine", b"mine")
    with mine.in_use() as number:
        pass
    del mine
    with pytest.raises(OSError):
        os.fstat(number)


def test_an_upload_that_was_closed_writes_into_no_other_file(tmp_path: Path) -> None:
    files = KeptFiles(tmp_path / "kept")
    mine, path = files.open(1, writable=True), tmp_path / "other"
    mine.write(b"mine", 0)
    mine.close()
    path.write_bytes(b"other")
    other = Descriptor(os.open(path, os.O_RDWR | os.O_CLOEXEC))
    for late in (
        lambda: mine.write(b"XXXX", 0),
        lambda: mine.truncate(0),
        lambda: mine.read(0, 4),
        mine.close,
    ):
        try:
            late()
        except OSError as error:
            assert "closed" in str(error)
    with other.in_use() as number:
        assert os.pread(number, 9, 0) == b"other"
    other.close()
