"""Annotates objects with pairs and files, as OMERO.web's pages and QuPath ask for it.

What a client asked for is done to its end, also when its request runs out of time meanwhile.
Nothing of annotations is remembered, so whoever asks next is told of the change.
"""

from collections.abc import Iterator

from app.call import Call
from app.metadata.changing import change_to_the_end, check_logged_in
from app.parsing.annotation_params import FileRequest, MapRequest, Objects, new_file
from app.parsing.forms import SentFile
from render.blitz.model_records import Annotated, NewAnnotation
from render.deadline import Deadline
from render.errors import BadRequest, Forbidden, ServiceError

_CLEAN_UP_TIMEOUT_S = 10.0
_PIECE_BYTES = 256 * 1024


def annotate_pairs(call: Call, request: MapRequest) -> dict[str, list[int] | None]:
    """Do what is asked for, and give the ids of the annotations; none of those deleted.

    Raises Forbidden for the public user and for who may not annotate, edit or delete.
    """
    check_may_change(call)
    if request.annotation_ids:
        return {"annId": _change_pairs(call, request)}
    targets = _targets(call, request.objects)
    annotation = NewAnnotation(request.namespace, pairs=request.pairs)
    shares = [(target,) for target in targets] if request.each else [targets]
    session = call.session

    def add(deadline: Deadline) -> list[int]:
        return [
            session.add_annotation(annotation, targets[0].group_id, share, deadline)
            for share in shares
        ]

    return {"annId": change_to_the_end(call, "annotate", add)}


def attach_files(call: Call, request: FileRequest, sent: SentFile | None) -> dict[str, list[int]]:
    """Attach files to objects; give the ids of their annotations, that of `sent` last."""
    check_may_change(call)
    targets = _targets(call, request.objects)
    session, group_id = call.session, targets[0].group_id
    if sent is None and not request.annotation_ids:
        raise BadRequest("there is no file to attach", parameter="annotation_file")

    def link(deadline: Deadline) -> None:
        for annotation_id in request.annotation_ids:
            session.link_annotation("FileAnnotation", annotation_id, targets, deadline)

    attached = list(request.annotation_ids)
    if attached:
        change_to_the_end(call, "attach files", link)
    if sent is None:
        return {"fileIds": attached}
    record = new_file(sent.name, sent.mimetype, sent.size_bytes)
    with call.steps.step("upload"):
        file_id = session.upload_file(record, _pieces(sent), group_id, call.deadline)

    def attach(deadline: Deadline) -> int:
        try:
            annotation = NewAnnotation(None, file_id=file_id)
            return session.add_annotation(annotation, group_id, targets, deadline)
        except ServiceError:
            # Nobody would find it.
            session.delete_file(file_id, group_id, Deadline.after(_CLEAN_UP_TIMEOUT_S))
            raise

    made = change_to_the_end(call.renewed(call.steps), "attach the file", attach)
    return {"fileIds": [*attached, made]}


def delete_attachment(call: Call, annotation_id: int) -> dict[str, str]:
    """Delete a file annotation, from all that it is attached to, and the file with it."""
    check_may_change(call)
    session = call.session

    def delete(deadline: Deadline) -> None:
        session.delete_annotation("FileAnnotation", annotation_id, deadline)

    change_to_the_end(call, "delete the attachment", delete)
    return {"bad": "false"}


def check_may_change(call: Call) -> None:
    """Raise Forbidden for the public user."""
    check_logged_in(call, "annotations and names can be changed")


def _change_pairs(call: Call, request: MapRequest) -> list[int] | None:
    session = call.session

    def change(deadline: Deadline) -> None:
        for annotation_id in request.annotation_ids:
            if request.pairs:
                changes = {"pairs": request.pairs}
                session.change_annotation("MapAnnotation", annotation_id, changes, deadline)
            else:
                session.delete_annotation("MapAnnotation", annotation_id, deadline)

    change_to_the_end(call, "change annotations", change)
    return list(request.annotation_ids) if request.pairs else None


def _targets(call: Call, objects: Objects) -> tuple[Annotated, ...]:
    """Give what is to be annotated, all of which may be, and lies in one group."""
    if not objects:
        raise BadRequest("what is to be annotated is named such as image=1")
    targets = tuple(
        target
        for kind, ids in objects
        for target in call.session.annotated(kind, ids, call.deadline)
    )
    for target in targets:
        if not target.can_annotate:
            raise Forbidden(f"you may not annotate {target.kind.lower()} {target.id}")
    if len({target.group_id for target in targets}) > 1:
        raise BadRequest("what is annotated at once has to lie in one group")
    return targets


def _pieces(sent: SentFile) -> Iterator[bytes]:
    while piece := sent.content.read(_PIECE_BYTES):
        yield piece
