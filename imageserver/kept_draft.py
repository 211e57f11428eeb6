"""The next state of what is kept, made from the present one; what does not change is shared."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from imageserver.accounts import Ownership
from imageserver.kept import LINKS, GivenTexts, Kept, KeptObject


class Draft:
    """A copy of a state that can be changed until it is finished."""

    def __init__(self, before: Kept) -> None:
        self._objects = dict(before.objects)
        self._by_kind = dict(before.by_kind)
        self._links_of = dict(before.links_of)
        self._links_to = dict(before.links_to)
        self._holders = dict(before.holders)
        self._owners = dict(before.owners)
        self._texts = dict(before.texts)
        self.size_bytes = before.size_bytes
        self._copied: dict[str, dict[int, KeptObject]] = {}

    def object(self, identifier: int) -> KeptObject | None:
        """Give the object with an id."""
        return self._objects.get(identifier)

    def texts(self, kind: str, identifier: int) -> GivenTexts | None:
        """Give what an image or channel is called, where that was changed."""
        return self._texts.get((kind, identifier))

    @property
    def count(self) -> int:
        """How many objects and given texts there are."""
        return len(self._objects) + len(self._texts)

    def put(self, kept: KeptObject) -> None:
        """Take an object in, in the place of the one with its id."""
        self.drop(kept.id)
        self._objects[kept.id] = kept
        self.size_bytes += kept.size_bytes
        self._of_kind(kept.kind)[kept.id] = kept
        self._owners[kept.ownership] = self._owners.get(kept.ownership, 0) + 1
        for index, key in self._places(kept):
            index[key] = (*index.get(key, ()), kept.id)

    def put_texts(self, given: GivenTexts) -> None:
        """Take in what an image or channel is called."""
        before = self._texts.get((given.kind, given.id))
        self.size_bytes += given.size_bytes - (before.size_bytes if before is not None else 0)
        self._texts[given.kind, given.id] = given

    def drop(self, identifier: int) -> KeptObject | None:
        """Take an object out, and give it; None when there is none."""
        kept = self._objects.pop(identifier, None)
        if kept is None:
            return None
        self.size_bytes -= kept.size_bytes
        del self._of_kind(kept.kind)[identifier]
        self._count_down(kept.ownership)
        for index, key in self._places(kept):
            left = tuple(i for i in index.get(key, ()) if i != identifier)
            if left:
                index[key] = left
            else:
                index.pop(key, None)
        return kept

    def with_all_that_goes(self, ids: Iterable[int]) -> list[KeptObject]:
        """Give objects with what goes when they do.

        With an annotation go the links to it, and the file that its owner made for it, unless
        another annotation has that.
        """
        going: dict[int, KeptObject] = {}
        wanted = [self._objects[i] for i in ids if i in self._objects]
        for kept in wanted:
            going[kept.id] = kept
            links = (self._objects[i] for i in self._links_to.get(kept.id, ()))
            going |= {link.id: link for link in links}
        for kept in wanted:
            file = self._objects.get(kept.values.get("file", -1))
            if file is None or file.ownership != kept.ownership:
                continue
            if going.keys() >= set(self._holders.get(file.id, ())):
                going[file.id] = file
        return list(going.values())

    def finished(self) -> Kept:
        """Give the state."""
        return Kept(
            MappingProxyType(self._objects),
            MappingProxyType({kind: found for kind, found in self._by_kind.items() if found}),
            MappingProxyType(self._links_of),
            MappingProxyType(self._links_to),
            MappingProxyType(self._holders),
            MappingProxyType(self._owners),
            MappingProxyType(self._texts),
            self.size_bytes,
        )

    def _of_kind(self, kind: str) -> dict[int, KeptObject]:
        own = self._copied.get(kind)
        if own is None:
            own = self._copied[kind] = dict(self._by_kind.get(kind, {}))
            self._by_kind[kind] = own
        return own

    def _count_down(self, ownership: Ownership) -> None:
        self._owners[ownership] -= 1
        if not self._owners[ownership]:
            del self._owners[ownership]

    def _places(self, kept: KeptObject) -> list[tuple[dict, Any]]:
        values = kept.values
        if kept.kind in LINKS:
            return [
                (self._links_of, (LINKS[kept.kind], values["parent"])),
                (self._links_to, values["child"]),
            ]
        return [(self._holders, values["file"])] if "file" in values else []
