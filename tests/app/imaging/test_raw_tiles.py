"""Raw planes in two tiers."""

import numpy as np
import pytest

from app.imaging.raw_tiles import RawTiles
from cache.shared_memory import SharedMemory


@pytest.fixture
def shared():
    memory = SharedMemory(8 * 1024**2)
    yield memory
    memory.close()


@pytest.mark.parametrize("dtype", ["u1", ">u2", ">i4", ">f4", ">f8"])
def test_another_worker_finds_the_same_array(shared, dtype):
    first, second = RawTiles(10**6, shared), RawTiles(10**6, shared)
    array = np.arange(35, dtype=dtype).reshape(5, 7)
    first.set_many([(("a", 1), array)])
    found = second.get(("a", 1))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert not found.flags.writeable
    assert second.get(("a", 1)) is found
    assert second.get(("a", 2)) is None
    memory, host = second.figures()
    assert (memory.tier, memory.entries, memory.hits) == ("memory", 1, 1)
    assert (host.tier, host.entries, host.hits, host.misses) == ("host", 1, 1, 1)


def test_a_part_of_an_array_is_kept_as_such(shared):
    first, second = RawTiles(10**6, shared), RawTiles(10**6, shared)
    part = np.arange(100, dtype=">u2").reshape(10, 10)[2:5, 1:8:2]
    first.set_many([("a", part)])
    np.testing.assert_array_equal(second.get("a"), part)


def test_planes_of_two_servers_are_not_mixed_up(shared):
    first, second = RawTiles(10**6, shared, "a"), RawTiles(10**6, shared, "b")
    first.set_many([((1, 2), np.ones((2, 2), "u1"))])
    assert second.get((1, 2)) is None


def test_without_shared_memory_there_is_one_tier():
    tiles = RawTiles(10**6)
    tiles.set_many([("a", np.ones((2, 2), "u1"))])
    assert tiles.get("a").sum() == 4
    assert [figures.tier for figures in tiles.figures()] == ["memory"]
