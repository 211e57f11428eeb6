"""Objects of OMERO's model as they are told to clients of its JSON API, as frozen records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from render.values import ObjectPermissions, ProjectionKind


@dataclass(frozen=True)
class Quantity:
    """A length or time; `unit` is OMERO's name, such as `MICROMETER`."""

    kind: str
    value: float
    unit: str


@dataclass(frozen=True)
class Rights:
    """Who may do what with an object: `bits` as OMERO keeps them, `can` for the one who asks.

    Bits: 4 read, 2 write, 1 annotate; shifted by 8 for the owner, 4 for the group, 0 for all.
    """

    bits: int
    can: ObjectPermissions


@dataclass(frozen=True)
class Details:
    """To whom an object belongs, and what may be done with it; None where OMERO does not tell."""

    owner: "ModelRecord | None"
    group: "ModelRecord | None"
    rights: Rights | None


@dataclass(frozen=True)
class ModelRecord:
    """An object of the class `kind`; what it has, by the names of OME's schema.

    Values are texts, numbers, Quantity, further records and tuples of these. Times are
    milliseconds since the epoch. `details` is None for what was not loaded.
    """

    kind: str
    id: int | None
    details: Details | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """Which objects are wanted: a class, what they lie in, whose they are, and a page of them.

    `parent` is a class and an id; `orphaned` = those that lie in nothing. `offset` and `limit`
    count objects in the order of OMERO.web. `field` is the index of a well's field, for wells.
    """

    kind: str
    parent: tuple[str, int] | None = None
    owner_id: int | None = None
    group_id: int | None = None
    orphaned: bool = False
    field_index: int | None = None
    offset: int = 0
    limit: int = 200


@dataclass(frozen=True)
class Page:
    """Part of a listing, with the number of all that it has."""

    records: tuple[ModelRecord, ...]
    total: int


@dataclass(frozen=True)
class PlaneRange:
    """Sections and timepoints, both ends inclusive and counted from 0."""

    first_z: int
    last_z: int
    first_t: int
    last_t: int


@dataclass(frozen=True)
class ShapePlace:
    """Where a region or shape lies; `z` and `t` are None for all planes, and for a region."""

    image_id: int
    roi_id: int
    z: int | None = None
    t: int | None = None


@dataclass(frozen=True)
class WellPlace:
    """A field of a well that holds an image, and what it lies in; None where there is none."""

    well_id: int
    plate_id: int
    screen_id: int | None
    run_id: int | None


@dataclass(frozen=True)
class Person:
    """A user, by name."""

    id: int
    user_name: str | None
    first_name: str | None
    last_name: str | None


@dataclass(frozen=True)
class AttachedFile:
    """An original file that is attached to something; `version` differs when its bytes do."""

    id: int
    name: str | None
    size: int | None
    path: str | None
    mimetype: str | None
    version: str = ""


@dataclass(frozen=True)
class AnnotationLink:
    """What ties an annotation to an object, and the annotation: of the class `kind`.

    `values` has what its kind holds, by OMERO's names; pairs of a map are `values`. Times are in
    seconds since the epoch.
    """

    id: int
    owner: Person
    made_at_s: float
    permissions: ObjectPermissions
    parent_kind: str
    parent_id: int
    parent_name: str | None
    kind: str
    annotation_id: int
    namespace: str | None
    name: str | None
    description: str | None
    annotation_owner: Person
    annotation_made_at_s: float
    annotation_permissions: ObjectPermissions
    values: Mapping[str, Any]
    file: AttachedFile | None = None


@dataclass(frozen=True)
class NewFile:
    """A file to be uploaded, of `size_bytes`; `folder` is where its owner says that it was."""

    name: str
    folder: str
    mimetype: str
    size_bytes: int


@dataclass(frozen=True)
class NewAnnotation:
    """An annotation to be made: of a file where there is a `file_id`, else of pairs."""

    namespace: str | None
    description: str | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    file_id: int | None = None


@dataclass(frozen=True)
class AnnotationRecord:
    """An annotation by itself. Times are in seconds since the epoch; `pairs` are those of a map."""

    id: int
    kind: str
    namespace: str | None
    description: str | None
    pairs: tuple[tuple[str, str], ...]
    owner: Person
    group_id: int
    made_at_s: float
    permissions: ObjectPermissions
    file: AttachedFile | None


@dataclass(frozen=True)
class Annotated:
    """Something that annotations may be linked to."""

    kind: str
    id: int
    group_id: int
    can_annotate: bool


@dataclass(frozen=True)
class NewProjection:
    """An image to be made of sections `first` to `last` of another one, both inclusive.

    It comes into the dataset `dataset_id`, if there is one.
    """

    kind: ProjectionKind
    first: int
    last: int
    name: str
    description: str
    dataset_id: int | None = None


@dataclass(frozen=True)
class PlaneTime:
    """When the plane of a timepoint was acquired, after the first one; None = not told."""

    t: int
    delta: Quantity | None
