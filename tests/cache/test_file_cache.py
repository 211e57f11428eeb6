import os
import sqlite3
import time

import pytest

from cache.bytes_disk import BytesDisk, ForeignEntry
from cache.file_cache import FileCache
from cache.lru_store import CHORES_AFTER_S


@pytest.fixture
def make_cache(tmp_path):
    caches = []

    def make(directory=None, **options):
        cache = FileCache(directory or tmp_path / "cache", **options)
        caches.append(cache)
        return cache

    yield make
    for cache in caches:
        cache.close()


def files_in(folder):
    return list(folder.glob("*/*.val"))


@pytest.mark.parametrize("length", [0, 1, 1000, 64 * 1024 - 1, 64 * 1024, 300_000])
def test_bytes_come_back_as_they_were_stored(make_cache, length):
    cache = make_cache()
    value = bytes(range(256)) * (length // 256 + 1)
    assert cache.set("a", value[:length])
    assert cache.get("a") == value[:length]
    assert cache.get("b") is None


def test_entries_outlive_the_process_that_stored_them(make_cache):
    first = make_cache()
    first.set("small", b"x" * 10)
    first.set("large", b"y" * 100_000)
    first.close()
    second = make_cache()
    assert second.get("small") == b"x" * 10
    assert second.get("large") == b"y" * 100_000


def test_a_new_value_replaces_the_old_one_and_its_file(make_cache, tmp_path):
    cache = make_cache()
    cache.set("a", b"1" * 100_000)
    cache.set("a", b"2" * 100_000)
    assert cache.get("a") == b"2" * 100_000
    assert len(files_in(tmp_path)) <= 1
    assert len(files_in(tmp_path / "cache")) == 1
    cache.set("a", b"3")
    assert files_in(tmp_path / "cache") == []
    assert cache.stats().entries == 1


@pytest.mark.parametrize("value", ["text", bytearray(b"x"), memoryview(b"x"), None, 1, {"a": 1}])
def test_only_bytes_are_taken(make_cache, value):
    with pytest.raises(TypeError, match="must be bytes"):
        make_cache().set("a", value)
    with pytest.raises(TypeError, match="must be bytes"):
        make_cache().set_many([("a", value)])


@pytest.mark.parametrize("key", [b"bytes", 1, None, ("a",), ""])
def test_only_text_is_a_key(make_cache, key):
    cache = make_cache()
    with pytest.raises(TypeError, match="must be non-empty text"):
        cache.set(key, b"x")
    with pytest.raises(TypeError, match="must be non-empty text"):
        cache.get(key)


def test_an_entry_expires(make_cache):
    cache = make_cache(timeout_s=60)
    cache.set("short", b"x", timeout_s=0.05)
    cache.set("long", b"x")
    time.sleep(0.06)
    assert cache.get("short") is None
    assert "short" not in cache
    assert cache.get("long") == b"x"


def test_expired_entries_make_room_before_others_go(make_cache):
    cache = make_cache(max_entries=2)
    cache.set("old", b"x")
    cache.set("brief", b"x", timeout_s=0.01)
    time.sleep(0.02)
    cache.set("new", b"x")
    assert cache.get("old") == b"x"
    assert cache.get("new") == b"x"


def test_what_was_read_last_goes_last(make_cache):
    cache = make_cache(max_entries=3)
    for key in "abc":
        cache.set(key, b"x")
    assert cache.get("a") == b"x"
    cache.set("d", b"x")
    assert [key for key in "abcd" if key in cache] == ["a", "c", "d"]
    assert cache.stats().evictions == 1


def test_a_large_value_displaces_as_many_small_ones_as_it_takes(make_cache):
    cache = make_cache(max_bytes=1_000_000)
    for number in range(300):
        cache.set(str(number), b"x" * 1000)
    assert cache.set("large", b"x" * 900_000)
    stats = cache.stats()
    assert stats.size_bytes <= 1_000_000
    assert "299" in cache
    assert "0" not in cache


def test_a_value_larger_than_the_cache_is_not_kept_and_neither_is_the_old_one(make_cache):
    cache = make_cache(max_bytes=100_000)
    cache.set("other", b"x")
    cache.set("a", b"old")
    assert not cache.set("a", b"x" * 200_000)
    assert cache.get("a") is None
    assert cache.get("other") == b"x"
    assert cache.stats().refused == 1


@pytest.mark.parametrize("bounds", [{"max_bytes": 0}, {"max_entries": 0}])
def test_a_bound_of_nothing_keeps_nothing(make_cache, bounds):
    cache = make_cache(**bounds)
    assert not cache.set("a", b"")
    assert cache.get("a") is None


def test_the_folder_takes_about_what_the_bound_says(make_cache, tmp_path):
    cache = make_cache(max_bytes=8_000_000)
    for number in range(1500):
        cache.set(str(number), bytes([number % 256]) * (200 + 61 * number))

    def taken():
        return sum(path.stat().st_blocks * 512 for path in tmp_path.rglob("*") if path.is_file())

    until = time.monotonic() + 20
    while taken() > 20_000_000 and time.monotonic() < until:
        cache.set("another", b"x")
        time.sleep(0.05)
    assert 6_000_000 < taken() < 20_000_000


def test_add_keeps_what_is_there_until_it_expires(make_cache):
    cache = make_cache()
    assert cache.add("a", b"first", timeout_s=0.05)
    assert not cache.add("a", b"second" * 20_000)
    assert cache.get("a") == b"first"
    time.sleep(0.06)
    assert cache.add("a", b"third")
    assert cache.get("a") == b"third"


def test_delete_forgets_one_a_subtree_or_all(make_cache, tmp_path):
    cache = make_cache(inline_below_bytes=0)
    for key in ("img/1", "img/1/a", "img/1/b/c", "img/10/a", "img/1.a", "img/2/a", "thumb/1"):
        cache.set(key, b"x")
    assert cache.delete("img/2/a") == 1
    assert cache.delete("img/2/a") == 0
    assert cache.delete("img/1") == 3
    assert [key for key in ("img/10/a", "img/1.a", "thumb/1") if cache.has_key(key)] == [
        "img/10/a",
        "img/1.a",
        "thumb/1",
    ]
    assert cache.wipe() == 3
    assert cache.stats().size_bytes == 0
    assert files_in(tmp_path / "cache") == []


@pytest.mark.parametrize("key", ["/a", "a/../b", ".."])
def test_a_key_that_is_no_path_below_the_cache_is_refused(make_cache, key):
    cache = make_cache()
    for use in (cache.get, cache.has_key, cache.delete, lambda key: cache.set(key, b"x")):
        with pytest.raises(ValueError, match="path below the cache"):
            use(key)


def test_several_values_are_kept_in_one_step_and_the_last_is_the_latest(make_cache):
    cache = make_cache(max_entries=3)
    cache.set("a", b"old")
    assert cache.set_many([("b", b"1"), ("a", b"2"), ("c", b"x" * 100_000)]) == 3
    cache.set("d", b"3")
    assert [cache.get(key) for key in "abcd"] == [b"2", None, b"x" * 100_000, b"3"]
    stats = cache.stats()
    assert (stats.stored, stats.evictions, stats.entries) == (5, 1, 3)


def test_a_value_that_is_too_large_does_not_keep_the_others_of_its_step_out(make_cache, tmp_path):
    cache = make_cache(max_bytes=300_000)
    cache.set("b", b"old")
    assert cache.set_many([("a", b"x"), ("b", bytes(400_000)), ("c", bytes(100_000))]) == 2
    assert [key in cache for key in "abc"] == [True, False, True]
    assert len(files_in(tmp_path / "cache")) == 1


def test_expired_entries_are_purged_at_once_or_when_asking_whether_it_is_full(make_cache):
    cache = make_cache(max_entries=20)
    for number in range(20):
        cache.set(str(number), b"x", timeout_s=0.05 if number < 12 else 100)
    assert cache.is_full()
    time.sleep(0.06)
    assert cache.stats().entries == 20
    # It has just been purged; whoever asks again so soon does not pay for it once more.
    assert cache.is_full()
    assert cache.purge() == 12
    assert not cache.is_full()
    assert cache.stats().entries == 8


def test_more_expired_entries_than_are_cleared_at_a_time_go_before_others(make_cache):
    cache = make_cache(max_bytes=100_000)
    cache.set("kept", b"x")
    for number in range(30):
        cache.set(str(number), bytes(2000), timeout_s=0.2)
    time.sleep(0.21)
    cache.set("large", bytes(90_000))
    assert cache.get("kept") == b"x"


def test_bounds_and_timeout_can_be_changed_at_any_time(make_cache):
    cache = make_cache()
    for key in "abcdef":
        cache.set(key, b"x")
    cache.max_entries, cache.timeout_s = 3, 0.05
    cache.set("g", b"x")
    assert [key for key in "abcdefg" if key in cache] == ["e", "f", "g"]
    time.sleep(0.06)
    assert cache.get("g") is None
    cache.max_bytes = 600
    cache.set("h", b"x", timeout_s=60)
    assert cache.stats().entries == 1
    assert (cache.max_bytes, cache.max_entries) == (600, 3)


def test_reads_of_one_process_count_for_the_eviction_by_another(make_cache):
    reader, writer = make_cache(max_entries=3), make_cache(max_entries=3)
    for key in "abc":
        writer.set(key, b"x")
    reader.get("a")
    until = time.monotonic() + 5
    store = sqlite3.connect(reader._directory / "cache.db")
    latest = "SELECT key FROM Cache ORDER BY access_time DESC LIMIT 1"
    while store.execute(latest).fetchone() != ("a",) and time.monotonic() < until:
        time.sleep(CHORES_AFTER_S)
    store.close()
    writer.set("d", b"x")
    assert "a" in writer
    assert "b" not in writer


def test_jitter_spreads_the_moments_of_expiry(make_cache, tmp_path):
    cache = make_cache(timeout_s=1000, jitter=0.2)
    for number in range(50):
        cache.set(str(number), b"x")
    store = sqlite3.connect(tmp_path / "cache" / "cache.db")
    spans = [row[0] for row in store.execute("SELECT expire_time - store_time FROM Cache")]
    store.close()
    assert min(spans) >= 999.9
    assert max(spans) <= 1200.1
    assert max(spans) - min(spans) > 50


def test_files_left_by_a_killed_process_are_swept(make_cache, tmp_path):
    cache = make_cache(inline_below_bytes=0)
    hasty = make_cache(orphan_after_s=-1)
    cache.set("a", b"kept")
    name, _ = BytesDisk(str(tmp_path / "cache")).filename()
    (tmp_path / "cache" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "cache" / name).write_bytes(b"left behind")
    assert cache.sweep() == 0
    assert hasty.sweep() == 1
    assert cache.get("a") == b"kept"


def test_a_value_whose_file_is_gone_or_cut_short_is_not_served(make_cache, tmp_path):
    cache = make_cache(inline_below_bytes=0)
    cache.set("gone", b"x" * 100)
    files_in(tmp_path / "cache")[0].unlink()
    cache.set("short", b"x" * 100)
    files_in(tmp_path / "cache")[0].write_bytes(b"x" * 99)
    assert cache.get("gone") is None
    assert cache.get("short") is None
    assert cache.set("short", b"new")
    assert cache.get("short") == b"new"


def test_a_disk_refuses_other_things_by_itself(tmp_path):
    disk = BytesDisk(str(tmp_path), min_file_size=10)
    with pytest.raises(TypeError):
        disk.store("text", False)
    with pytest.raises(TypeError):
        disk.put(b"bytes")
    with pytest.raises(ForeignEntry):
        disk.get(b"\x80\x04.", False)
    with pytest.raises(ForeignEntry):
        disk.fetch(4, None, b"\x80\x04.", False)
    with pytest.raises(ForeignEntry):
        disk.fetch(2, "../secret.val", None, False)


@pytest.mark.parametrize("group_reads", [True, False])
@pytest.mark.parametrize("umask", [0o077, 0o022])
def test_the_group_reads_the_files_where_it_may_whatever_the_umask(tmp_path, group_reads, umask):
    before = os.umask(umask)
    try:
        cache = FileCache(tmp_path / "cache", group_reads=group_reads)
        cache.set("a", bytes(200_000))
        path = tmp_path / "cache" / cache.path_of("a")
        cache.close()
    finally:
        os.umask(before)
    modes = [place.stat().st_mode & 0o777 for place in (tmp_path / "cache", path.parent, path)]
    assert modes == ([0o750, 0o750, 0o640] if group_reads else [0o700, 0o700, 0o600])
