"""What `search/` finds, as values that JSON can carry."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.call import Call
from app.metadata.answers import describe_image
from app.metadata.container_data import container_data, image_data_of
from app.params import Query, parse_count
from render.blitz.records import ContainerInfo, SearchHit
from render.errors import BadRequest, NotFound
from render.values import ContainerRef

#: Images whose whole data one search gives: each costs as much as `imgData`.
MAX_DATA = 50

_MAX_WORDS = 20
#: Characters of a word: as many as a name in OMERO has.
_LONGEST_WORD = 255
_KINDS = ("Project", "Dataset", "Image")


@dataclass(frozen=True)
class SearchRequest:
    """A search: the words that all have to be there, whose, and which of the results."""

    words: tuple[str, ...]
    images_only: bool
    author: str | None
    start: int
    limit: int
    whole_data: bool
    with_parents: bool
    key: str | None

    @classmethod
    def parse(cls, query: Query, most: int) -> "SearchRequest":
        """Read the parameters; a limit of 0, or above `most`, is `most`. Raises BadRequest."""
        words = tuple(query.get("text", "").replace('"', " ").split())
        if len(words) > _MAX_WORDS:
            raise BadRequest(f"text has more than {_MAX_WORDS} words", parameter="text")
        if any(len(word) > _LONGEST_WORD for word in words):
            raise BadRequest(
                f"text has a word of more than {_LONGEST_WORD} characters", parameter="text"
            )
        limit = parse_count(query, "limit") or most
        return cls(
            words=words,
            images_only=query.get("ctx") == "imgs",
            author=query.get("author") or None,
            start=min(parse_count(query, "start"), most),
            limit=min(limit, most),
            whole_data=bool(query.get("grabData")),
            with_parents=bool(query.get("parents")),
            key=query.get("key") or None,
        )


def find(call: Call, request: SearchRequest, prefix: str) -> list[Any]:
    """Give what was found; nothing for no words."""
    if not request.words:
        return []
    kinds = _KINDS[-1:] if request.images_only else _KINDS
    most = request.start + request.limit
    hits = call.session.search(kinds, request.words, request.author, most, call.deadline)
    hits = hits[request.start :]
    if request.whole_data and request.images_only:
        return list(_whole_data(call, hits[:MAX_DATA], request.key))
    found = [_data(hit, prefix) for hit in hits]
    if request.with_parents:
        parents = call.session.parents(hits, call.deadline) if hits else {}
        for hit, data in zip(hits, found, strict=True):
            above = parents.get((hit.kind, hit.id), ())
            data["parents"] = [container_data(kind, _info(parent)) for kind, parent in above]
    return found


def _whole_data(call: Call, hits: list[SearchHit], key: str | None) -> Iterator[Any]:
    for hit in hits:
        # An image can go away, or be without pixels, between being found and being asked for.
        with contextlib.suppress(NotFound):
            yield describe_image(call, hit.id, key, False)


def _data(hit: SearchHit, prefix: str) -> dict[str, Any]:
    if hit.image is not None:
        return image_data_of(hit.image, prefix)
    return container_data(hit.kind, ContainerInfo(hit.id, hit.name, hit.description))


def _info(parent: ContainerRef) -> ContainerInfo:
    return ContainerInfo(parent.id, parent.name, parent.description)
