"""Lists the files that are annotations of a namespace, and gives files other names."""

from render.blitz.ami import call
from render.blitz.annotating import record_of_annotation
from render.blitz.model_records import AnnotationRecord
from render.blitz.queries import distinct, with_id, with_values
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.blitz.updates import saved
from render.deadline import Deadline
from render.errors import NotFound, TooLarge

#: Annotations that are looked at for one request.
_MOST = 20_000

_OF_NAMESPACE = """
    select a from FileAnnotation as a
      join fetch a.details.owner
      join fetch a.details.group
      join fetch a.details.creationEvent
      left outer join fetch a.file
    where a.ns = :ns order by a.id
"""
_FILE = "select f from OriginalFile as f where f.id = :id"


def list_file_annotations(
    live: LiveSession, namespace: str, deadline: Deadline
) -> tuple[AnnotationRecord, ...]:
    """Give all visible file annotations of a namespace, by rising id; TooLarge for too many."""
    query = live.service("query", deadline)
    parameters = with_values(_MOST + 1, ns=namespace)
    found = call(deadline, "list files", query.findAllByQueryAsync, _OF_NAMESPACE, parameters)
    found = distinct(found)
    if len(found) > _MOST:
        raise TooLarge(f"there are more than {_MOST} files of this kind")
    return tuple(record_of_annotation(one) for one in found)


def rename_file(
    live: LiveSession, file_id: int, name: str, group_id: int, deadline: Deadline
) -> None:
    """Give an uploaded file another name; NotFound where there is none."""
    query = live.service("query", deadline)
    file = call(deadline, "find the file", query.findByQueryAsync, _FILE, with_id(file_id))
    if file is None:
        raise NotFound(f"there is no file {file_id} that is visible to you")
    file.name = omero.RString(name)
    update = live.service("update", deadline, group_id)
    saved(deadline, "files", update.saveObjectAsync, file)
