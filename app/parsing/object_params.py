"""What the addresses of OMERO's JSON API ask for."""

from app.params import Query
from render.blitz.model_records import Listing
from render.errors import BadRequest

#: As OMERO.web has them: objects of a page by default, and at most.
DEFAULT_LIMIT = 200
MAX_LIMIT = 500

#: Query parameters that name what objects lie in, by the class that is listed.
_PARENTS = {
    "Project": {"dataset": "Dataset"},
    "Dataset": {"project": "Project", "image": "Image"},
    "Image": {"dataset": "Dataset"},
    "Screen": {"plate": "Plate"},
    "Plate": {"screen": "Screen", "well": "Well"},
    "PlateAcquisition": {"plate": "Plate"},
    "Well": {"plate": "Plate", "plateacquisition": "PlateAcquisition"},
    "Experimenter": {"experimentergroup": "ExperimenterGroup"},
    "ExperimenterGroup": {"experimenter": "Experimenter"},
}


def parse_listing(
    kind: str, query: Query, parent: tuple[str, int] | None = None, field: int | None = None
) -> Listing:
    """Read a listing; a `parent` of the path wins. Raises BadRequest for what is no number."""
    if parent is None:
        for name, parent_kind in _PARENTS[kind].items():
            parent_id = parse_number(query, name)
            if parent_id is not None:
                parent = (parent_kind, parent_id)
                break
    group = parse_number(query, "group")
    offset, limit = parse_page(query)
    return Listing(
        kind,
        parent,
        owner_id=parse_number(query, "owner"),
        # All groups, in OMERO's words.
        group_id=None if group == -1 else group,
        orphaned=query.get("orphaned") == "true",
        field_index=field,
        offset=offset,
        limit=limit,
    )


def parse_page(query: Query, default_limit: int = DEFAULT_LIMIT) -> tuple[int, int]:
    """Read `offset` and `limit`; what is negative counts as not given, as in OMERO.web."""
    offset = parse_number(query, "offset") or 0
    limit = parse_number(query, "limit")
    if limit is None or limit < 0:
        limit = default_limit
    return min(max(offset, 0), 2**31 - 1), min(limit, MAX_LIMIT)


def parse_number(query: Query, name: str) -> int | None:
    """Read a whole number; None where there is none. Raises BadRequest for anything else."""
    text = query.get(name, "").strip()
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise BadRequest(f"{name} should be a whole number", parameter=name)
    return int(text)
