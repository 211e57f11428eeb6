"""IContainer: images, and the tree of project, datasets and images."""

from typing import Any

import Ice

from imageserver.entities import Entity
from imageserver.faults import guarded, usage
from imageserver.graph import Graph
from imageserver.model import Builder, Fetch
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero

_IMAGE_PARTS = (
    "pixels.pixelsType",
    "pixels.dimensionOrder",
    "format",
    "details.creationEvent",
    "details.updateEvent",
    "details.owner",
    "details.group",
)
_ACQUISITION_PARTS = (
    "objectiveSettings.objective.immersion",
    "objectiveSettings.objective.correction",
    "instrument",
    "stageLabel",
    "imagingEnvironment",
)


@guarded(omero.api.IContainer)
class Container(omero.api.IContainer):
    """Reads the hierarchy."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def getImages(  # noqa: N802
        self, root_type: str, root_ids: list[int], parameters: Any, current: Ice.Current
    ) -> list:
        graph = self._context.graph
        fetch = Fetch.of(*_IMAGE_PARTS)
        if _option(parameters, "acquisitionData"):
            fetch = Fetch.of(*_IMAGE_PARTS, *_ACQUISITION_PARTS)
        images = _images_below(graph, _class_name(root_type), root_ids)
        builder = Builder(graph)
        return [builder.load(image, fetch) for image in _page(parameters, images)]

    def getUserImages(self, parameters: Any, current: Ice.Current) -> list:  # noqa: N802
        """Give the images of the owner and group that are asked for, else the caller's own."""
        owner_id, group_id = _whose(parameters)
        if owner_id is None and group_id is None:
            owner_id = self._context.user_id
        graph = self._context.graph
        images = _of_whom(graph, graph.extent("Image"), owner_id, group_id)
        if not images:
            return []
        identifiers = [image.id for image in images]
        return self.getImages("Image", identifiers, parameters, current)

    def loadContainerHierarchy(  # noqa: N802
        self, root_type: str, root_ids: list[int] | None, parameters: Any, current: Ice.Current
    ) -> list:
        graph = self._context.graph
        kind = _class_name(root_type)
        leaves = _option(parameters, "leaves")
        image_parts = [f"imageLinks.child.{part}" for part in _IMAGE_PARTS] if leaves else []
        if kind == "Project":
            parts = ["datasetLinks.child", *(f"datasetLinks.child.{p}" for p in image_parts)]
        elif kind == "Dataset":
            parts = list(image_parts)
        else:
            return []
        builder = Builder(graph)
        fetch = Fetch.of("details.owner", "details.group", *parts)
        roots = _of_whom(graph, _roots(graph, kind, root_ids), *_whose(parameters))
        return [builder.load(root, fetch) for root in roots]

    def getCollectionCount(  # noqa: N802
        self,
        root_type: str,
        name: str,
        root_ids: list[int],
        parameters: Any,
        current: Ice.Current,
    ) -> dict:
        graph = self._context.graph
        kind = _class_name(root_type)
        counters = {
            ("Project", "datasetLinks"): lambda root: len(graph.datasets_in(root.record)),
            ("Dataset", "imageLinks"): lambda root: len(graph.images_in(root.id)),
        }
        count = counters.get((kind, name.rpartition("_")[2]), lambda root: 0)
        return {root.id: count(root) for root in _roots(graph, kind, root_ids)}


def _images_below(graph: Graph, kind: str, identifiers: list[int]) -> list[Entity]:
    if kind == "Image":
        return _roots(graph, kind, identifiers)
    if kind == "Dataset":
        datasets = _roots(graph, kind, identifiers)
    elif kind == "Project":
        datasets = [
            Entity("Dataset", dataset.id, dataset)
            for project in _roots(graph, kind, identifiers)
            for dataset in graph.datasets_in(project.record)
        ]
    else:
        return []
    return [
        Entity("Image", image.id, image)
        for dataset in datasets
        for image in graph.images_in(dataset.id)
    ]


def _roots(graph: Graph, kind: str, identifiers: list[int] | None) -> list[Entity]:
    if not identifiers:
        return graph.extent(kind)
    found = (graph.find(kind, identifier) for identifier in identifiers)
    return [entity for entity in found if entity is not None]


def _class_name(root_type: str) -> str:
    name = root_type.rpartition(".")[2].removesuffix("I")
    if name not in {"Project", "Dataset", "Image", "Screen", "Plate", "Well"}:
        raise usage(f"{root_type} is no container.")
    return name


def _option(parameters: Any, name: str) -> bool:
    options = None if parameters is None else parameters.theOptions
    value = None if options is None else getattr(options, name)
    return value is not None and bool(value.val)


def _whose(parameters: Any) -> tuple[int | None, int | None]:
    """Give the ids of the owner and the group that are asked for, None where there is none."""
    wanted = None if parameters is None else parameters.theFilter
    members = () if wanted is None else (wanted.ownerId, wanted.groupId)
    owner_id, group_id = (
        None if m is None or m.val < 0 else m.val for m in members or (None, None)
    )
    return owner_id, group_id


def _of_whom(
    graph: Graph, entities: list[Entity], owner_id: int | None, group_id: int | None
) -> list[Entity]:
    """Keep what belongs to an owner and to a group; None asks for neither."""
    if owner_id is None and group_id is None:
        return entities
    owned = ((entity, graph.ownership(entity)) for entity in entities)
    return [
        entity
        for entity, ownership in owned
        if owner_id in (None, ownership.owner_id) and group_id in (None, ownership.group_id)
    ]


def _page(parameters: Any, entities: list[Entity]) -> list[Entity]:
    page = None if parameters is None else parameters.theFilter
    if page is None or page.limit is None:
        return entities
    offset = 0 if page.offset is None else page.offset.val
    return entities[offset : offset + page.limit.val]
