"""Cutting large regions into pieces."""

from hypothesis import given
from hypothesis import strategies as st

from render.blitz.reading import split_region
from render.values import Region


def test_a_region_that_fits_is_not_cut() -> None:
    region = Region(3, 4, 100, 50)
    assert split_region(region, 2, 10_000, 16) == [region]


def test_pieces_are_bands_of_whole_tile_rows() -> None:
    pieces = split_region(Region(0, 0, 1000, 1000), 1, 300_000, 256)
    assert [(piece.y, piece.height) for piece in pieces] == [
        (0, 256), (256, 256), (512, 256), (768, 232)
    ]  # fmt: skip


@given(
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([1, 2, 4, 8]),
    st.integers(8, 3000),
    st.integers(0, 64),
)
def test_pieces_cover_the_region_once_and_fit(
    x: int, y: int, width: int, height: int, pixel_bytes: int, most_bytes: int, tile_height: int
) -> None:
    pieces = split_region(Region(x, y, width, height), pixel_bytes, most_bytes, tile_height)
    covered = [
        (column, row)
        for piece in pieces
        for row in range(piece.y, piece.y + piece.height)
        for column in range(piece.x, piece.x + piece.width)
    ]
    assert sorted(covered) == [
        (column, row) for column in range(x, x + width) for row in range(y, y + height)
    ]
    assert all(piece.width * piece.height * pixel_bytes <= most_bytes for piece in pieces)
