"""Tells where an image lies among others, and when its timepoints were."""

from typing import Any

from render.blitz.ami import call
from render.blitz.mapping import unwrap
from render.blitz.model_mapping import quantity_of
from render.blitz.model_records import PlaneTime, WellPlace
from render.blitz.queries import distinct, with_id
from render.blitz.session import LiveSession
from render.deadline import Deadline

_WELLS = """
    select ws from WellSample as ws
      join fetch ws.well as w
      join fetch w.plate as p
      left outer join fetch p.screenLinks as l
      left outer join fetch l.parent
      left outer join fetch ws.plateAcquisition
    where ws.image.id = :id
"""
_IMAGES = """
    select i.id from Image as i join i.datasetLinks as l where l.parent.id = :id
    order by lower(i.name), i.id
"""
_TIMES = """
    select info from PlaneInfo as info
    where info.pixels.id = :id and info.theZ = 0 and info.theC = 0
"""
_ALL_TIMES = """
    select info from PlaneInfo as info where info.id in (
      select min(other.id) from PlaneInfo as other where other.pixels.id = :id
      group by other.theT)
"""


def wells_of_image(live: LiveSession, image_id: int, deadline: Deadline) -> tuple[WellPlace, ...]:
    """Give the wells in which an image lies."""
    query = live.service("query", deadline)
    found = call(deadline, "find the wells", query.findAllByQueryAsync, _WELLS, with_id(image_id))
    return tuple(map(_well_place, distinct(found)))


def image_ids_of_dataset(live: LiveSession, dataset_id: int, deadline: Deadline) -> list[int]:
    """Give the ids of a dataset's images in the order in which OMERO.web lists them."""
    query = live.service("query", deadline)
    rows = call(deadline, "list images", query.projectionAsync, _IMAGES, with_id(dataset_id))
    return [row[0].val for row in rows]


def plane_times(
    live: LiveSession, pixels_id: int, size_t: int, deadline: Deadline
) -> tuple[PlaneTime, ...]:
    """Give the times of the planes at the first section and channel; else of any plane at all."""
    query = live.service("query", deadline)
    found: list[Any] = []
    for hql in (_TIMES, _ALL_TIMES):
        if len(found) < size_t:
            loaded = call(
                deadline, "load plane times", query.findAllByQueryAsync, hql, with_id(pixels_id)
            )
            found = distinct(loaded) or found
    return tuple(
        PlaneTime(info.theT.val, None if info.deltaT is None else quantity_of("Time", info.deltaT))
        for info in found
    )


def _well_place(sample: Any) -> WellPlace:
    plate = sample.well.plate
    links = [link for link in plate.screenLinksSeq or () if link is not None]
    run = sample.plateAcquisition
    return WellPlace(
        well_id=sample.well.id.val,
        plate_id=plate.id.val,
        screen_id=min((unwrap(link.parent.id) for link in links), default=None),
        run_id=None if run is None else run.id.val,
    )
