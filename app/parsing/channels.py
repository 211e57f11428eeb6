"""The channel string `c` and its companion `maps`: grammar, and effect on rendering settings.

An entry is `[-|+]index[$color][|[start:end][r|-r][$color]]`; entries are separated by commas and
channels are counted from 1. A part that cannot be read leaves what is stored, as in OMERO.web.
"""

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from app.parsing.numbers import decimal, integer
from render.values import ChannelBinding, Color, RenderingDefinition, Window

#: Characters of `c` and `maps`, and channels that `c` lists, above which nothing is remembered:
#: who makes up long ones shall not fill the memory with what nobody asks for again.
_LONGEST_REMEMBERED, _MOST_REMEMBERED = 4000, 200

#: Characters of one entry of `c`, likewise.
_LONGEST_ENTRY = 60

_HEX = re.compile(r"#?([0-9A-Fa-f]{3,4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})")
_INDEX = re.compile(r"[+-]?[0-9]+")
_FAMILIES = ("linear", "polynomial", "exponential", "logarithmic")


@dataclass(frozen=True)
class ChannelMap:
    """What one entry of `maps` says; None = as stored. Family and coefficient come together."""

    reverse_intensity: bool | None = None
    family: str | None = None
    coefficient: float = 1.0

    @property
    def complete(self) -> bool:
        """Tell whether nothing is as stored."""
        return self.reverse_intensity is not None and self.family is not None


@dataclass(frozen=True)
class ChannelEntry:
    """What one entry of `c` says; `index` counts from 0, None = as stored.

    `index` is -1 for a channel that no image has.
    """

    index: int
    active: bool
    window: Window | None = None
    color: Color | None = None
    lut: str | None = None
    map: ChannelMap = field(default_factory=ChannelMap)

    @property
    def colored(self) -> bool:
        """Tell whether the entry names a colour or a lookup table."""
        return self.color is not None or self.lut is not None


def parse_hex(text: str) -> Color | None:
    """Read a colour of 3, 4, 6 or 8 hexadecimal digits, `#` before them allowed."""
    match = _HEX.fullmatch(text)
    if match is None:
        return None
    digits = match.group(1)
    if len(digits) < 6:
        digits = "".join(digit * 2 for digit in digits)
    return Color(*bytes.fromhex(digits))


def parse_channels(text: str, maps: str | None = None) -> tuple[ChannelEntry, ...]:
    """Read `c`, and `maps` beside it: its k-th item belongs to the k-th entry of `c`.

    Entries whose index is not a number are dropped. Never raises.
    """
    is_short = len(text) + len(maps or "") <= _LONGEST_REMEMBERED
    return _remembered_entries(text, maps) if is_short else _entries(text, maps)


def _entries(text: str, maps: str | None) -> tuple[ChannelEntry, ...]:
    parsed_maps = parse_maps(maps) if maps else ()
    entries = []
    for position, part in enumerate(text.split(",")):
        is_short = len(part) <= _LONGEST_ENTRY
        entry = _remembered_entry(part) if is_short else _parse_entry(part)
        if entry is None:
            continue
        if position < len(parsed_maps):
            entry = replace(entry, map=_merge_maps(entry.map, parsed_maps[position]))
        entries.append(entry)
    return tuple(entries)


# All tiles of a view repeat the same `c` and `maps`.
_remembered_entries = lru_cache(maxsize=256)(_entries)


def parse_maps(text: str) -> tuple[ChannelMap, ...]:
    """Read the JSON array `maps`; an item that cannot be read says nothing. Never raises."""
    items = load_maps(text)
    if not isinstance(items, list):
        return ()
    return tuple(_parse_map(item) for item in items)


def load_maps(text: str) -> Any:
    """Give the JSON value of `maps`, or None when it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def apply_channels(
    definition: RenderingDefinition, entries: tuple[ChannelEntry, ...]
) -> RenderingDefinition:
    """Give the definition that results from `c`: a channel that is not listed is off.

    Entries for channels that the image does not have are passed over.
    """
    apply = _applied if len(entries) > _MOST_REMEMBERED else _remembered_applied
    return apply(definition, entries)


def _applied(
    definition: RenderingDefinition, entries: tuple[ChannelEntry, ...]
) -> RenderingDefinition:
    listed = by_channel(entries)
    return definition.with_bindings(
        tuple(
            _bound(binding, listed.get(index)) for index, binding in enumerate(definition.bindings)
        )
    )


_remembered_applied = lru_cache(maxsize=256)(_applied)


def by_channel(entries: Iterable[ChannelEntry]) -> dict[int, ChannelEntry]:
    """Give what `c` says of each channel that it lists.

    Of several entries for one channel the first counts, and any that is on switches it on.
    """
    listed: dict[int, ChannelEntry] = {}
    for entry in entries:
        first = listed.setdefault(entry.index, entry)
        if entry.active and not first.active:
            listed[entry.index] = replace(first, active=True)
    return listed


def bind_channels(
    definition: RenderingDefinition, entries: tuple[ChannelEntry, ...]
) -> RenderingDefinition:
    """Give the definition with what `c` says of the channels that it lists; others stay."""
    listed = {entry.index for entry in entries}
    applied = apply_channels(definition, entries).bindings
    return definition.with_bindings(
        tuple(
            new if index in listed else old
            for index, (old, new) in enumerate(zip(definition.bindings, applied, strict=True))
        )
    )


def _bound(binding: ChannelBinding, entry: ChannelEntry | None) -> ChannelBinding:
    if entry is None:
        return replace(binding, active=False)
    changes: dict[str, Any] = {"active": entry.active}
    if entry.window is not None:
        changes["window"] = entry.window
    if entry.color is not None:
        changes["color"] = entry.color
        changes["lut"] = None
    if entry.lut is not None:
        changes["lut"] = entry.lut
    if entry.map.reverse_intensity is not None:
        changes["reverse_intensity"] = entry.map.reverse_intensity
    if entry.map.family is not None:
        changes["family"] = entry.map.family
        changes["coefficient"] = entry.map.coefficient
        # OMERO's clients cannot name a curve without saying this too.
        changes["noise_reduction"] = False
    return replace(binding, **changes)


def _parse_entry(part: str) -> ChannelEntry | None:
    left, _, right = part.partition("|")
    index_text, _, color_text = left.strip().partition("$")
    index_text = index_text.strip()
    if not _INDEX.fullmatch(index_text):
        return None
    number = integer(index_text.lstrip("+-"))
    window_text, dollar, right_color = right.strip().partition("$")
    window, reverse_intensity = _parse_window(window_text)
    color, lut = _parse_color(right_color if dollar else color_text)
    return ChannelEntry(
        index=-1 if number is None else number - 1,
        active=not index_text.startswith("-"),
        window=window,
        color=color,
        lut=lut,
        map=ChannelMap(reverse_intensity=reverse_intensity),
    )


# Moving a slider changes one of them.
_remembered_entry = lru_cache(maxsize=4096)(_parse_entry)


def _parse_window(text: str) -> tuple[Window | None, bool | None]:
    text = text.strip()
    reverse_intensity = None
    # A suffix of viewers of 2016 and 2017, still in bookmarks: r = inverted, -r = not inverted.
    if text.endswith("-r"):
        text, reverse_intensity = text[:-2], False
    elif text.endswith("r"):
        text, reverse_intensity = text[:-1], True
    numbers = [decimal(part) for part in text.split(":")]
    if len(numbers) != 2:
        return None, reverse_intensity
    start, end = numbers
    if start is None or end is None:
        return None, reverse_intensity
    return Window(start, end), reverse_intensity


def _parse_color(text: str) -> tuple[Color | None, str | None]:
    text = text.strip()
    if text.lower().endswith(".lut"):
        return None, text
    return parse_hex(text), None


def _parse_map(item: Any) -> ChannelMap:
    if not isinstance(item, dict):
        return ChannelMap()
    flag = item.get("inverted")
    if flag is None:
        flag = item.get("reverse")
    reverse_intensity = None
    if isinstance(flag, dict) and "enabled" in flag:
        enabled = flag["enabled"]
        reverse_intensity = enabled is True or enabled in ("true", 1)
    family, coefficient = _parse_quantization(item.get("quantization"))
    return ChannelMap(reverse_intensity, family, coefficient)


def _parse_quantization(item: Any) -> tuple[str | None, float]:
    """Give family and coefficient, or (None, 1.0) when either cannot be used."""
    if not isinstance(item, dict) or item.get("family") not in _FAMILIES:
        return None, 1.0
    try:
        coefficient = float(item.get("coefficient", 1.0))
    except (TypeError, ValueError, OverflowError):
        return None, 1.0
    if not (math.isfinite(coefficient) and coefficient > 0):
        return None, 1.0
    return item["family"], coefficient


def _merge_maps(suffix: ChannelMap, given: ChannelMap) -> ChannelMap:
    if given.reverse_intensity is None:
        return replace(given, reverse_intensity=suffix.reverse_intensity)
    return given
