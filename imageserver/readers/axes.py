"""How the axes of an array, in any order, become OMERO's z, c and t."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from imageserver.readers.base import UnreadableFile


@dataclass(frozen=True)
class PlaneAxes:
    """Which of an array's axes make up each of z, c and t; the rest are y and x.

    `parts[k]` lists (axis number, size) for k in "zct"; where there are several, the last one
    varies fastest. `y` and `x` are axis numbers.
    """

    y: int
    x: int
    parts: dict[str, tuple[tuple[int, int], ...]]
    count: int

    def size(self, kind: str) -> int:
        """Give how many indices `kind`, one of z, c, t, has: 1 where no axis stands for it."""
        return prod(size for _, size in self.parts[kind])

    def index(self, z: int, c: int, t: int) -> list[int]:
        """Give the index of a plane on every axis; 0 stands on y and x."""
        found = [0] * self.count
        for kind, value in (("z", z), ("c", c), ("t", t)):
            for axis, size in reversed(self.parts[kind]):
                value, found[axis] = divmod(value, size)
        return found


def plane_axes(axes: str, shape: Sequence[int]) -> PlaneAxes:
    """Understand axes letters, one for each entry of `shape`.

    Z, C and T are themselves; S (samples of a pixel) varies fastest among the channels. Any
    other letter is an index that OMERO does not know (a lifetime, a position, a plain sequence):
    it becomes time where there is no T, else z where there is no Z, else it is joined to time.
    Raises UnreadableFile without Y and X.
    """
    axes = axes.upper()
    if axes.count("Y") != 1 or axes.count("X") != 1:
        raise UnreadableFile(f"its axes are {axes or 'unknown'}, and one X and one Y are needed")
    parts: dict[str, list[tuple[int, int]]] = {"z": [], "c": [], "t": []}
    for letter in ("Z", "C", "T"):
        parts[letter.lower()] += [(i, shape[i]) for i, a in enumerate(axes) if a == letter]
    taken = {kind for kind, found in parts.items() if found}
    for i, letter in enumerate(axes):
        if letter in "XYZCTS" or shape[i] == 1:
            continue
        kind = next((k for k in ("t", "z") if k not in taken), "t")
        taken.add(kind)
        parts[kind].append((i, shape[i]))
    parts["c"] += [(i, shape[i]) for i, a in enumerate(axes) if a == "S"]
    return PlaneAxes(
        y=axes.index("Y"),
        x=axes.index("X"),
        parts={kind: tuple(found) for kind, found in parts.items()},
        count=len(axes),
    )
