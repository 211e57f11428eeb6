"""What `c` and `maps` mean, read slowly, one character and one rule at a time.

Written from the description in docs/reference/endpoints.md, to be compared with
app/parsing/channels.py.
"""

import json
import math
from dataclasses import replace

from render.values import ChannelBinding, Color, RenderingDefinition, Window

DIGITS = "0123456789"
HEXADECIMAL = "0123456789abcdef"


def read(definition: RenderingDefinition, text: str, maps: str | None) -> RenderingDefinition:
    """Give the settings that `c` and `maps` make of stored ones."""
    entries = [read_entry(part) for part in text.split(",")]
    items = read_maps(maps)
    bindings = list(definition.bindings)
    for index, stored in enumerate(bindings):
        binding = replace(stored, active=False)
        found = [
            (place, entry)
            for place, entry in enumerate(entries)
            if entry is not None and entry["number"] == index + 1
        ]
        if found:
            binding = replace(binding, active=any(entry["on"] for _, entry in found))
            place, first = found[0]
            binding = with_entry(binding, first)
            if place < len(items):
                binding = with_item(binding, items[place])
        bindings[index] = binding
    return definition.with_bindings(tuple(bindings))


def read_entry(part: str) -> dict | None:
    """Give channel number, on or off, window, inversion and colour; None without a number."""
    left, right = part, ""
    if "|" in part:
        cut = part.index("|")
        left, right = part[:cut], part[cut + 1 :]
    left, right = left.strip(), right.strip()
    color = ""
    if "$" in left:
        cut = left.index("$")
        left, color = left[:cut].strip(), left[cut + 1 :]
    window = right
    if "$" in right:
        cut = right.index("$")
        window, color = right[:cut], right[cut + 1 :]
    on = True
    if left[:1] in ("-", "+"):
        on, left = left[0] == "+", left[1:]
    if not left or any(sign not in DIGITS for sign in left):
        return None
    number = 0
    for sign in left:
        number = 10 * number + DIGITS.index(sign)
    return {"number": number, "on": on, "color": color.strip()} | read_window(window.strip())


def read_window(text: str) -> dict:
    inverted = None
    if text[-2:] == "-r":
        inverted, text = False, text[:-2]
    elif text[-1:] == "r":
        inverted, text = True, text[:-1]
    window = None
    parts = text.split(":")
    if len(parts) == 2:
        try:
            window = Window(float(parts[0]), float(parts[1]))
        except ValueError:
            window = None
    return {"window": window, "inverted": inverted}


def with_entry(binding: ChannelBinding, entry: dict) -> ChannelBinding:
    if entry["window"] is not None:
        binding = replace(binding, window=entry["window"])
    if entry["inverted"] is not None:
        binding = replace(binding, reverse_intensity=entry["inverted"])
    color = entry["color"]
    if color[-4:].lower() == ".lut":
        return replace(binding, lut=color)
    if color[:1] == "#":
        color = color[1:]
    if color and all(sign in HEXADECIMAL for sign in color.lower()):
        parts = {3: 1, 4: 1, 6: 2, 8: 2}.get(len(color))
        if parts is not None:
            pieces = [color[i : i + parts] for i in range(0, len(color), parts)]
            values = [int(piece * (2 // parts), 16) for piece in pieces]
            return replace(binding, color=Color(*values), lut=None)
    return binding


def read_maps(text: str | None) -> list:
    if not text:
        return []
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return items if isinstance(items, list) else []


def with_item(binding: ChannelBinding, item: object) -> ChannelBinding:
    if not isinstance(item, dict):
        return binding
    flag = item["reverse"] if item.get("inverted") is None and "reverse" in item else None
    if item.get("inverted") is not None:
        flag = item["inverted"]
    if isinstance(flag, dict) and "enabled" in flag:
        value = flag["enabled"]
        is_one = isinstance(value, int | float) and value == 1
        binding = replace(binding, reverse_intensity=is_one or value == "true")
    curve = item.get("quantization")
    if isinstance(curve, dict):
        family = curve.get("family")
        if family in ("linear", "polynomial", "exponential", "logarithmic"):
            coefficient = read_coefficient(curve)
            if coefficient is not None:
                binding = replace(binding, family=family, coefficient=coefficient)
    return binding


def read_coefficient(curve: dict) -> float | None:
    value = curve.get("coefficient", 1)
    if not isinstance(value, int | float | str):
        return None
    try:
        coefficient = float(value)
    except (ValueError, OverflowError):
        return None
    if math.isnan(coefficient) or math.isinf(coefficient) or coefficient <= 0:
        return None
    return coefficient
