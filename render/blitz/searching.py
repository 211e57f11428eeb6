"""Finds projects, datasets and images by words in their names and descriptions."""

from collections.abc import Sequence
from typing import Any

from render.blitz.ami import start
from render.blitz.listings import image_item
from render.blitz.mapping import container_of, text_of
from render.blitz.queries import PARENTS_OF_DATASETS, PARENTS_OF_IMAGES, distinct, with_ids
from render.blitz.records import SearchHit
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.values import ContainerRef

_WORD = "(lower(o.name) like :word{0} or lower(o.description) like :word{0})"


def search(
    live: LiveSession,
    kinds: Sequence[str],
    words: Sequence[str],
    author: str | None,
    most: int,
    deadline: Deadline,
) -> list[SearchHit]:
    """Find up to `most` objects of the classes `kinds` that have all words, whatever their case.

    In a word `*` stands for any characters and `?` for one. `author` is the login name of who
    they have to belong to. Ordered by class as given, then by id.
    """
    query = live.service("query", deadline)
    conditions = [_WORD.format(i) for i in range(len(words))]
    values = {f"word{i}": omero.RString(_pattern(word)) for i, word in enumerate(words)}
    if author:
        conditions.append("lower(o.details.owner.omeName) = :author")
        values["author"] = omero.RString(author.lower())
    asked = []
    for kind in kinds:
        events = "join fetch o.details.creationEvent" if kind == "Image" else ""
        hql = (
            f"select o from {kind} as o join fetch o.details.owner {events}"
            f" where {' and '.join(conditions)} order by o.id"
        )
        parameters = omero.sys.Parameters(
            map=values, theFilter=omero.sys.Filter(limit=omero.RInt(most))
        )
        asked.append(
            start(f"search for {kind.lower()}s", query.findAllByQueryAsync, hql, parameters)
        )
    hits = [
        _hit(kind, found)
        for kind, pending in zip(kinds, asked, strict=True)
        for found in distinct(pending.result(deadline))
    ]
    return hits[:most]


def load_parents(
    live: LiveSession, hits: Sequence[SearchHit], deadline: Deadline
) -> dict[tuple[str, int], tuple[tuple[str, ContainerRef], ...]]:
    """Give what each hit lies in, by class and id: the first dataset, then its first project."""
    query = live.service("query", deadline)
    asked = []
    for kind, hql in (("Image", PARENTS_OF_IMAGES), ("Dataset", PARENTS_OF_DATASETS)):
        ids = [hit.id for hit in hits if hit.kind == kind]
        if ids:
            step = f"find what the {kind.lower()}s lie in"
            asked.append((kind, start(step, query.findAllByQueryAsync, hql, with_ids(ids))))
    found: dict[tuple[str, int], tuple[tuple[str, ContainerRef], ...]] = {}
    for kind, pending in asked:
        for link in sorted(distinct(pending.result(deadline)), key=lambda link: link.id.val):
            key = (kind, link.child.id.val)
            if key not in found:
                found[key] = _ancestors(kind, link)
    return found


def _ancestors(kind: str, link: Any) -> tuple[tuple[str, ContainerRef], ...]:
    if kind == "Dataset":
        return (("Project", container_of(link.parent)),)
    dataset = link.parent
    links = sorted(dataset.projectLinksSeq or (), key=lambda above: above.id.val)
    projects = [("Project", container_of(above.parent)) for above in links[:1]]
    return (("Dataset", container_of(dataset)), *projects)


def _hit(kind: str, found: Any) -> SearchHit:
    return SearchHit(
        kind=kind,
        id=found.id.val,
        name=text_of(found.name),
        description=text_of(found.description),
        image=image_item(found) if kind == "Image" else None,
    )


def _pattern(word: str) -> str:
    """Give the pattern of SQL for a word, whose own wildcards stand for themselves."""
    plain = word.lower().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{plain.replace('*', '%').replace('?', '_')}%"
