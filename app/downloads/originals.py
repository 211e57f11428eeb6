"""Original files: one as it is, several of them as an archive made on the way."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from app.call import Call
from app.downloads.archive import Archive, Member, archive_name, safe_path, zip_pieces
from app.downloads.body import DownloadBody
from app.downloads.names import plain_name
from app.downloads.selection import select_images
from app.parsing.download_params import DownloadRequest
from render.blitz.file_stream import FileStream
from render.blitz.records import Fileset, OriginalFile
from render.errors import Forbidden, NotFound, SourceFailed
from render.values import ImageInfo


@dataclass(frozen=True)
class Originals:
    """What an `archived_files` request names: filesets, each once, and the images they hold."""

    infos: list[ImageInfo]
    filesets: list[Fileset]

    @property
    def files(self) -> list[OriginalFile]:
        """All files, each once."""
        by_id = {file.id: file for fileset in self.filesets for file in fileset.files}
        return list(by_id.values())


def find_originals(call: Call, request: DownloadRequest) -> Originals:
    """Find the files of the images asked for; whole filesets, since their files need each other.

    Raises NotFound where there is none, Forbidden where they must stay on the server.
    """
    infos = select_images(call, request)
    filesets: dict[int, Fileset] = {}
    for info in infos:
        fileset = call.session.fileset(info.image_id, call.deadline)
        if fileset is not None:
            filesets.setdefault(fileset.id, fileset)
    originals = Originals(infos, list(filesets.values()))
    if not originals.files:
        raise NotFound("the server holds no original files of what was asked for")
    return originals


def file_name(file: OriginalFile) -> str:
    """Give the name under which one file is downloaded."""
    return plain_name(file.name)


def file_length(call: Call, file: OriginalFile) -> int:
    """Give the length of a file, asking the server where its record does not tell."""
    if file.size_bytes is not None:
        return file.size_bytes
    stream = call.session.open_file(file.id, call.deadline)
    stream.close()
    return stream.size_bytes


def file_body(call: Call, file: OriginalFile, length: int, begin: int, end: int) -> DownloadBody:
    """Open a file and give its bytes from `begin` to before `end`.

    Raises Overloaded when too many downloads are under way, Forbidden when the server does not
    hand the content out.
    """
    leave = call.parts.downloads.enter(call.viewer.key)
    try:
        stream = _open(call, file, length)
    except BaseException:
        leave()
        raise
    return DownloadBody(
        _read(call, stream, begin, end),
        (stream.close, leave),
        call.settings.download_max_bytes_per_s,
        f"of file {file.id}",
    )


def archive_of(call: Call, originals: Originals, asked_name: str, deflate: bool) -> Archive:
    """Give all files as one archive. Raises Forbidden above the size that is allowed."""
    lengths = {file.id: file_length(call, file) for file in originals.files}
    total, most = sum(lengths.values()), call.settings.download_max_zip_bytes
    if total > most:
        raise Forbidden(
            f"the files have {total} bytes together; at most {most} are put into one archive "
            "(setting download_max_zip_bytes)"
        )
    members = [
        Member(path, partial(_member, call, file, lengths[file.id]), lengths[file.id])
        for path, file in member_paths(originals.filesets)
    ]
    # Told now, while it still can be: that the server would not hand out the files.
    call.session.open_file(originals.files[0].id, call.deadline).close()
    pieces, length = zip_pieces(members, deflate)
    name = archive_name(asked_name, originals.infos[-1].name or "", members)
    leave = call.parts.downloads.enter(call.viewer.key)
    pace = call.settings.download_max_bytes_per_s
    return Archive(name, length, DownloadBody(pieces, (leave,), pace, f"of the archive {name!r}"))


def member_paths(filesets: Iterable[Fileset]) -> list[tuple[str, OriginalFile]]:
    """Give each file with its path in an archive, in which the files of a fileset stay together.

    The path is that below the fileset's folder on the server. A fileset one of whose paths is
    taken already goes into a numbered folder as a whole.
    """
    taken: set[str] = set()
    seen: set[int] = set()
    result = []
    for fileset in filesets:
        files = [file for file in fileset.files if file.id not in seen]
        paths = [_path_below(fileset.prefix, file) for file in files]
        folder, number = "", 0
        while any(f"{folder}{path}".lower() in taken for path in paths):
            number += 1
            folder = f"{number}/"
        for path, file in zip(paths, files, strict=True):
            full, copy = f"{folder}{path}", 0
            while full.lower() in taken:
                copy += 1
                full = f"{folder}{copy}/{path}"
            taken.add(full.lower())
            seen.add(file.id)
            result.append((full, file))
    return result


def _path_below(prefix: str, file: OriginalFile) -> str:
    folder = file.folder
    if prefix and folder.startswith(prefix.rstrip("/") + "/"):
        folder = folder[len(prefix.rstrip("/")) + 1 :]
    elif prefix:
        folder = ""
    return safe_path(f"{folder}/{file.name}")


def _member(call: Call, file: OriginalFile, length: int) -> Iterator[bytes]:
    stream = _open(call.renewed(), file, length)
    try:
        yield from _read(call, stream, 0, length)
    finally:
        stream.close()


def _open(call: Call, file: OriginalFile, length: int) -> FileStream:
    stream = call.session.open_file(file.id, call.deadline)
    if stream.size_bytes != length:
        stream.close()
        raise SourceFailed(
            f"file {file.id} has {stream.size_bytes} bytes, where its record says {length}"
        )
    return stream


def _read(call: Call, stream: FileStream, begin: int, end: int) -> Iterator[bytes]:
    return stream.read(begin, end, call.parts.downloads, call.deadline.asker)
