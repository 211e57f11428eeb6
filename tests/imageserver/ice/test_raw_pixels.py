"""RawPixelsStore over real sockets: every byte is compared with what the files were made of."""

import contextlib
import hashlib
from types import SimpleNamespace
from typing import Any

import Ice
import numpy as np
import pytest

from imageserver.services.raw_pixels import RawPixelsStore
from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn
from tests.imageserver.ice.images import BROKEN, PICTURE, PYRAMID, STACK, Folder


def as_array(data: bytes, like: np.ndarray, *shape: int) -> np.ndarray:
    return np.frombuffer(data, like.dtype.newbyteorder(">")).reshape(shape)


def test_tiles_of_every_level_are_those_of_the_file(each_client: LoggedIn, folder: Folder) -> None:
    store = each_client.open_pixels(PYRAMID)
    levels = folder.levels[PYRAMID]
    descriptions = store.getResolutionDescriptions()
    assert [(d.sizeX, d.sizeY) for d in descriptions] == [v.shape[:-3:-1] for v in levels]
    assert store.getResolutionLevels() == len(levels)
    # A new store is at full size, which OMERO gives the highest number.
    assert store.getResolutionLevel() == len(levels) - 1
    for number, level in enumerate(levels):
        store.setResolutionLevel(len(levels) - 1 - number)
        height, width = level.shape[-2:]
        x, y = width - 101, height - 53
        for c in range(3):
            expected = level[0, c, 0, y:, x:]
            tile = as_array(store.getTile(0, c, 0, x, y, 101, 53), level, 53, 101)
            assert np.array_equal(tile, expected)
    store.close()


@pytest.mark.parametrize("name", [PYRAMID, STACK, PICTURE])
def test_planes_rows_and_columns_agree_with_the_file(
    client: LoggedIn, folder: Folder, name: str
) -> None:
    [pixels, *_] = folder.levels[name]
    store = client.open_pixels(name)
    t, c, z = (size - 1 for size in pixels.shape[:3])
    plane = pixels[t, c, z]
    height, width = plane.shape
    assert np.array_equal(as_array(store.getPlane(z, c, t), pixels, height, width), plane)
    assert np.array_equal(as_array(store.getRow(7, z, c, t), pixels, width), plane[7])
    assert np.array_equal(as_array(store.getCol(9, z, c, t), pixels, height), plane[:, 9])
    stack = as_array(store.getStack(c, t), pixels, *pixels.shape[2:])
    assert np.array_equal(stack, pixels[t, c])
    timepoint = as_array(store.getTimepoint(t), pixels, *pixels.shape[1:])
    assert np.array_equal(timepoint, pixels[t])
    store.close()


def test_a_hypercube_steps_along_all_five_axes(client: LoggedIn, folder: Folder) -> None:
    [pixels] = folder.levels[STACK]
    store = client.open_pixels(STACK)
    cube = store.getHypercube([3, 2, 0, 1, 1], [40, 20, 3, 1, 3], [7, 3, 2, 1, 2])
    expected = pixels[1:4:2, 1:2, 0:3:2, 2:22:3, 3:43:7]
    assert np.array_equal(as_array(cube, pixels, *expected.shape), expected)
    store.close()


def test_steps_do_not_let_a_hypercube_read_more_than_a_reply_may_be() -> None:
    asked: list[tuple[int, ...]] = []

    def read(*place: int) -> np.ndarray:
        asked.append(place)
        return np.zeros((place[-1], place[-2]), np.uint16)

    context: Any = SimpleNamespace(
        settings=SimpleNamespace(max_reply_bytes=2 * 300 * 10), executor=None
    )
    opened: Any = SimpleNamespace(
        image=SimpleNamespace(size_z=1, size_c=1, size_t=1),
        buffer=SimpleNamespace(read=read),
        size=(300, 11),
        level=0,
        bytes_per_pixel=2,
    )
    store = RawPixelsStore(context, "store")
    with pytest.raises(omero.ApiUsageException, match="at once"):
        store._read_cube(opened, [0] * 5, [300, 11, 1, 1, 1], [100, 11, 1, 1, 1])
    assert asked == []
    assert len(store._read_cube(opened, [0] * 5, [300, 10, 1, 1, 1], [100, 5, 1, 1, 1])) == 12


def test_sizes_and_offsets_describe_the_layout(client: LoggedIn, folder: Folder) -> None:
    [pixels] = folder.levels[STACK]
    sizes_t, sizes_c, sizes_z, height, width = pixels.shape
    store = client.open_pixels(STACK)
    assert (store.getByteWidth(), store.isSigned(), store.isFloat()) == (2, True, False)
    plane = width * height * 2
    assert store.getRowSize() == width * 2
    assert store.getPlaneSize() == plane
    assert store.getStackSize() == plane * sizes_z
    assert store.getTimepointSize() == plane * sizes_z * sizes_c
    assert store.getTotalSize() == pixels.nbytes
    assert store.getRowOffset(5, 2, 1, 3) == pixels[:3].nbytes + plane * (3 + 2) + 5 * width * 2
    assert store.getPlaneOffset(2, 1, 3) == pixels[:3].nbytes + plane * (3 + 2)
    assert sizes_t == 4
    assert not store.requiresPixelsPyramid()
    digest = hashlib.sha1(pixels.astype(">i2").tobytes()).digest()
    assert store.calculateMessageDigest() == digest
    store.close()


def test_histogram_and_extremes_count_what_is_there(client: LoggedIn, folder: Folder) -> None:
    [full, *_] = folder.levels[PYRAMID]
    store = client.open_pixels(PYRAMID)
    extremes = store.findMinMax([0, 2])
    assert extremes == {c: [float(full[0, c].min()), float(full[0, c].max())] for c in (0, 2)}
    counts = store.getHistogram([1], 16, False, omero.romio.PlaneDef(z=0, t=0))
    expected, _ = np.histogram(full[0, 1, 0], 16)
    assert counts == {1: expected.tolist()}
    region = omero.romio.RegionDef(x=10, y=20, width=30, height=40)
    counts = store.getHistogram([1], 4, True, omero.romio.PlaneDef(z=0, t=0, region=region))
    assert sum(counts[1]) == 30 * 40
    assert store.getHistogram([1, 1], 1, False, omero.romio.PlaneDef(z=0, t=0)) == {1: [700 * 900]}
    for bins in (0, 1 << 17):
        with pytest.raises(omero.ApiUsageException, match="bins"):
            store.getHistogram([1], bins, False, omero.romio.PlaneDef(z=0, t=0))
    store.close()


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 0, 0, 0, 0, 901, 1),
        (0, 0, 0, 0, 0, 1, 701),
        (0, 0, 0, -1, 0, 5, 5),
        (0, 0, 0, 0, 0, 0, 5),
        (1, 0, 0, 0, 0, 5, 5),
        (0, 3, 0, 0, 0, 5, 5),
        (0, 0, -1, 0, 0, 5, 5),
    ],
)
def test_a_tile_outside_is_refused(client: LoggedIn, arguments: tuple[int, ...]) -> None:
    store = client.open_pixels(PYRAMID)
    with pytest.raises(omero.ApiUsageException) as refusal:
        store.getTile(*arguments)
    assert refusal.value.message.endswith(".")
    store.close()


def test_wrong_ids_levels_and_order_are_named(client: LoggedIn) -> None:
    store = client.factory.createRawPixelsStore()
    with pytest.raises(omero.ApiUsageException, match="setPixelsId"):
        store.getPlane(0, 0, 0)
    with pytest.raises(omero.ValidationException):
        store.setPixelsId(987654, False)
    store.setPixelsId(client.pixels_id(PYRAMID), False)
    for level in (-1, 3):
        with pytest.raises(omero.ApiUsageException, match="0 to 2"):
            store.setResolutionLevel(level)
    with pytest.raises(omero.SecurityViolation):
        store.setPlane(b"", 0, 0, 0)
    store.close()


def test_choosing_the_same_pixels_again_keeps_the_level(client: LoggedIn) -> None:
    store = client.open_pixels(PYRAMID)
    store.setResolutionLevel(0)
    store.setPixelsId(store.getPixelsId(), False)
    assert store.getResolutionLevel() == 0
    store.setPixelsId(client.pixels_id(STACK), False)
    store.setPixelsId(client.pixels_id(PYRAMID), False)
    assert store.getResolutionLevel() == 2
    store.close()


def test_an_unreadable_image_is_listed_but_has_no_pixels(client: LoggedIn) -> None:
    image_id = client.image_id(BROKEN)
    assert client.rows("select p.id from Pixels p where p.image.id = :id", id=image_id) == []


def test_calls_that_overlap_on_one_store_do_not_mix(client: LoggedIn, folder: Folder) -> None:
    [full, *_] = folder.levels[PYRAMID]
    store = client.open_pixels(PYRAMID)
    places = [(c, x, y) for c in range(3) for x in range(0, 800, 100) for y in range(0, 600, 100)]
    futures = [store.getTileAsync(0, c, 0, x, y, 100, 100) for c, x, y in places]
    for future, (c, x, y) in zip(futures, places, strict=True):
        tile = as_array(future.result(), full, 100, 100)
        assert np.array_equal(tile, full[0, c, 0, y : y + 100, x : x + 100])
    store.close()


def test_a_closed_store_is_gone(each_client: LoggedIn) -> None:
    store = each_client.open_pixels(STACK)
    store.close()
    with pytest.raises(Ice.ObjectNotExistException):
        store.getPlane(0, 0, 0)


def test_closing_while_calls_wait_lets_them_end(client: LoggedIn) -> None:
    store = client.open_pixels(PYRAMID)
    pending = [store.getPlaneAsync(0, 0, 0) for _ in range(20)]
    store.close()
    for future in pending:
        # Each was either answered before the store closed or told that it is closed.
        with contextlib.suppress(omero.ApiUsageException, Ice.ObjectNotExistException):
            assert len(future.result()) == 900 * 700 * 2
