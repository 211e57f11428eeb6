"""Lists projects, the datasets of a project and the images of a dataset."""

from collections.abc import Sequence
from typing import Any

from render.blitz.ami import call, start
from render.blitz.mapping import container_of, full_name_of, seconds_of, text_of, unwrap
from render.blitz.queries import (
    DATASETS_OF_PROJECT,
    IMAGES_OF_DATASET,
    PARENTS_OF_DATASETS,
    PROJECTS,
    SCREENS_OF_PLATE,
    distinct,
    no_parameters,
    with_id,
    with_ids,
)
from render.blitz.records import ContainerInfo, ContainerRecord, ImageItem
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import NotFound
from render.values import ContainerRef

_PARENTS = {"Dataset": PARENTS_OF_DATASETS, "Plate": SCREENS_OF_PLATE}


def list_projects(live: LiveSession, deadline: Deadline) -> tuple[ContainerRecord, ...]:
    """List all projects that the viewer sees, with the numbers of their datasets."""
    query = live.service("query", deadline)
    found = call(deadline, "list projects", query.findAllByQueryAsync, PROJECTS, no_parameters())
    return _with_counts(live, "Project", "datasetLinks", distinct(found), deadline)


def list_datasets(
    live: LiveSession, project_id: int, deadline: Deadline
) -> tuple[ContainerRecord, ...]:
    """List the datasets of a project, with the numbers of their images."""
    found = _children_of(live, "Project", project_id, DATASETS_OF_PROJECT, deadline)
    return _with_counts(live, "Dataset", "imageLinks", found, deadline)


def list_images(live: LiveSession, dataset_id: int, deadline: Deadline) -> tuple[ImageItem, ...]:
    """List the images of a dataset, ordered by name."""
    found = _children_of(live, "Dataset", dataset_id, IMAGES_OF_DATASET, deadline)
    items = [image_item(image) for image in found]
    return tuple(sorted(items, key=lambda item: ((item.name or "").lower(), item.id)))


def load_container(
    live: LiveSession, kind: str, container_id: int, deadline: Deadline
) -> ContainerInfo:
    """Load a container of the class `kind`; raise NotFound when it is missing or invisible."""
    query = live.service("query", deadline)
    found = call(deadline, f"find the {kind.lower()}", query.findAsync, kind, container_id)
    if found is None:
        raise NotFound(f"there is no {kind.lower()} {container_id} that is visible to you")
    return ContainerInfo(container_id, text_of(found.name), text_of(found.description))


def load_parent(
    live: LiveSession, kind: str, child_id: int, deadline: Deadline
) -> ContainerRef | None:
    """Give the first project of a `Dataset`, or the first screen of a `Plate`; None without one."""
    query = live.service("query", deadline)
    found = call(
        deadline,
        f"find what the {kind.lower()} lies in",
        query.findAllByQueryAsync,
        _PARENTS[kind],
        with_ids([child_id]),
    )
    links = sorted(distinct(found), key=lambda link: link.id.val)
    return container_of(links[0].parent) if links else None


def _children_of(
    live: LiveSession, kind: str, parent_id: int, hql: str, deadline: Deadline
) -> list[Any]:
    query = live.service("query", deadline)
    parent = start(f"find the {kind.lower()}", query.findAsync, kind, parent_id)
    children = start("list its children", query.findAllByQueryAsync, hql, with_id(parent_id))
    if parent.result(deadline) is None:
        children.cancel()
        raise NotFound(f"there is no {kind.lower()} {parent_id} that is visible to you")
    return distinct(children.result(deadline))


def _with_counts(
    live: LiveSession, kind: str, links: str, containers: Sequence[Any], deadline: Deadline
) -> tuple[ContainerRecord, ...]:
    if not containers:
        return ()
    ids = sorted(container.id.val for container in containers)
    counts = call(
        deadline,
        f"count the children of each {kind.lower()}",
        live.service("container", deadline).getCollectionCountAsync,
        kind,
        links,
        ids,
        None,
    )
    by_id = {container.id.val: container for container in containers}
    return tuple(
        ContainerRecord(
            id=container_id,
            name=text_of(by_id[container_id].name),
            description=text_of(by_id[container_id].description),
            child_count=counts.get(container_id, 0),
        )
        for container_id in ids
    )


def image_item(image: Any) -> ImageItem:
    """Give an image of OMERO's model, with owner, creation event and pixels fetched, as an item."""
    pixels = image.pixelsSeq[0] if image.pixelsSeq else None
    return ImageItem(
        id=image.id.val,
        name=unwrap(image.name),
        description=text_of(image.description),
        author=full_name_of(image.details.owner),
        date_s=_date_s(image),
        size_x=unwrap(pixels.sizeX) if pixels is not None else None,
        size_y=unwrap(pixels.sizeY) if pixels is not None else None,
    )


def _date_s(image: Any) -> float:
    """Give when the image was acquired; when that is unset or not after 1970, when imported."""
    acquired_s = seconds_of(image.acquisitionDate)
    if acquired_s is not None and acquired_s > 0:
        return acquired_s
    return seconds_of(image.details.creationEvent.time) or 0.0
