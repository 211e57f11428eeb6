"""Figures of OMERO.figure, kept where OMERO.web keeps them: each a JSON file with an annotation.

A figure's id is that of the annotation. What a client asked for is done to its end, also when its
request runs out of time meanwhile.
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.call import Call
from app.metadata.changing import change_to_the_end, check_logged_in
from app.parsing.figure_params import SentFigure
from render.blitz.model_records import AnnotationRecord, AttachedFile, NewAnnotation, NewFile
from render.blitz.source import BlitzSession
from render.deadline import Deadline
from render.errors import Forbidden, NotFound, ServiceError, SourceFailed

NAMESPACE = "omero.web.figure.json"

_KIND = "FileAnnotation"
_MEDIA_TYPE = "application/json"
#: Letters of a file's name in OMERO's database.
_LONGEST_NAME = 255


def check_may_save(call: Call) -> None:
    """Raise Forbidden for the public user."""
    check_logged_in(call, "figures can be saved and deleted")


def list_figures(call: Call) -> list[dict[str, Any]]:
    """Tell of all figures that the viewer may see, the oldest first."""
    records = call.session.file_annotations(NAMESPACE, call.deadline)
    groups = _group_names(call, {record.group_id for record in records})
    return [_told(record, groups) for record in records if record.file is not None]


def load_figure(call: Call, figure_id: int) -> dict[str, Any]:
    """Give a figure's content, with its name, its group, and whether the viewer may change it.

    Raises NotFound where there is none, TooLarge above `max_figure_bytes`, SourceFailed where the
    file holds no figure.
    """
    record, file = _find(call, figure_id)
    content = call.session.read_file(file.id, call.deadline, call.settings.max_figure_bytes)
    try:
        figure = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceFailed(f"the file of figure {figure_id} holds no JSON") from error
    if not isinstance(figure, dict):
        raise SourceFailed(f"the file of figure {figure_id} holds no figure")
    user = call.session.user(call.deadline)
    figure["canEdit"] = record.owner.id == user.user_id and record.permissions.can_edit
    figure["group"] = _group(record, _group_names(call, {record.group_id}))
    if "figureName" not in figure:
        figure["figureName"] = _name_of(record)
    return figure


def save_figure(call: Call, sent: SentFigure) -> int:
    """Save a figure as a new one, or in place of the one that has its id; give its id.

    Raises Forbidden for the public user and where OMERO does not permit it.
    """
    check_may_save(call)
    session, step = call.session, "save the figure"
    if sent.figure_id is None:
        group_id = _group_of_new(call, sent)
        return change_to_the_end(call, step, lambda until: _add(session, sent, group_id, until))
    record, file = _find(call, sent.figure_id)
    if not record.permissions.can_edit:
        raise Forbidden(f"figure {record.id} is not yours to change")
    change_to_the_end(call, step, lambda until: _replace(session, sent, record, file, until))
    return record.id


def delete_figure(call: Call, figure_id: int) -> None:
    """Delete a figure with its file; Forbidden where the viewer may not, NotFound for none."""
    check_may_save(call)
    _find(call, figure_id)
    session = call.session

    def delete(deadline: Deadline) -> None:
        session.delete_annotation(_KIND, figure_id, deadline)

    change_to_the_end(call, "delete the figure", delete)


def _add(session: BlitzSession, sent: SentFigure, group_id: int, deadline: Deadline) -> int:
    file = NewFile(sent.name[:_LONGEST_NAME], "", _MEDIA_TYPE, len(sent.content))
    file_id = session.upload_file(file, [sent.content], group_id, deadline)
    annotation = NewAnnotation(NAMESPACE, sent.description, file_id=file_id)
    try:
        return session.add_annotation(annotation, group_id, (), deadline)
    except ServiceError:
        session.delete_file(file_id, group_id, deadline)
        raise


def _replace(
    session: BlitzSession,
    sent: SentFigure,
    record: AnnotationRecord,
    file: AttachedFile,
    deadline: Deadline,
) -> None:
    session.write_file(file.id, [sent.content], record.group_id, deadline)
    name = sent.name[:_LONGEST_NAME]
    if name != file.name:
        session.rename_file(file.id, name, record.group_id, deadline)
    if sent.description != record.description:
        changes = {"description": sent.description}
        session.change_annotation(_KIND, record.id, changes, deadline)


def _group_of_new(call: Call, sent: SentFigure) -> int:
    """Give the group of the first image, so that who sees it may see the figure; else one's own."""
    for image_id in sent.image_ids[:1]:
        with contextlib.suppress(NotFound):
            return call.image_info(image_id).group_id
    return call.session.user(call.deadline).group_id


def _find(call: Call, figure_id: int) -> tuple[AnnotationRecord, AttachedFile]:
    """Give a figure's annotation and file: annotations of other kinds are no figures."""
    record = call.session.annotation(_KIND, figure_id, call.deadline)
    if record.namespace != NAMESPACE or record.file is None:
        raise NotFound(f"there is no figure {figure_id}")
    return record, record.file


def _told(record: AnnotationRecord, groups: Mapping[int, str | None]) -> dict[str, Any]:
    owner = record.owner
    return {
        "id": record.id,
        "name": record.file.name if record.file is not None else None,
        "description": record.description,
        "ownerFullName": f"{owner.first_name} {owner.last_name}",
        "owner": {"id": owner.id, "firstName": owner.first_name, "lastName": owner.last_name},
        "group": _group(record, groups),
        "creationDate": int(record.made_at_s),
        "canEdit": record.permissions.can_edit,
    }


def _group(record: AnnotationRecord, names: Mapping[int, str | None]) -> dict[str, Any]:
    return {"id": record.group_id, "name": names.get(record.group_id)}


def _group_names(call: Call, ids: Iterable[int]) -> dict[int, str | None]:
    found = call.session.objects_of("ExperimenterGroup", sorted(ids), call.deadline)
    return {group.id: group.values.get("Name") for group in found if group.id is not None}


def _name_of(record: AnnotationRecord) -> str | None:
    """Give the name of a figure that does not tell it itself."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(record.description or "")
        if isinstance(told, dict) and "name" in told:
            return told["name"]
    return record.file.name if record.file is not None else None
