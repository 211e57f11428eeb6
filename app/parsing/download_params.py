"""What is to be downloaded: ids in the path or repeated in the query, and the archive's name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.params import Query
from app.parsing.numbers import integer, shown
from render.engine.encode import available_formats
from render.errors import BadRequest

_FORMAT_ALIASES = {"jpg": "jpeg", "tiff": "tif"}

Lists = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class DownloadRequest:
    """Images by their ids, and the field at `index` of wells. `archive_name` "" = the usual one."""

    image_ids: tuple[int, ...]
    well_ids: tuple[int, ...] = ()
    index: int = 0
    archive_name: str = ""

    @property
    def count(self) -> int:
        """Number of images asked for."""
        return len(self.image_ids) + len(self.well_ids)


def parse_download(
    image_id: int | None, query: Query, values_of: Lists, limit: int
) -> DownloadRequest:
    """Read a request; `values_of` gives all values of a parameter. Raises BadRequest."""
    images = [image_id] if image_id is not None else _ids("image", values_of)
    wells = [] if image_id is not None else _ids("well", values_of)
    if not images and not wells:
        raise BadRequest(
            "No images or wells specified in request. Use ?image=123 or ?well=123",
            parameter="image",
        )
    if len(images) + len(wells) > limit:
        raise BadRequest(
            f"more than {limit} images in one download (setting download_max_images)",
            parameter="image",
        )
    index = integer(query.get("index", ""))
    return DownloadRequest(
        tuple(images),
        tuple(wells),
        index if index is not None and index >= 0 else 0,
        query.get("zipname", "").strip(),
    )


@dataclass(frozen=True)
class ContainerRequest:
    """A project (`p`), dataset (`d`) or well (`w`); any other kind is an image.

    `selection` = only these images of it; None = all.
    """

    kind: str
    id: int
    selection: frozenset[int] | None = None


def parse_container(kind: str, container_id: int, query: Query) -> ContainerRequest:
    """Read what is to be exported, and `selection`, such as `1,2,3`. Raises BadRequest."""
    text = query.get("selection", "").strip()
    if not text:
        return ContainerRequest(kind, container_id)
    ids = [integer(part) for part in text.split(",")]
    if any(number is None or number < 0 for number in ids):
        raise BadRequest(f"selection={shown(text)} is no list of ids", parameter="selection")
    return ContainerRequest(kind, container_id, frozenset(i for i in ids if i is not None))


def parse_picture_format(query: Mapping[str, str]) -> str:
    """Read the format of several pictures in an archive; PNG where none is named."""
    text = query.get("format", "").strip().lower() or "png"
    name = _FORMAT_ALIASES.get(text, text)
    if name not in available_formats():
        raise BadRequest(
            f"format={shown(text)} is none of {', '.join(available_formats())}", parameter="format"
        )
    return name


def _ids(parameter: str, values_of: Lists) -> list[int]:
    ids = []
    for text in dict.fromkeys(values_of(parameter)):
        number = integer(text)
        if number is None or number < 0:
            raise BadRequest(f"{parameter}={shown(text)} is no id", parameter=parameter)
        ids.append(number)
    return ids
