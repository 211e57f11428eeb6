"""The queries that are sent, as HQL, and how their parameters are packed.

All take the id of something as `:id`. Each fetches what the mapping reads and no more.
"""

from collections.abc import Sequence
from typing import Any

from render.blitz.slices import omero

PIXELS_OF_IMAGE = """
    select p from Pixels as p
      join fetch p.image as i
      join fetch i.details.owner
      join fetch i.details.creationEvent
      left outer join fetch i.objectiveSettings as os
      left outer join fetch os.objective
      join fetch p.pixelsType
      join fetch p.details.updateEvent
      join fetch p.channels as c
      join fetch c.logicalChannel
      left outer join fetch c.statsInfo
    where i.id = :id
"""

RENDERING_DEFINITIONS_OF_IMAGE = """
    select r from RenderingDef as r
      join fetch r.details.owner
      join fetch r.details.updateEvent
      join fetch r.quantization
      join fetch r.model
      join fetch r.waveRendering as b
      join fetch b.family
      left outer join fetch b.spatialDomainEnhancement
    where r.pixels.image.id = :id
"""

#: The images beside one in its projects, with what decides whether settings fit.
IMAGES_BESIDE = """
    select distinct i.id from Image as i
      join i.pixels as p
      join i.datasetLinks as dl
      join dl.parent as d
      join d.projectLinks as pl
    where pl.parent.id = :id and p.sizeC = :channels and p.pixelsType.value = :type
"""

CHANNELS_OF_IMAGES = """
    select p from Pixels as p
      join fetch p.image
      join fetch p.channels as c
      join fetch c.logicalChannel
    where p.image.id in (:ids)
"""

PLATES_OF_ACQUISITIONS = """
    select distinct a.plate.id from PlateAcquisition as a where a.id in (:ids)
"""

CHANGES_SINCE = """
    select e.id, e.entityType, e.entityId from EventLog as e
    where e.id > :last and e.entityType in (:kinds) order by e.id
"""

IMAGES_OF_DEFINITIONS = """
    select r.id, r.pixels.image.id from RenderingDef as r where r.id in (:ids)
"""

IMAGES_OF_PIXELS = "select p.id, p.image.id from Pixels as p where p.id in (:ids)"

LAST_CHANGE = "select max(e.id) from EventLog as e"

DATASETS_OF_IMAGE = """
    select l from DatasetImageLink as l
      join fetch l.parent as d
      left outer join fetch d.projectLinks as pl
      left outer join fetch pl.parent
    where l.child.id = :id
"""

WELL_SAMPLES_OF_IMAGE = """
    select ws from WellSample as ws
    where ws.image.id = :id
"""

PROJECTS = "select p from Project as p"

DATASETS_OF_PROJECT = """
    select d from Dataset as d
      join d.projectLinks as l
    where l.parent.id = :id
"""

IMAGES_OF_DATASET = """
    select i from Image as i
      join fetch i.details.owner
      join fetch i.details.creationEvent
      left outer join fetch i.pixels
      join i.datasetLinks as l
    where l.parent.id = :id
"""

ROIS_OF_IMAGE = "select r.id from Roi as r where r.image.id = :id"

ROI = "select r.id, r.image.id from Roi as r where r.id = :id"

#: How many pixels the largest mask has; null without a mask.
LARGEST_MASK_OF_IMAGE = "select max(m.width * m.height) from Mask as m where m.roi.image.id = :id"

LARGEST_MASK_OF_ROI = "select max(m.width * m.height) from Mask as m where m.roi.id = :id"

_SHAPES = """
    select s from Shape as s
      join fetch s.roi
      left outer join fetch s.transform
"""

SHAPES_OF_IMAGE = f"{_SHAPES} where s.roi.image.id = :id order by s.id"

SHAPES_OF_ROI = f"{_SHAPES} where s.roi.id = :id order by s.id"

LARGEST_MASK_OF_SHAPES = "select max(m.width * m.height) from Mask as m where m.id in (:ids)"

SHAPES = f"{_SHAPES} where s.id in (:ids) order by s.id"

SHAPE = f"{_SHAPES} where s.id = :id"

FILES_OF_IMAGE = """
    select f from Fileset as f
      join f.images as i
      left outer join fetch f.usedFiles as e
      left outer join fetch e.originalFile
    where i.id = :id
"""

#: The fields of a well keep their order in the well; that of a list counts.
WELL = """
    select w from Well as w
      join fetch w.plate
      left outer join fetch w.wellSamples as ws
      left outer join fetch ws.plateAcquisition
      left outer join fetch ws.image as i
      left outer join fetch i.details.owner
      left outer join fetch i.details.creationEvent
      left outer join fetch i.pixels
    where w.id = :id
"""

EXTENT_OF_PLATE = """
    select min(w.row), max(w.row), min(w.column), max(w.column) from Well as w
    where w.plate.id = :id
"""

_FIELDS = """
    select w.id, w.row, w.column, index(ws), i.id from Well as w
      join w.wellSamples as ws
      join ws.image as i
    where w.plate.id = :id
"""

FIELD_OF_PLATE = f"{_FIELDS} and index(ws) = :field"

FIELDS_OF_RUN = f"{_FIELDS} and ws.plateAcquisition.id = :run"

IMAGES = """
    select i from Image as i
      join fetch i.details.owner
      join fetch i.details.creationEvent
      left outer join fetch i.pixels
    where i.id in (:ids)
"""

PARENTS_OF_IMAGES = """
    select l from DatasetImageLink as l
      join fetch l.parent as d
      left outer join fetch d.projectLinks as pl
      left outer join fetch pl.parent
    where l.child.id in (:ids)
"""

PARENTS_OF_DATASETS = """
    select l from ProjectDatasetLink as l
      join fetch l.parent
    where l.child.id in (:ids)
"""

SCREENS_OF_PLATE = """
    select l from ScreenPlateLink as l
      join fetch l.parent
    where l.child.id in (:ids)
"""


def with_id(object_id: int) -> Any:
    """Give the parameters of a query about one object."""
    parameters = omero.sys.Parameters()
    parameters.map = {"id": omero.RLong(object_id)}
    return parameters


def with_ids(object_ids: Sequence[int]) -> Any:
    """Give the parameters of a query about several objects, `:ids`."""
    parameters = omero.sys.Parameters()
    parameters.map = {"ids": omero.RList([omero.RLong(object_id) for object_id in object_ids])}
    return parameters


def with_values(limit: int | None = None, **values: Any) -> Any:
    """Give parameters of whole numbers, texts and lists of them, with at most `limit` rows."""
    parameters = omero.sys.Parameters()
    parameters.map = {name: _wrapped(value) for name, value in values.items()}
    if limit is not None:
        parameters.theFilter = omero.sys.Filter(limit=omero.RInt(limit), offset=omero.RInt(0))
    return parameters


def _wrapped(value: Any) -> Any:
    if isinstance(value, list):
        return omero.RList([_wrapped(item) for item in value])
    return omero.RString(value) if isinstance(value, str) else omero.RLong(value)


def no_parameters() -> Any:
    """Give the parameters of a query that has none."""
    parameters = omero.sys.Parameters()
    parameters.map = {}
    return parameters


def distinct(objects: list[Any]) -> list[Any]:
    """Give each object once: a query repeats it for every joined row, as the same object."""
    return list({object_.id.val: object_ for object_ in objects}.values())
