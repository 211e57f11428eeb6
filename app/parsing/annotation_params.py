"""What forms of OMERO.web's pages and QuPath ask to have annotated, as frozen requests."""

import json
import re
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app.downloads.names import safe_name
from app.parsing.numbers import integer, shown
from render.blitz.model_records import NewFile
from render.errors import BadRequest

#: Classes by the parameters that name objects, in the order of OMERO.web; `run` is QuPath's.
_KINDS = {
    "project": "Project",
    "dataset": "Dataset",
    "image": "Image",
    "screen": "Screen",
    "plate": "Plate",
    "acquisition": "PlateAcquisition",
    "run": "PlateAcquisition",
    "well": "Well",
}
#: The namespace of the pairs that people write by hand, of which an object has one annotation.
CLIENT_NAMESPACE = "openmicroscopy.org/omero/client/mapAnnotation"
_MOST_OBJECTS, _MOST_PAIRS, _LONGEST_NAMESPACE = 1000, 10_000, 4096
_MIMETYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)
#: What JSON can spell, and no encoding of text.
_HALF_A_LETTER = re.compile("[\ud800-\udfff]")
_ANY_MIMETYPE = "application/octet-stream"

Objects = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class MapRequest:
    """Pairs to annotate objects with, or to give to annotations that are there.

    No pairs = these are deleted. `each` = every object gets an annotation of its own.
    """

    objects: Objects
    annotation_ids: tuple[int, ...]
    pairs: tuple[tuple[str, str], ...]
    namespace: str
    each: bool


@dataclass(frozen=True)
class FileRequest:
    """Objects to attach files to: those of the file annotations given, and what is uploaded."""

    objects: Objects
    annotation_ids: tuple[int, ...]


def parse_objects(arguments: MultiDict[str, str]) -> Objects:
    """Read which objects are meant, by class. Raises BadRequest for what is no id."""
    objects: dict[str, dict[int, None]] = {}
    for name, kind in _KINDS.items():
        ids = _ids(arguments, name)
        if ids:
            objects.setdefault(kind, {}).update(dict.fromkeys(ids))
    if sum(map(len, objects.values())) > _MOST_OBJECTS:
        raise BadRequest(f"annotations are of {_MOST_OBJECTS} objects at most")
    return tuple((kind, tuple(ids)) for kind, ids in objects.items())


def parse_map(form: MultiDict[str, str]) -> MapRequest:
    """Read a form that annotates pairs. Raises BadRequest for what is malformed."""
    namespace = form.get("ns", CLIENT_NAMESPACE)
    if len(namespace) > _LONGEST_NAMESPACE:
        raise BadRequest(f"a namespace has at most {_LONGEST_NAMESPACE} letters", parameter="ns")
    annotation_ids = tuple(_ids(form, "annId"))
    pairs = _pairs(form.get("mapAnnotation", ""))
    if not pairs and not annotation_ids:
        raise BadRequest("there are no pairs to annotate", parameter="mapAnnotation")
    return MapRequest(
        objects=parse_objects(form),
        annotation_ids=annotation_ids,
        pairs=pairs,
        namespace=namespace,
        each=namespace == CLIENT_NAMESPACE or form.get("duplicate", "").lower() == "true",
    )


def parse_attaching(form: MultiDict[str, str]) -> FileRequest:
    """Read a form that attaches files. Raises BadRequest for what is malformed."""
    return FileRequest(parse_objects(form), tuple(_ids(form, "files")))


def new_file(name: str, mimetype: str, size_bytes: int) -> NewFile:
    """Give the record of a file that is uploaded; what its client calls it is made safe."""
    last = re.split(r"[/\\]", name)[-1]
    known = _MIMETYPE.fullmatch(mimetype) is not None
    return NewFile(safe_name(last, "file"), "", mimetype if known else _ANY_MIMETYPE, size_bytes)


def _ids(arguments: MultiDict[str, str], name: str) -> list[int]:
    ids = [integer(text) for text in arguments.getlist(name)]
    if any(number is None or number < 0 for number in ids):
        raise BadRequest(f"{name} should be an id", parameter=name)
    if len(ids) > _MOST_OBJECTS:
        raise BadRequest(f"{name} names {_MOST_OBJECTS} objects at most", parameter=name)
    return [number for number in ids if number is not None]


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_pairs() from error
    if not isinstance(sent, list):
        raise _no_pairs()
    if len(sent) > _MOST_PAIRS:
        raise BadRequest(
            f"an annotation has {_MOST_PAIRS} pairs at most", parameter="mapAnnotation"
        )
    return tuple(map(_pair, sent))


def _pair(sent: Any) -> tuple[str, str]:
    if not isinstance(sent, list) or len(sent) != 2:
        raise _no_pairs()
    for part in sent:
        if isinstance(part, bool) or not isinstance(part, str | int | float):
            raise BadRequest(f"{shown(str(part))} is no text of a pair", parameter="mapAnnotation")
    name, value = str(sent[0]), str(sent[1])
    if _HALF_A_LETTER.search(name + value):
        raise BadRequest("a text of a pair has half a letter", parameter="mapAnnotation")
    return name, value


def _no_pairs() -> BadRequest:
    return BadRequest(
        'mapAnnotation should be pairs as JSON, such as [["stain", "DAPI"]]',
        parameter="mapAnnotation",
    )
