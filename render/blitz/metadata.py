"""Loads all about an image in as few round trips as OMERO's API allows.

Everything that needs only the image's id is asked at once: two combined queries, one for the
containers and one for wells. The resolution levels come from the pooled pixels store, which the
first tile needs anyway.
"""

from collections.abc import Sequence
from typing import Any

from render.blitz.ami import call, start
from render.blitz.mapping import (
    channel_of,
    choose_rendering_definition,
    container_of,
    full_name_of,
    micrometres_of,
    permissions_of,
    seconds_of,
    text_of,
    unwrap,
)
from render.blitz.pixels_store import Geometry
from render.blitz.pyramid_service import StoreKey
from render.blitz.queries import (
    DATASETS_OF_IMAGE,
    PIXELS_OF_IMAGE,
    RENDERING_DEFINITIONS_OF_IMAGE,
    WELL_SAMPLES_OF_IMAGE,
    distinct,
    with_id,
)
from render.blitz.reading import read_geometry
from render.blitz.session import LiveSession
from render.deadline import Deadline
from render.errors import NotFound, ServiceError
from render.values import ChannelInfo, ContainerRef, ImageInfo


def load_image_info(live: LiveSession, image_id: int, deadline: Deadline) -> ImageInfo:
    """Load an image with its pixels, channels, containers and rendering definition."""
    query = live.service("query", deadline)
    parameters = with_id(image_id)
    asked = start("load the image", query.findAllByQueryAsync, PIXELS_OF_IMAGE, parameters)
    also = {
        name: start(f"load the image's {name}", query.findAllByQueryAsync, hql, parameters)
        for name, hql in (
            ("rendering definitions", RENDERING_DEFINITIONS_OF_IMAGE),
            ("datasets", DATASETS_OF_IMAGE),
            ("wells", WELL_SAMPLES_OF_IMAGE),
        )
    }
    found = asked.result(deadline)
    if not found:
        for pending in also.values():
            pending.cancel()
        raise _no_pixels(query, image_id, deadline)
    # Of several pixels sets the oldest is the image's own, the others were computed from it.
    pixels = min(found, key=lambda candidate: candidate.id.val)
    key = _store_key(pixels)
    geometry = read_geometry(live, key, deadline)
    if len(geometry.levels) == 1 and live.settings.is_large(pixels.sizeX.val, pixels.sizeY.val):
        # A pyramid may be in the making, and a store that is open will not learn of it.
        live.stores.discard_idle(key)
    rdefs, dataset_links, well_samples = (
        distinct(pending.result(deadline)) for pending in also.values()
    )
    channels = tuple(map(channel_of, pixels.channelsSeq))
    definition = choose_rendering_definition(
        rdefs, live.user.user_id, pixels.image.details.owner.id.val
    )
    if definition is not None and len(definition.bindings) != len(channels):
        # Of an image whose channels were changed afterwards: the server would refuse it too.
        definition = None
    if definition is None and any(channel.color is None for channel in channels):
        channels = _with_acquisition_data(live, pixels, deadline)
    return _image_info(
        live, pixels, geometry, channels, dataset_links, well_samples, definition=definition
    )


def _no_pixels(query: Any, image_id: int, deadline: Deadline) -> ServiceError:
    if call(deadline, "find the image", query.findAsync, "Image", image_id) is None:
        return NotFound(f"there is no image {image_id} that is visible to you")
    return NotFound(f"image {image_id} has no pixels that can be read")


def _store_key(pixels: Any) -> StoreKey:
    return StoreKey(pixels.id.val, pixels.image.details.group.id.val, _version(pixels))


def _version(pixels: Any) -> str:
    return f"{unwrap(pixels.version) or 0}.{pixels.details.updateEvent.id.val}"


def _with_acquisition_data(
    live: LiveSession, pixels: Any, deadline: Deadline
) -> tuple[ChannelInfo, ...]:
    """Load lasers and filters too: channels without a stored colour get one by them."""
    channels = [channel for channel in pixels.channelsSeq if channel is not None]
    ids = [channel.logicalChannel.id.val for channel in channels]
    service = live.service("metadata", deadline)
    loaded = call(
        deadline, "load the channels' light paths", service.loadChannelAcquisitionDataAsync, ids
    )
    by_id = {logical.id.val: logical for logical in loaded}
    for channel in channels:
        channel.logicalChannel = by_id.get(channel.logicalChannel.id.val, channel.logicalChannel)
    return tuple(map(channel_of, pixels.channelsSeq))


def _projects(dataset_links: Sequence[Any]) -> tuple[ContainerRef, ...]:
    projects = {
        link.parent.id.val: container_of(link.parent)
        for dataset_link in dataset_links
        for link in dataset_link.parent.projectLinksSeq or ()
    }
    return tuple(projects[key] for key in sorted(projects))


def _datasets(dataset_links: Sequence[Any]) -> tuple[ContainerRef, ...]:
    datasets = {link.parent.id.val: container_of(link.parent) for link in dataset_links}
    return tuple(datasets[key] for key in sorted(datasets))


def _image_info(
    live: LiveSession,
    pixels: Any,
    geometry: Geometry,
    channels: tuple[ChannelInfo, ...],
    dataset_links: Sequence[Any],
    well_samples: Sequence[Any],
    *,
    definition: Any,
) -> ImageInfo:
    image = pixels.image
    pixel_type = pixels.pixelsType.value.val
    size_x, size_y = pixels.sizeX.val, pixels.sizeY.val
    settings = image.objectiveSettings
    objective = settings.objective if settings is not None else None
    return ImageInfo(
        image_id=image.id.val,
        pixels_id=pixels.id.val,
        name=unwrap(image.name),
        description=text_of(image.description),
        author=full_name_of(image.details.owner),
        owner_id=image.details.owner.id.val,
        group_id=image.details.group.id.val,
        archived=bool(unwrap(image.archived)),
        acquired_at_s=seconds_of(image.acquisitionDate),
        imported_at_s=seconds_of(image.details.creationEvent.time) or 0.0,
        pixel_type=pixel_type,
        significant_bits=unwrap(pixels.significantBits),
        size_x=size_x,
        size_y=size_y,
        size_z=pixels.sizeZ.val,
        size_c=pixels.sizeC.val,
        size_t=pixels.sizeT.val,
        pixel_size_x=micrometres_of(pixels.physicalSizeX),
        pixel_size_y=micrometres_of(pixels.physicalSizeY),
        pixel_size_z=micrometres_of(pixels.physicalSizeZ),
        levels=geometry.levels,
        tile_width=geometry.tile_width,
        tile_height=geometry.tile_height,
        channels=channels,
        pixels_version=_version(pixels),
        nominal_magnification=unwrap(objective.nominalMagnification) if objective else None,
        requires_pyramid=live.settings.requires_pyramid(size_x, size_y, pixel_type),
        permissions=permissions_of(image.details),
        projects=_projects(dataset_links),
        datasets=_datasets(dataset_links),
        well_sample_ids=tuple(sample.id.val for sample in well_samples),
        well_ids=tuple(sample.well.id.val for sample in well_samples if sample.well is not None),
        rendering_definition=definition,
    )
