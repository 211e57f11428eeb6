"""What a viewer asks for while somebody looks at an image: screens of tiles, and whole planes."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

TILE = 512
COLUMNS, ROWS = 4, 3
_COLORS = ("FF0000", "00FF00", "0000FF")


@dataclass(frozen=True)
class Pyramid:
    """A pyramid of three channels: its id, and its width and height in tiles at each level."""

    image_id: int
    levels: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Stack:
    """A stack: its id, and its number of z-sections."""

    image_id: int
    size_z: int


@dataclass(frozen=True)
class _View:
    level: int
    column: int
    row: int
    start: int = 0


@dataclass
class Looker:
    """Somebody who pans, zooms, moves a slider and scrolls through z at random, but repeatably."""

    pyramid: Pyramid
    stack: Stack
    seed: int
    _chance: random.Random = field(init=False)
    _view: _View = field(init=False)
    _z: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._view = _View(len(self.pyramid.levels) - 1, 0, 0)

    def steps(self) -> Iterator[tuple[str, list[str]]]:
        """Give what is done and the paths to ask for, without end."""
        while True:
            for kind in ("zoom", "pan", "pan", "pan", "slider", "slider", "z-scroll", "z-scroll"):
                yield kind, self._step(kind)

    def _step(self, kind: str) -> list[str]:
        if kind == "z-scroll":
            self._z = (self._z + 1) % self.stack.size_z
            return [self._plane()]
        before = set(self._tiles()) if kind == "pan" else set()
        self._view = getattr(self, f"_{kind}")()
        # What is on the screen already is not asked for.
        return [path for path in self._tiles() if path not in before]

    def _zoom(self) -> _View:
        level = self._chance.randrange(len(self.pyramid.levels))
        width, height = self.pyramid.levels[level]
        column = self._chance.randrange(max(1, width - COLUMNS + 1))
        row = self._chance.randrange(max(1, height - ROWS + 1))
        return replace(self._view, level=level, column=column, row=row)

    def _pan(self) -> _View:
        width, _ = self.pyramid.levels[self._view.level]
        column = (self._view.column + 1) % max(1, width - COLUMNS + 1)
        return replace(self._view, column=column)

    def _slider(self) -> _View:
        return replace(self._view, start=self._chance.randrange(1, 1_000_000))

    def _tiles(self) -> list[str]:
        view = self._view
        width, height = self.pyramid.levels[view.level]
        return [
            f"/webgateway/render_image_region/{self.pyramid.image_id}/0/0/"
            f"?tile={view.level},{column},{row},{TILE},{TILE}&{self._settings()}"
            for row in range(view.row, min(height, view.row + ROWS))
            for column in range(view.column, min(width, view.column + COLUMNS))
        ]

    def _plane(self) -> str:
        return f"/webgateway/render_image/{self.stack.image_id}/{self._z}/0/?q=0.9"

    def _settings(self) -> str:
        start = self._view.start / 10_000
        channels = (f"{c + 1}|{start}:1500${color}" for c, color in enumerate(_COLORS))
        return f"c={','.join(channels)}&m=c&q=0.9"
