"""Label images of OME-Zarr as regions: one for each label, its masks read when asked for.

A label image holds a whole number for each pixel, 0 for none. To find where each label lies it is
read once, in bands; of the pixels nothing but bounding boxes is kept.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import zarr

from imageserver.readers.axes import plane_axes
from imageserver.readers.base import UnreadableFile
from imageserver.readers.objects import LabelPlane, RoiMetadata, ShapeMetadata
from imageserver.readers.zarr_parts import Level, attributes_of, axes_of

log = logging.getLogger(__name__)

#: Pixels of a label image on all its planes; larger ones would keep whoever asks waiting.
MAX_PIXELS = 1 << 28

#: Masks of all label images of one image together.
MAX_MASKS = 50_000

_BAND_PIXELS = 1 << 20

#: Reads a rectangle of a label image: z, t, x, y, width, height.
LabelRead = Callable[[int, int, int, int, int, int], np.ndarray]
_Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class LabelImage:
    """One label image: its name, its array at full size, and the colours that it names."""

    name: str
    level: Level
    colors: Mapping[int, int]


def label_names(group: zarr.Group) -> list[str]:
    """Give the names of the label images of an image's group; none when it has none."""
    try:
        labels = group["labels"]
    except (KeyError, ValueError, TypeError, UnreadableFile):
        return []
    names = attributes_of(labels).get("labels") if isinstance(labels, zarr.Group) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def open_label_image(group: zarr.Group, name: str, image: Level) -> LabelImage:
    """Open a label image of an image with that full size.

    Raises UnreadableFile when it does not fit the image or holds no whole numbers, KeyError,
    ValueError or TypeError when its metadata are malformed.
    """
    labels: Any = group[f"labels/{name}"]
    attributes = attributes_of(labels)
    multiscale = attributes["multiscales"][0]
    array: Any = labels[multiscale["datasets"][0]["path"]]
    letters = "".join(axis["name"][:1] for axis in axes_of(multiscale, array.ndim))
    level = Level(array, plane_axes(letters, array.shape))
    if (level.width, level.height) != (image.width, image.height) or level.axes.size("c") != 1:
        raise UnreadableFile("they have not the size of the image")
    if any(level.axes.size(kind) not in (1, image.axes.size(kind)) for kind in "zt"):
        raise UnreadableFile("they have not the sections or timepoints of the image")
    if np.dtype(array.dtype).kind not in "uib":
        raise UnreadableFile("they are no whole numbers")
    return LabelImage(name, level, _colors(attributes.get("image-label")))


def regions_of(
    labels: LabelImage, image: Level, read: LabelRead, before: Sequence[RoiMetadata] = ()
) -> list[RoiMetadata]:
    """Give a region for each label, ordered by label, each with a mask for each of its planes.

    `before` are those of other label images, which count for the most that there may be.
    """
    level = labels.level
    size_z, size_t = level.axes.size("z"), level.axes.size("t")
    if level.width * level.height * size_z * size_t > MAX_PIXELS:
        raise UnreadableFile(f"they have more than {MAX_PIXELS} pixels")
    boxes: dict[int, list[tuple[int, int, _Box]]] = {}
    for t, z in product(range(size_t), range(size_z)):
        for value, box in _boxes(level, lambda *area, z=z, t=t: read(z, t, *area)).items():
            boxes.setdefault(value, []).append((z, t, box))
    room = MAX_MASKS - sum(len(roi.shapes) for roi in before)
    found: list[RoiMetadata] = []
    for value in sorted(boxes):
        room -= len(boxes[value])
        if room < 0:
            log.warning("of the labels %s only the first %d are offered", labels.name, len(found))
            break
        shapes = tuple(
            _mask(labels, value, z, t, box, size_z > 1, size_t > 1) for z, t, box in boxes[value]
        )
        found.append(RoiMetadata(shapes, name=f"{labels.name} {value}"))
    return found


def mask_of(shape: ShapeMetadata, read: LabelRead) -> bytes:
    """Give the bits of a mask that `regions_of` made."""
    label = shape.label
    if label is None:
        return b""
    x, y, width, height = (int(shape.values[key]) for key in ("x", "y", "width", "height"))
    return np.packbits(read(label.z, label.t, x, y, width, height) == label.value).tobytes()


def _mask(
    labels: LabelImage, value: int, z: int, t: int, box: _Box, has_z: bool, has_t: bool
) -> ShapeMetadata:
    x0, y0, x1, y1 = box
    values: dict[str, Any] = {
        "x": float(x0),
        "y": float(y0),
        "width": float(x1 - x0 + 1),
        "height": float(y1 - y0 + 1),
    }
    # Labels with a single plane stand for all planes of the image.
    if has_z:
        values["theZ"] = z
    if has_t:
        values["theT"] = t
    if value in labels.colors:
        values["fillColor"] = labels.colors[value]
    return ShapeMetadata("Mask", values, LabelPlane(labels.name, value, z, t))


def _boxes(level: Level, read: Callable[..., np.ndarray]) -> dict[int, _Box]:
    """Give the bounding box of each label on one plane: left, top, right, bottom, inclusive."""
    found: dict[int, _Box] = {}
    tall = level.array.chunks[level.axes.y]
    rows = max(tall, _BAND_PIXELS // level.width // tall * tall)
    for top in range(0, level.height, rows):
        block = read(0, top, level.width, min(rows, level.height - top))
        ys, xs = np.nonzero(block)
        if not len(ys):
            continue
        values = block[ys, xs].astype(np.int64)
        order = np.argsort(values, kind="stable")
        values, ys, xs = values[order], ys[order] + top, xs[order]
        starts = np.flatnonzero(np.diff(values, prepend=values[0] - 1))
        lefts, rights = np.minimum.reduceat(xs, starts), np.maximum.reduceat(xs, starts)
        # The sort keeps the order of rows within a label.
        tops, bottoms = ys[starts], ys[np.append(starts[1:], len(ys)) - 1]
        for value, *box in zip(
            values[starts].tolist(), lefts.tolist(), tops.tolist(), rights.tolist(),
            bottoms.tolist(), strict=True,
        ):  # fmt: skip
            x0, y0, x1, y1 = found.get(value, box)
            found[value] = (min(x0, box[0]), min(y0, box[1]), max(x1, box[2]), max(y1, box[3]))
    return found


def _colors(label: Any) -> dict[int, int]:
    """Give the colours that labels are said to have, as signed 32-bit RGBA."""
    entries = label.get("colors") if isinstance(label, Mapping) else None
    found = {}
    for entry in entries if isinstance(entries, list) else []:
        value, rgba = entry.get("label-value"), entry.get("rgba")
        if isinstance(value, int) and isinstance(rgba, list) and len(rgba) in (3, 4):
            parts = bytes(int(part) & 255 for part in [*rgba, 255][:4])
            found[value] = int.from_bytes(parts, "big", signed=True)
    return found
