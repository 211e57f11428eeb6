"""ZIP archives that are made while they are sent, with ZIP64 where sizes need it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from zipstream import ZIP_DEFLATED, ZIP_STORED, ZipStream

from app.downloads.body import DownloadBody
from app.downloads.names import plain_name, safe_name, with_ending


@dataclass(frozen=True)
class Member:
    """A file of an archive: its path in it, what gives its bytes, and how many if that is known."""

    path: str
    open: Callable[[], Iterable[bytes]]
    size_bytes: int | None


@dataclass(frozen=True)
class Archive:
    """An archive to be sent: `length` in bytes is None where it shows only at the end."""

    name: str
    length: int | None
    body: DownloadBody


def archive_name(asked: str, default: str, members: Iterable[Member]) -> str:
    """Give the archive's name: the one asked for, made safe, and like none of its members."""
    name = with_ending(plain_name(asked or default), ".zip")
    if name in {member.path for member in members}:
        name = with_ending(name.removesuffix(".zip") + "_folder", ".zip")
    return name


def zip_pieces(members: Iterable[Member], deflate: bool) -> tuple[Iterator[bytes], int | None]:
    """Give the archive's bytes, each member opened when its turn comes, and their number.

    The number is None when it cannot be known before: some member's size is not known, or
    members are compressed.
    """
    members = list(members)
    sized = not deflate and all(member.size_bytes is not None for member in members)
    stream = ZipStream(
        compress_type=ZIP_DEFLATED if deflate else ZIP_STORED,
        compress_level=1 if deflate else None,
        sized=sized,
    )
    for member in members:
        stream.add(_once(member), member.path, size=member.size_bytes)
    return iter(stream), len(stream) if sized else None


def safe_path(path: str) -> str:
    """Give a relative path for a member: no part of it leads out of the folder it is put into."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(safe_name(part, "file") for part in parts) or "file"


def _once(member: Member) -> Iterator[bytes]:
    yield from member.open()
