"""Asks OMERO.server's event log which images' settings or pixels have changed, by whomever."""

from collections.abc import Sequence
from typing import Any

from render.blitz.ami import call
from render.blitz.mapping import unwrap
from render.blitz.queries import (
    CHANGES_SINCE,
    IMAGES_OF_DEFINITIONS,
    IMAGES_OF_PIXELS,
    LAST_CHANGE,
    no_parameters,
    with_ids,
    with_values,
)
from render.blitz.records import Changes
from render.blitz.session import LiveSession
from render.deadline import Deadline

_IMAGE = "ome.model.core.Image"
#: Classes in the event log, and how their objects lead to images.
_LEADS_TO_IMAGES = {
    "ome.model.display.RenderingDef": IMAGES_OF_DEFINITIONS,
    "ome.model.core.Pixels": IMAGES_OF_PIXELS,
}
#: More entries than that at once are not looked at one by one.
_MOST_ENTRIES = 1000


def changes_since(live: LiveSession, last: int | None, deadline: Deadline) -> Changes:
    """Give what changed after the entry `last` of the log; None = tell only where the log ends.

    Where that cannot be told image by image (too many entries, objects that are gone or not
    visible, a log that began anew), `everything` is true.
    """
    [[newest]] = _rows(live, LAST_CHANGE, no_parameters(), deadline)
    end = unwrap(newest) or 0
    if last is None or end == last:
        return Changes(end)
    if end < last:
        return Changes(end, everything=True)
    kinds = [_IMAGE, *_LEADS_TO_IMAGES]
    parameters = with_values(_MOST_ENTRIES, last=last, kinds=kinds)
    rows = _rows(live, CHANGES_SINCE, parameters, deadline)
    if len(rows) == _MOST_ENTRIES:
        return Changes(end, everything=True)
    by_kind: dict[str, set[int]] = {}
    for _, kind, object_id in rows:
        by_kind.setdefault(kind.val, set()).add(object_id.val)
    images = by_kind.pop(_IMAGE, set())
    for kind, ids in by_kind.items():
        found = _rows(live, _LEADS_TO_IMAGES[kind], with_ids(sorted(ids)), deadline)
        if {row[0].val for row in found} != ids:
            return Changes(end, everything=True)
        images |= {row[1].val for row in found}
    # What came into the log between the two questions is asked for again next time.
    return Changes(end, tuple(sorted(images)))


def _rows(
    live: LiveSession, hql: str, parameters: Any, deadline: Deadline
) -> Sequence[Sequence[Any]]:
    query = live.service("query", deadline)
    return call(deadline, "look what changed", query.projectionAsync, hql, parameters)
