"""A client's annotations, links, files and renamed images → what is kept of them.

Members that a client does not set are not set afterwards, as in OMERO. What this server would not
keep is refused rather than forgotten.
"""

import math
from collections.abc import Mapping
from typing import Any

from imageserver.enumerations import enumeration_id
from imageserver.faults import fault, usage
from imageserver.kept import LINKS, NAMED, Rename
from imageserver.kept_files import HASHERS
from imageserver.schema import load_schema, subclasses
from imageserver.wire import unwrap
from render.blitz.slices import omero

#: Classes of annotations that are more than the base of others.
_ABSTRACT = {
    "Annotation",
    *("BasicAnnotation", "NumericAnnotation", "TextAnnotation", "TypeAnnotation"),
}
ANNOTATIONS = subclasses("Annotation") - _ABSTRACT
_FILE_MEMBERS = ("name", "path", "mimetype", "size", "hash", "atime", "mtime", "ctime")
_LONGEST_NAME = 255


def kind_of(obj: Any) -> str:
    """Give the class of an object that a client sends, as OMERO names it."""
    return "nothing" if obj is None else type(obj).__name__


def annotation_values(given: Any) -> dict[str, Any]:
    """Give an annotation's texts and values, but for the file of one."""
    values: dict[str, Any] = {}
    for member in load_schema()[kind_of(given)].members.values():
        if member.name in {"id", "version"}:
            continue
        value = unwrap(getattr(given, member.name)) if member.kind == "value" else None
        if member.target == "NamedValueList":
            value = _pairs(given.mapValue)
        if isinstance(value, float) and not math.isfinite(value):
            raise usage("An annotation has finite numbers.")
        if value is not None:
            values[member.name] = value
    return values


def file_values(given: Any) -> dict[str, Any]:
    """Give what a client tells of a file; a digest of an unknown kind will be made anew."""
    values = {name: unwrap(getattr(given, name)) for name in _FILE_MEMBERS}
    for name in ("name", "path"):
        if values[name] is None:
            raise fault(omero.ValidationException, f"A file needs a {name}.")
    if len(values["name"]) > _LONGEST_NAME or (values["size"] or 0) < 0:
        raise usage(f"A file has a name of at most {_LONGEST_NAME} letters, and a size.")
    return {name: value for name, value in values.items() if value is not None}


def hasher_of(given: Any, known: str | None) -> str:
    """Give the algorithm of a file's digest: the one that is named if it is offered here."""
    chosen = given.hasher
    if chosen is None or not (chosen.loaded or chosen.id is not None):
        return known or next(iter(HASHERS))
    named = unwrap(chosen.value) if chosen.loaded else None
    return next(
        (
            name
            for name in HASHERS
            if name == named
            or (chosen.id and enumeration_id("ChecksumAlgorithm", name) == chosen.id.val)
        ),
        next(iter(HASHERS)),
    )


def renamed(given: Any, present: Mapping[str, Any], version: int) -> Rename:
    """Give the texts that an image or channel is to have; `present` are all its values now.

    `version` is the one that its file gives it, with which counting begins.
    """
    kind, texts = kind_of(given), {}
    for member in load_schema()[kind].members.values():
        if member.kind != "value" or member.name in {"id", "version"}:
            continue
        value = unwrap(getattr(given, member.name))
        if value == present.get(member.name) or (value is None and member.name != "name"):
            continue
        if member.name not in NAMED[kind]:
            raise usage(f"This image server does not change the {member.name} of a {kind}.")
        texts[member.name] = value
    if texts.get("name", "") is None or any(len(text) > 4096 for text in texts.values()):
        raise usage("A name has 0 to 4096 letters.")
    seen = unwrap(given.version)
    return Rename(kind, given.id.val, texts, None if seen is None else seen - version)


def _pairs(given: Any) -> list[list[str]]:
    pairs = [(pair.name, pair.value) for pair in given or () if pair is not None]
    return [[name or "", value or ""] for name, value in pairs]


def is_kept(obj: Any) -> bool:
    """Tell whether an object that a client sends is of a class that is kept here."""
    kind = kind_of(obj)
    return kind in ANNOTATIONS or kind in LINKS or kind in NAMED or kind == "OriginalFile"
