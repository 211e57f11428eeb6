"""Reads lookup-table files in the three forms that OMERO knows: NIH Image, raw and text."""

import re
import struct

import numpy as np
from numpy.typing import NDArray

from render.errors import BadRequest

_RAW_SIZES = (0, 768, 970)
_NIH_MAGIC = b"ICOL"
_NIH_HEADER_SIZE = 32

_LINE_END = re.compile(rb"\r\n|\r|\n")
#: Words are runs of `+` and of the codes 45 to 127; everything else separates them.
_WORD = re.compile(rb"[+\x2d-\x7f]+")
#: A number as Java reads it: decimal or hexadecimal, with an optional type letter at its end.
_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?")
_HEXADECIMAL = re.compile(
    r"([+-]?)0[xX](?:([0-9a-fA-F]+)\.?|([0-9a-fA-F]*)\.([0-9a-fA-F]+))[pP]([+-]?\d+)[fFdD]?"
)
_SPECIAL = re.compile(r"([+-]?)(NaN|Infinity)")


def parse(data: bytes) -> NDArray[np.uint8] | None:
    """Give the table in a `.lut` file, (256, 3) uint8 red green blue, or None if it holds none.

    None means that the name counts as unknown. Raises BadRequest for a file that OMERO refuses
    to read and leaves out of its list.
    """
    size = len(data)
    if size > 768 and data.startswith(_NIH_MAGIC):
        return _parse_nih(data)
    if size in _RAW_SIZES:
        planes = np.zeros(768, np.uint8)
        planes[: min(size, 768)] = np.frombuffer(data[:768], np.uint8)
        return np.ascontiguousarray(planes.reshape(3, 256).T)
    if size > 768:
        return _parse_text(data)
    return None


def _parse_nih(data: bytes) -> NDArray[np.uint8]:
    (colors,) = struct.unpack_from(">h", data, 6)
    if not 1 <= colors <= 256:
        raise BadRequest(f"the lookup table says that it has {colors} colours; 1 to 256 can be")
    planes = np.zeros(3 * colors, np.uint8)
    body = np.frombuffer(data[_NIH_HEADER_SIZE : _NIH_HEADER_SIZE + 3 * colors], np.uint8)
    planes[: body.size] = body
    table = planes.reshape(3, colors)
    if colors < 256:
        table = _stretched(table.astype(np.float64))
    return np.ascontiguousarray(table.T)


def _stretched(table: NDArray[np.float64]) -> NDArray[np.uint8]:
    colors = table.shape[1]
    position = np.arange(256) * (colors / 256)
    left = np.trunc(position).astype(np.int64)
    right = np.minimum(left + 1, colors - 1)
    share = position - left
    return np.trunc((1 - share) * table[:, left] + share * table[:, right]).astype(np.uint8)


def _parse_text(data: bytes) -> NDArray[np.uint8]:
    rows = _rows(data)
    if rows and _is_header(rows[0]):
        rows = rows[1:]
    columns = len(rows[0]) if rows else 0
    if columns not in (3, 4) or not 256 <= len(rows) <= 258:
        # Not refused: OMERO shows such a table as black.
        return np.zeros((256, 3), np.uint8)
    first_row = 0 if len(rows) == 256 else 1
    numbers = np.array(
        [[_number(word) for word in row[-3:]] for row in rows[first_row : first_row + 256]]
    )
    return _low8(numbers)


def _rows(data: bytes) -> list[list[str]]:
    lines = _LINE_END.split(data)
    unfinished = lines.pop()
    rows: list[list[str]] = []
    for line in lines:
        words = [word.decode("ascii") for word in _WORD.findall(line)]
        if not words:
            continue
        if rows and len(words) != len(rows[-1]):
            raise BadRequest(
                f"line {len(rows) + 1} of the lookup table has {len(words)} columns, "
                f"the one before {len(rows[-1])}"
            )
        rows.append(words)
    words = [word.decode("ascii") for word in _WORD.findall(unfinished)]
    if words and (not rows or len(words) == len(rows[0])):
        rows.append(words)
    return rows


def _is_header(words: list[str]) -> bool:
    return words[0] not in ("NaN", "nan") and all(np.isnan(_number(word)) for word in words)


def _number(word: str) -> float:
    if _DECIMAL.fullmatch(word):
        return float(word.rstrip("fFdD"))
    special = _SPECIAL.fullmatch(word)
    if special:
        return float(special[1] + special[2])
    hexadecimal = _HEXADECIMAL.fullmatch(word)
    if hexadecimal:
        sign, whole, before, after, exponent = hexadecimal.groups()
        try:
            return float.fromhex(f"{sign}0x{whole or before or '0'}.{after or '0'}p{exponent}")
        except OverflowError:
            return float("-inf") if sign == "-" else float("inf")
    return float("nan")


def _low8(numbers: NDArray[np.float64]) -> NDArray[np.uint8]:
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32).astype(np.float64)
    whole = np.where(np.isnan(single), 0, single)
    clipped = np.clip(whole, -(2**31), 2**31 - 1)
    return (clipped.astype(np.int64) & 0xFF).astype(np.uint8)
