"""Images as OMERO.web's pages and QuPath list them: those of a dataset, or those in nothing."""

from typing import Any

from app.call import Call
from app.params import Query
from app.parsing.object_params import DEFAULT_LIMIT, MAX_LIMIT, parse_number
from render.blitz.model_records import Listing, ModelRecord
from render.errors import BadRequest
from render.values import ObjectPermissions

_LAST_PAGE = 10**6


def describe_web_images(call: Call, query: Query) -> dict[str, list[dict[str, Any]]]:
    """Give a page of images. Raises BadRequest unless a dataset or `orphaned` is asked for."""
    dataset_id, orphaned = parse_number(query, "id"), query.get("orphaned") == "true"
    if dataset_id is None and not orphaned:
        raise BadRequest("images are listed by dataset, as id=<dataset>, or with orphaned=true")
    page = min(max(1, parse_number(query, "page") or 1), _LAST_PAGE)
    limit = parse_number(query, "limit")
    limit = DEFAULT_LIMIT if limit is None or limit < 0 else min(limit, MAX_LIMIT)
    group, owner = parse_number(query, "group"), parse_number(query, "experimenter_id")
    listing = Listing(
        "Image",
        None if orphaned or dataset_id is None else ("Dataset", dataset_id),
        # All of them, in OMERO's words.
        owner_id=None if owner == -1 else owner,
        group_id=None if group == -1 else group,
        orphaned=orphaned,
        offset=(page - 1) * limit,
        limit=limit,
    )
    user_id = call.session.user(call.deadline).user_id
    found = call.session.objects(listing, call.deadline).records
    return {"images": [_told(record, user_id) for record in found]}


def _told(record: ModelRecord, user_id: int) -> dict[str, Any]:
    details = record.details
    owner = details.owner if details is not None else None
    owner_id = owner.id if owner is not None else None
    rights = details.rights.can if details is not None and details.rights is not None else None
    return {
        "id": record.id,
        "name": record.values.get("Name"),
        "ownerId": owner_id,
        "permsCss": _classes(rights or ObjectPermissions(), owner_id == user_id),
    }


def _classes(rights: ObjectPermissions, is_owned: bool) -> str:
    """Give what may be done with an image as OMERO.web's pages have it: names of CSS classes."""
    named = {
        "canEdit": rights.can_edit,
        "canAnnotate": rights.can_annotate,
        "canLink": rights.can_link,
        "canDelete": rights.can_delete,
        "isOwned": is_owned,
    }
    return " ".join(name for name, holds in named.items() if holds)
