"""What a process remembers, how much of it and how long."""

import time

from app.operations.memory import RecentMemory


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
