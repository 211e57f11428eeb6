"""What clients make and keep here, as frozen values: annotations, their links, and their files.

Beside these, the names that are given to images and channels. `imageserver.kept_store` keeps them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from imageserver.accounts import Ownership
from imageserver.definitions import SaveEvent

#: Classes that annotations can be linked to.
ANNOTATED = ("Project", "Dataset", "Image", "Screen", "Plate", "PlateAcquisition", "Well")
LINKS = {f"{kind}AnnotationLink": kind for kind in ANNOTATED}
#: Members that hold the ids of other objects.
REFERENCES = ("parent", "child", "file")
#: Classes whose texts can be changed, and which of them.
NAMED = {"Image": ("name", "description"), "LogicalChannel": ("name",)}


@dataclass(frozen=True, slots=True)
class KeptObject:
    """An object that somebody made: an annotation, a link to one, or an OriginalFile.

    `values` holds its members by OMERO's names, as JSON has them; objects are told by their ids.
    """

    kind: str
    id: int
    owner_id: int
    group_id: int
    version: int
    values: Mapping[str, Any]
    created: SaveEvent
    updated: SaveEvent
    size_bytes: int

    @property
    def ownership(self) -> Ownership:
        """To whom it belongs."""
        return Ownership(self.owner_id, self.group_id)


@dataclass(frozen=True, slots=True)
class GivenTexts:
    """What an image or channel is called now; `version` counts how often that was changed."""

    kind: str
    id: int
    version: int
    values: Mapping[str, Any]
    updated: SaveEvent
    size_bytes: int


def _nothing() -> Any:
    return field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Kept:
    """All that is kept at one moment.

    `links_of` are the ids of links by class and id of what is annotated, `links_to` those by the
    annotation's id, `holders` the ids of annotations by that of their file. `owners` counts what
    each owner has, `size_bytes` what all take.
    """

    objects: Mapping[int, KeptObject] = _nothing()
    by_kind: Mapping[str, Mapping[int, KeptObject]] = _nothing()
    links_of: Mapping[tuple[str, int], tuple[int, ...]] = _nothing()
    links_to: Mapping[int, tuple[int, ...]] = _nothing()
    holders: Mapping[int, tuple[int, ...]] = _nothing()
    owners: Mapping[Ownership, int] = _nothing()
    texts: Mapping[tuple[str, int], GivenTexts] = _nothing()
    size_bytes: int = 0

    def found(self, ids: Iterable[int]) -> list[KeptObject]:
        """Give the objects with these ids, as far as there are any."""
        return [self.objects[i] for i in ids if i in self.objects]


@dataclass(frozen=True)
class Fresh:
    """Stands for the id of the object at a place in what is saved together."""

    place: int


@dataclass(frozen=True)
class GivenObject:
    """An object to save: as the one with an id, else a new one of an owner and a group."""

    kind: str
    values: Mapping[str, Any]
    group_id: int = 0
    id: int | None = None
    version: int | None = None


@dataclass(frozen=True)
class Rename:
    """Texts to give to an image or channel. `version` is how often the caller saw them changed."""

    kind: str
    id: int
    values: Mapping[str, Any]
    version: int | None = None
