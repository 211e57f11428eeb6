"""The canonical text of a picture, and its digest: the cache's key and the strong ETag.

In it is everything that can change a byte of the picture. Not in it: who asks, the order of
parameters, channels that are not drawn, and arguments that only get past caches.
"""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from app.imaging.areas import SourceArea
from app.imaging.effective import EffectiveSettings
from app.imaging.projections import AxisProjection
from app.params import Orientation
from render.engine.composite import needed_channels
from render.job import RENDERER_VERSION
from render.values import ChannelBinding, Encoding, ImageInfo, PlaneIndex

#: Formats whose bytes depend on the quality.
LOSSY_FORMATS = frozenset({"jpeg", "webp", "avif"})


def picture_text(
    source_name: str,
    info: ImageInfo,
    settings: EffectiveSettings,
    area: SourceArea,
    z: int,
    t: int,
    projection: AxisProjection | None,
    orientation: Orientation,
    encoding: Encoding,
    purpose: Iterable[object] = (),
    at_source: bool = False,
) -> str:
    """Give the canonical text. `purpose` tells apart what else is done with the same pixels.

    `at_source` = drawn by the source: for all that is promised, a bit may differ there.

    Two requests with equal texts get equal bytes; with a projection, the index along its axis
    does not matter.
    """
    definition = settings.definition
    lines = [
        f"renderer {RENDERER_VERSION}" + (" at the source" if at_source else ""),
        *_pixels_lines(source_name, info, area),
        _plane_text(z, t, projection),
        f"model {definition.model.value} output {definition.cd_start} {definition.cd_end} "
        f"{definition.bit_resolution}",
        *(
            _channel_line(c, definition.bindings[c], info.channels[c].stats, settings.luts)
            for c in needed_channels(definition)
        ),
        _turned_text(orientation),
        f"format {encoding.format}"
        + (f" quality {encoding.quality!r}" if encoding.format in LOSSY_FORMATS else ""),
        f"for {_joined(purpose)}",
    ]
    return "\n".join(lines)


def array_text(
    source_name: str,
    info: ImageInfo,
    channels: Iterable[int],
    area: SourceArea,
    z: int,
    t: int,
    projection: AxisProjection | None,
    orientation: Orientation,
    format_name: str,
) -> str:
    """Give the canonical text of values as they are; no rendering setting is in it."""
    lines = [
        f"array {RENDERER_VERSION}",
        *_pixels_lines(source_name, info, area),
        _plane_text(z, t, projection),
        f"channels {_joined(channels)}",
        _turned_text(orientation),
        f"format {format_name}",
    ]
    return "\n".join(lines)


def values_text(
    source_name: str,
    info: ImageInfo,
    area: SourceArea,
    planes: Iterable[PlaneIndex],
    projection: AxisProjection | None,
    purpose: Iterable[object],
) -> str:
    """Give the canonical text of what is made of raw values; `purpose` tells how."""
    lines = [
        f"values {RENDERER_VERSION}",
        *_pixels_lines(source_name, info, area),
        *(f"c {plane.c} {_plane_text(plane.z, plane.t, projection)}" for plane in planes),
        f"for {_joined(purpose)}",
    ]
    return "\n".join(lines)


def stack_text(
    source_name: str,
    info: ImageInfo,
    areas: Iterable[SourceArea],
    ends: Iterable[PlaneIndex],
    channels: Iterable[int],
    layout: str,
) -> str:
    """Give the canonical text of planes in a file; `ends` = the first and last, `layout` = how."""
    lines = [
        f"stack {RENDERER_VERSION}",
        *(line for area in areas for line in _pixels_lines(source_name, info, area)),
        *(_plane_text(plane.z, plane.t, None) for plane in ends),
        f"channels {_joined(channels)}",
        f"layout {layout}",
    ]
    return "\n".join(lines)


def digest(text: str) -> str:
    """Give the key of a canonical text: 32 hexadecimal digits."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _channel_line(
    index: int,
    binding: ChannelBinding,
    stats: tuple[float, float] | None,
    luts: Mapping[str, np.ndarray],
) -> str:
    color = binding.color
    return (
        f"channel {index} window {binding.window.start!r} {binding.window.end!r} "
        f"color {color.red} {color.green} {color.blue} {color.alpha} "
        f"lut {_table_digest(binding.lut, luts)} "
        f"{binding.family} {binding.coefficient!r} noise {int(binding.noise_reduction)} "
        f"reverse {int(binding.reverse_intensity)} stats {stats!r}"
    )


def _table_digest(name: str | None, luts: Mapping[str, np.ndarray]) -> str:
    """Tell a table by what is in it: a file may change and keep its name."""
    if name is None:
        return "-"
    return hashlib.blake2b(luts[name.strip().lower()].tobytes(), digest_size=8).hexdigest()


def _pixels_lines(source_name: str, info: ImageInfo, area: SourceArea) -> list[str]:
    return [
        f"source {source_name}",
        f"image {info.image_id} pixels {info.pixels_id} version {info.pixels_version}",
        f"type {info.pixel_type} bits {info.significant_bits}",
        f"level {area.level} region {_joined(_region_of(area))}",
    ]


def _turned_text(orientation: Orientation) -> str:
    return (
        f"turned {int(orientation.flip_horizontal)} {int(orientation.flip_vertical)} "
        f"{orientation.rotation}"
    )


def _plane_text(z: int, t: int, projection: AxisProjection | None) -> str:
    if projection is None:
        return f"z {z} t {t}"
    sections = projection.sections
    # The arithmetic changes even a single section: a maximum begins at 0, a sum has an end.
    kind = "section" if projection.untouched else projection.kind.value
    text = f"projection {kind} {sections.start} {sections.stop}"
    return f"{text} t {t}" if projection.axis == "z" else f"z {z} {text}"


def _region_of(area: SourceArea) -> tuple[int, ...]:
    region = area.region
    return (region.x, region.y, region.width, region.height)


def _joined(parts: Iterable[object]) -> str:
    return " ".join(str(part) for part in parts)
