"""What a process remembers, how much of it and how long."""

import time

from app.memory import RecentMemory
from app.pictures import PictureStore
from cache.file_cache import FileCache


def test_the_one_not_asked_for_longest_is_dropped_first():
    memory: RecentMemory[int] = RecentMemory(2)
    memory.set("a", 1)
    memory.set("b", 2)
    assert memory.get("a") == 1
    memory.set("c", 3)
    assert [memory.get(key) for key in "abc"] == [1, None, 3]
    memory.forget("a")
    assert memory.get("a") is None


def test_nothing_is_believed_for_longer_than_its_age():
    memory: RecentMemory[int] = RecentMemory(2, max_age_s=0.05)
    memory.set("a", 1)
    assert memory.get("a") == 1
    time.sleep(0.06)
    assert memory.get("a") is None
    never: RecentMemory[int] = RecentMemory(2, max_age_s=0)
    never.set("a", 1)
    assert never.get("a") is None


def test_hot_pictures_are_given_from_memory_and_all_survive_on_disk(tmp_path):
    disk = FileCache(tmp_path)
    store = PictureStore(1000, disk)
    store.set("small", b"x" * 100)
    store.set("large", b"y" * 500)
    disk.delete("small")
    assert store.get("small") == b"x" * 100
    assert store.get("large") == b"y" * 500
    disk.delete("large")
    assert store.get("large") is None
    assert store.get("never") is None
    store.close()


def test_a_picture_read_from_disk_becomes_hot(tmp_path):
    disk = FileCache(tmp_path)
    disk.set("a", b"x")
    store = PictureStore(1000, disk)
    assert store.get("a") == b"x"
    disk.delete("a")
    assert store.get("a") == b"x"
    store.close()
