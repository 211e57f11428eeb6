import threading

import pytest

from cache.memory import MemoryCache


def test_what_was_used_last_goes_last():
    cache = MemoryCache(max_bytes=30)
    for key in "abc":
        cache.set(key, key.upper(), 10)
    assert cache.get("a") == "A"
    cache.set("d", "D", 10)
    assert [cache.get(key) for key in "abcd"] == ["A", None, "C", "D"]
    assert cache.stats().evictions == 1


def test_nothing_larger_than_the_bound_is_kept():
    cache = MemoryCache(max_bytes=30)
    cache.set("a", "A", 10)
    assert not cache.set("b", "B", 31)
    assert not cache.set("a", "new", 31)
    assert cache.get("a") is None
    assert cache.stats().size_bytes == 0


def test_a_bound_of_nothing_keeps_nothing():
    assert not MemoryCache(max_bytes=0).set("a", "A", 0)
    assert not MemoryCache(max_bytes=10, max_entries=0).set("a", "A", 1)


def test_entries_are_bounded_as_bytes_are():
    cache = MemoryCache(max_bytes=30, max_entries=2)
    for key in "abc":
        assert cache.set(key, key, 1)
    assert [cache.peek(key) for key in "abc"] == [None, "b", "c"]


def test_looking_counts_as_no_use():
    cache = MemoryCache(max_bytes=2)
    cache.set("a", "A", 1)
    cache.set("b", "B", 1)
    assert cache.peek("a") == "A"
    cache.set("c", "C", 1)
    assert [cache.get(key) for key in "abc"] == [None, "B", "C"]
    stats = cache.stats()
    assert (stats.hits, stats.misses, stats.entries, stats.size_bytes) == (2, 1, 2, 2)


def test_all_is_forgotten_at_once():
    cache = MemoryCache(max_bytes=30)
    cache.set("a", "A", 20)
    cache.clear()
    assert cache.peek("a") is None
    assert cache.stats().size_bytes == 0
    assert cache.set("b", "B", 30)


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="negative"):
        MemoryCache(max_bytes=10).set("a", "A", -1)


def test_threads_keep_the_account_right():
    cache = MemoryCache(max_bytes=500)

    def work(seed):
        for number in range(3000):
            key = (number * 7 + seed) % 40
            if cache.get(key) is None:
                cache.set(key, key, 10 + key)
            if number % 11 == 0:
                cache.delete((key + 1) % 40)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = sum(10 + key for key in range(40) if cache.get(key) is not None)
    assert cache.stats().size_bytes == held <= 500
