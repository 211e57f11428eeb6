"""Pictures in tiers and groups: where they are found, what goes together, what is told of them."""

import threading
import time

import pytest

from app.pictures import GROUPS, PictureKey, PictureStore, open_pictures
from app.settings import SettingsError, load_settings
from cache.file_cache import FileCache
from cache.flight import FlightTimeout
from cache.turns import Turns
from cache.write_behind import WriteBehind
from tests.support.servers import start_redis

WAIT_S = 20


@pytest.fixture
def make_store(tmp_path):
    stores = []

    def make(memory_max_bytes=1000, source="omero:a:4064"):
        disks = {group: FileCache(tmp_path / group) for group in GROUPS}
        behind, turns = WriteBehind(10**6), Turns(tmp_path / "turns")
        stores.append(PictureStore(source, memory_max_bytes, disks, behind, turns))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


def kept(store, *keys):
    assert store.flush(WAIT_S)
    return [store.get(key) for key in keys]


def entries(store):
    return {f.cache: f.entries for f in store.figures() if f.tier == "disk"}


def test_hot_pictures_are_given_from_memory_and_all_survive_on_disk(make_store):
    store = make_store()
    small, large = PictureKey(1, "a" * 32), PictureKey(1, "b" * 32)
    store.set(small, b"x" * 100)
    store.set(large, b"y" * 500)
    # Too large for memory, and perhaps not written yet: it is found all the same.
    assert store.get(large) == b"y" * 500
    assert kept(store, small, large) == [b"x" * 100, b"y" * 500]
    memory, images = store.figures()[:2]
    assert (memory.tier, memory.entries, memory.size_bytes) == ("memory", 1, 100)
    assert (images.tier, images.cache, images.entries, images.stored) == ("disk", "images", 2, 2)
    assert images.is_shared and not memory.is_shared
    assert store.get(PictureKey(1, "c" * 32)) is None


def test_another_process_finds_what_one_has_written_and_keeps_it_hot(make_store):
    writer, reader = make_store(), make_store()
    key = PictureKey(1, "a" * 32)
    written = []
    writer.set(key, b"x", lambda: written.append(reader.get(key)))
    assert writer.flush(WAIT_S)
    assert written == [b"x"]
    writer.clear()
    assert writer.get(key) is None
    assert reader.get(key) == b"x"


def test_what_belongs_to_an_image_goes_together_and_nothing_else(make_store):
    store, other = make_store(), make_store(source="omero:b:4064")
    for image_id in (1, 10, 10001):
        for group in GROUPS:
            store.set(PictureKey(image_id, f"{image_id}{group}", group), b"x")
    other.set(PictureKey(1, "of another server"), b"x")
    assert store.flush(WAIT_S) and other.flush(WAIT_S)
    assert store.clear(["images"], 1) == 1
    assert entries(store) == {"images": 3, "thumbnails": 3, "json": 3}
    assert store.clear(image_id=1) == 2
    assert store.clear(image_id=10001) == 3
    assert entries(store) == {"images": 2, "thumbnails": 1, "json": 1}
    assert other.get(PictureKey(1, "of another server")) == b"x"
    assert store.clear(["thumbnails"]) == 1
    assert store.clear() == 3


def test_groups_have_bounds_of_their_own(tmp_path):
    settings = load_settings(
        env_file=None,
        cache_dir=tmp_path,
        cache_max_bytes=20_000,
        cache_thumbnails_max_bytes=10_000,
        cache_json_max_bytes=0,
        hot_pictures_max_bytes=0,
    )
    store = open_pictures(settings, "a")
    thumbnail = PictureKey(1, "first", "thumbnails")
    store.set(thumbnail, b"x" * 1000)
    answered = []
    store.set(PictureKey(1, "answer", "json"), b"{}", lambda: answered.append(1))
    assert answered == [1]
    for number in range(50):
        store.set(PictureKey(1, f"{number}"), bytes(1000))
    assert kept(store, thumbnail, PictureKey(1, "0"), PictureKey(1, "answer", "json")) == [
        b"x" * 1000,
        None,
        None,
    ]
    figures = {f.cache: f for f in store.figures()}
    assert figures["images"].size_bytes <= figures["images"].max_bytes == 20_000
    assert figures["images"].evictions > 0
    assert figures["thumbnails"].max_bytes == 10_000
    assert "json" not in figures
    store.close()


def test_one_process_makes_what_several_want_and_the_others_read_it(make_store):
    first, second = make_store(), make_store()
    key = PictureKey(1, "a" * 32)
    begun, may_end, got = threading.Event(), threading.Event(), []

    def produce():
        begun.set()
        assert may_end.wait(WAIT_S)
        return b"made once"

    def never():
        raise AssertionError("the other one is making it")

    maker = threading.Thread(target=lambda: first.make(key, produce, WAIT_S))
    maker.start()
    assert begun.wait(WAIT_S)
    waiter = threading.Thread(target=lambda: got.append(second.make(key, never, WAIT_S)))
    waiter.start()
    with pytest.raises(FlightTimeout):
        second.make(key, never, 0.05)
    assert second.make(PictureKey(1, "b" * 32), lambda: b"another", 1) == b"another"
    may_end.set()
    maker.join()
    waiter.join()
    assert got == [b"made once"]


def test_the_next_one_makes_it_when_the_first_one_fails(make_store):
    first, second = make_store(), make_store()
    key = PictureKey(1, "a" * 32)
    with pytest.raises(ZeroDivisionError):
        first.make(key, lambda: 1 // 0, 1)
    assert second.make(key, lambda: b"x", 1) == b"x"


def test_what_cannot_be_shared_is_made_by_each_at_once(make_store, tmp_path):
    first, second = make_store(), make_store()
    key = PictureKey(1, "a" * 32)
    for store in (first, second):
        store._disks["images"].close()

    def nested():
        return second.make(key, lambda: b"x", 0)

    assert first.make(key, nested, 0) == b"x"


def test_hosts_share_pictures_through_redis_and_keep_them_in_their_own_files(tmp_path):
    with start_redis(tmp_path) as (port, redis):
        first, second = (
            open_pictures(
                load_settings(
                    env_file=None,
                    cache_dir=tmp_path / host,
                    cache_redis_url=f"redis://127.0.0.1:{port}/1",
                ),
                "omero:a:4064",
            )
            for host in ("first", "second")
        )
        key = PictureKey(7, "a" * 32)
        first.set(key, b"picture")
        until = time.monotonic() + WAIT_S
        while second.get(key) is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert kept(second, key) == [b"picture"]
        assert entries(second)["images"] == 1
        (figures,) = (f for f in second.figures() if f.tier == "redis")
        assert figures.usable and figures.hits == 1
        assert first.clear(image_id=7) == 2
        assert first.get(key) is None
        redis.kill()
        redis.wait()
        assert second.get(key) == b"picture"
        assert second.get(PictureKey(7, "b" * 32)) is None
        assert not next(f for f in second.figures() if f.tier == "redis").usable
        first.close()
        second.close()


def test_a_redis_url_of_another_kind_is_refused_without_being_shown():
    with pytest.raises(SettingsError) as refused:
        load_settings(env_file=None, cache_redis_url="http://user:secret@host")
    assert "should begin with redis://" in str(refused.value)
    assert "secret" not in str(refused.value)
