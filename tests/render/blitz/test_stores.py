"""Pixels stores: levels, bounds, leaks, faults. Runs with and without gevent."""

import threading
import time
from collections.abc import Callable
from unittest.mock import Mock

import numpy as np
import pytest

from render.blitz import ami, store_pool
from render.blitz.endpoint import Limits
from render.blitz.pixels_store import PixelsStore
from render.blitz.pyramid_service import StoreKey
from render.blitz.source import BlitzSession, BlitzSource
from render.blitz.store_pool import StorePool
from render.deadline import Deadline
from render.errors import DeadlineExceeded, NotFound, SourceFailed, SourceUnavailable
from render.values import PlaneIndex, Region
from render.waiting import Handoff
from tests.render.blitz import tiny_server
from tests.render.blitz.conftest import LOGIN, TinyServer, soon, tiny_info
from tests.render.blitz.test_sessions import side_by_side

INFO = tiny_info()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_level_zero_is_full_size(session: BlitzSession, level: int) -> None:
    width, height = tiny_server.LEVELS[level]
    plane = session.read_region(
        INFO, PlaneIndex(1, 2, 3), level, Region(0, 0, width, height), soon()
    )
    assert plane.dtype == np.dtype(">u2")
    np.testing.assert_array_equal(plane, tiny_server.plane(level, 1, 2, 3))


def test_a_region_is_read_where_it_lies(session: BlitzSession) -> None:
    tile = session.read_region(INFO, PlaneIndex(0, 1, 0), 1, Region(30, 40, 70, 20), soon())
    np.testing.assert_array_equal(tile, tiny_server.plane(1, 0, 1, 0)[40:60, 30:100])


def test_calls_tell_for_which_request_they_are_made(
    tiny: TinyServer, session: BlitzSession
) -> None:
    region = Region(0, 0, 8, 8)
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon())
    assert tiny.counters()["named"] == 0
    ami.watch_calls(lambda step, failed: None, "a-request")
    try:
        session.read_region(INFO, PlaneIndex(1, 0, 0), 0, region, soon())
    finally:
        ami.watch_calls(lambda step, failed: None)
    assert tiny.counters()["named"] == 1


def test_one_store_serves_one_reader_at_all_levels(tiny: TinyServer, session: BlitzSession) -> None:
    for level in (0, 1, 1, 2, 0):
        session.read_region(INFO, PlaneIndex(0, 0, 0), level, Region(0, 0, 8, 8), soon())
    counters = tiny.counters()
    assert counters["stores"] == 1
    assert counters["level_changes"] == 3


def test_planes_come_in_the_order_asked_for(session: BlitzSession) -> None:
    # Some readers first, so that several stores lie idle and the planes are spread over them.
    region = Region(0, 0, 64, 64)
    side_by_side(4, lambda: session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon()))
    indices = [PlaneIndex(z, c, 0) for z in range(5) for c in (2, 0, 1)]
    planes = session.read_regions(INFO, indices, 1, region, soon())
    for index, plane in zip(indices, planes, strict=True):
        expected = tiny_server.plane(1, index.z, index.c, index.t)[:64, :64]
        np.testing.assert_array_equal(plane, expected)


def test_a_region_above_the_message_limit_is_read_in_pieces(
    make_source: Callable[..., BlitzSource],
) -> None:
    session = make_source(read_bytes=100_000).session(LOGIN, soon())
    width, height = tiny_server.LEVELS[0]
    region = Region(5, 7, width - 5, height - 7)
    planes = session.read_regions(INFO, [PlaneIndex(0, c, 0) for c in range(2)], 0, region, soon())
    for c, plane in enumerate(planes):
        np.testing.assert_array_equal(plane, tiny_server.plane(0, 0, c, 0)[7:, 5:])


def test_many_readers_never_share_a_store(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    session = make_source(stores_per_session=3, stores_per_pixels=3).session(LOGIN, soon())

    def work() -> bool:
        for number in range(20):
            level, c = number % 3, number % 2
            tile = session.read_region(
                INFO, PlaneIndex(0, c, 0), level, Region(3, 5, 40, 30), soon()
            )
            expected = tiny_server.plane(level, 0, c, 0)[5:35, 3:43]
            if not np.array_equal(tile, expected):
                return False
        return True

    assert side_by_side(12, work) == [True] * 12
    counters = tiny.counters()
    assert counters["overlaps"] == 0
    assert 1 <= counters["most_stores"] <= 3


def test_a_call_out_of_time_gives_its_store_up_but_not_its_place(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    session = make_source(stores_per_pixels=2).session(LOGIN, soon())
    slow = PlaneIndex(tiny_server.SLOW, 0, 0)
    started = time.monotonic()
    results = side_by_side(
        6, lambda: session.read_region(INFO, slow, 0, Region(0, 0, 8, 8), soon(0.4))
    )
    assert time.monotonic() - started < 0.9
    assert {type(result) for result in results} == {DeadlineExceeded}
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, Region(0, 0, 8, 8), soon())
    counters = tiny.counters()
    assert counters["most_stores"] <= 2
    assert counters["overlaps"] == 0


def test_an_idle_store_is_closed(tiny: TinyServer, make_source: Callable[..., BlitzSource]) -> None:
    session = make_source(store_idle_s=0.1).session(LOGIN, soon())
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, Region(0, 0, 8, 8), soon())
    assert tiny.counters()["stores"] == 1
    tiny.wait_for("stores", 0)
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, Region(0, 0, 8, 8), soon())


def test_a_store_that_is_gone_is_replaced_in_the_same_session(
    tiny: TinyServer, session: BlitzSession
) -> None:
    region = Region(0, 0, 8, 8)
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon())
    tiny.forget_stores()
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon())
    assert tiny.counters()["logins"] == 1


def test_a_store_that_is_gone_each_time_is_an_unavailable_server(session: BlitzSession) -> None:
    with pytest.raises(SourceUnavailable):
        session.read_region(INFO, PlaneIndex(tiny_server.GONE, 0, 0), 0, Region(0, 0, 8, 8), soon())


def test_a_fault_of_the_server_tells_no_secrets(tiny: TinyServer, session: BlitzSession) -> None:
    with pytest.raises(SourceFailed) as caught:
        session.read_region(
            INFO, PlaneIndex(tiny_server.FAILS, 0, 0), 0, Region(0, 0, 8, 8), soon()
        )
    assert "secret" not in str(caught.value) and "trace" not in str(caught.value)
    assert caught.value.__cause__ is not None
    tiny.wait_for("stores", 0)


def test_an_answer_of_the_wrong_length_is_a_fault_of_the_server(session: BlitzSession) -> None:
    with pytest.raises(SourceFailed, match="sent 1 bytes"):
        session.read_region(
            INFO, PlaneIndex(tiny_server.SHORT, 0, 0), 0, Region(0, 0, 8, 8), soon()
        )


def test_pixels_that_are_not_there_are_not_found(tiny: TinyServer, session: BlitzSession) -> None:
    with pytest.raises(NotFound):
        session.read_region(
            tiny_info(pixels_id=99), PlaneIndex(0, 0, 0), 0, Region(0, 0, 8, 8), soon()
        )
    tiny.wait_for("stores", 0)


def test_stores_make_room_for_another_image(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    session = make_source(stores_per_session=2).session(LOGIN, soon())
    region = Region(0, 0, 8, 8)
    for group_pixels in (7, 8, 9, 7, 8, 9):
        info = tiny_info(pixels_id=group_pixels)
        session.read_region(info, PlaneIndex(0, 0, 0), 0, region, soon())
    assert tiny.counters()["most_stores"] == 2


def test_no_store_is_left_after_mixed_faults(tiny: TinyServer, source: BlitzSource) -> None:
    session = source.session(LOGIN, soon())
    kinds = [0, tiny_server.FAILS, tiny_server.SHORT, 0, tiny_server.SLOW]
    numbers = iter(range(10_000))
    lock = threading.Lock()

    def work() -> None:
        for _ in range(6):
            with lock:
                number = next(numbers)
            plane = PlaneIndex(kinds[number % len(kinds)], 0, 0)
            try:
                session.read_region(INFO, plane, number % 3, Region(0, 0, 32, 32), soon(0.1))
            except (SourceFailed, DeadlineExceeded):
                continue

    side_by_side(10, work)
    assert tiny.counters()["most_stores"] <= source.limits.stores_per_pixels
    source.close()
    tiny.wait_for("stores", 0)
    assert tiny.counters()["overlaps"] == 0


def test_reading_several_planes_opens_more_stores_for_the_next_time(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    session = make_source(parallel_reads=3).session(LOGIN, soon())
    planes = [PlaneIndex(0, c, 0) for c in range(5)]
    for expected in (2, 3, 3):
        read = session.read_regions(INFO, planes, 0, Region(0, 0, 32, 32), soon())
        np.testing.assert_array_equal(read[4], tiny_server.plane(0, 0, 4, 0)[:32, :32])
        tiny.wait_for("stores", expected)


def test_all_stores_that_are_gone_cost_nobody_the_session(
    tiny: TinyServer, session: BlitzSession
) -> None:
    indices = [PlaneIndex(z, 0, 0) for z in range(4)]
    region = Region(0, 0, 64, 64)
    side_by_side(4, lambda: session.read_regions(INFO, indices, 0, region, soon()))
    assert tiny.counters()["stores"] > 1
    tiny.forget_stores()
    session.read_region(INFO, indices[0], 0, region, soon())
    assert tiny.counters()["logins"] == 1


def test_what_is_given_to_somebody_who_leaves_at_that_moment_goes_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Late(Handoff):
        def wait_in_queue(self, deadline: Deadline, step: str) -> None:
            assert self.wait(10)
            raise DeadlineExceeded("a moment too late")

    class Opened(PixelsStore):
        def open(self, deadline: Deadline) -> None:
            self._levels = ((9, 9),)

    pool = StorePool(lambda key, deadline: Opened(Mock(), key), Limits())
    key = StoreKey(7, 1, "1")
    with monkeypatch.context() as patch:
        patch.setattr(store_pool, "Handoff", Late)
        with pytest.raises(DeadlineExceeded):
            pool.acquire(key, 0, soon())
    assert len(pool.acquire_idle(key, 0, 2)) == pool.size == 1


def test_a_level_that_is_gone_costs_nobody_the_session(
    tiny: TinyServer, session: BlitzSession
) -> None:
    region = Region(0, 0, 8, 8)
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon())
    with pytest.raises(SourceFailed, match="resolution level 3"):
        session.read_region(INFO, PlaneIndex(0, 0, 0), 3, region, soon())
    counters = tiny.counters()
    assert counters["logins"] == 1
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon())


def test_a_store_that_does_not_know_a_level_gives_way_to_one_that_does() -> None:
    levels = [1]

    class Known(PixelsStore):
        def open(self, deadline: Deadline) -> None:
            self._levels = tuple((9, 9) for _ in range(levels[0]))

        def start_closing(self) -> None:
            return None

    pool = StorePool(lambda key, deadline: Known(Mock(), key), Limits())
    key = StoreKey(7, 1, "1")
    on_loan = pool.acquire(key, 0, soon())
    pool.use(key, 0, lambda store: None, soon())
    levels[0] = 2
    pool.release(on_loan)
    assert pool.use(key, 1, lambda store: store.has_level(1), soon())


def test_readers_are_served_in_the_order_of_asking(
    make_source: Callable[..., BlitzSource],
) -> None:
    session = make_source(stores_per_pixels=1).session(LOGIN, soon())
    region = Region(0, 0, 8, 8)
    served: list[int] = []

    def read(number: int, z: int = 0) -> None:
        session.read_region(INFO, PlaneIndex(z, 0, 0), 0, region, soon())
        served.append(number)

    readers = [threading.Thread(target=read, args=(0, tiny_server.SLOW))]
    readers += [threading.Thread(target=read, args=(number,)) for number in range(1, 8)]
    for reader in readers:
        reader.start()
        time.sleep(0.02)
    for reader in readers:
        reader.join()
    assert served == list(range(8))


@pytest.mark.slow
def test_readers_of_one_image_do_not_hold_up_those_of_another(
    make_source: Callable[..., BlitzSource],
) -> None:
    session = make_source(stores_per_pixels=1).session(LOGIN, soon())
    region, slow = Region(0, 0, 8, 8), PlaneIndex(tiny_server.SLOW, 0, 0)
    readers = [
        threading.Thread(target=lambda: session.read_region(INFO, slow, 0, region, soon()))
        for _ in range(2)
    ]
    for reader in readers:
        reader.start()
    time.sleep(0.1)
    started = time.monotonic()
    session.read_region(tiny_info(pixels_id=8), PlaneIndex(0, 0, 0), 0, region, soon())
    assert time.monotonic() - started < tiny_server.SLOW_S / 2
    for reader in readers:
        reader.join()


def test_a_fault_of_ours_while_opening_is_told_to_each_who_waits() -> None:
    def fail(key: StoreKey, deadline: Deadline) -> PixelsStore:
        raise ZeroDivisionError

    pool = StorePool(fail, Limits())
    for _ in range(2):
        with pytest.raises(SourceFailed, match="ZeroDivisionError"):
            pool.acquire(StoreKey(7, 1, "1"), 0, soon())
    assert pool.size == 0


def test_leaving_the_queue_passes_the_place_on(
    tiny: TinyServer, make_source: Callable[..., BlitzSource]
) -> None:
    session = make_source(stores_per_pixels=1).session(LOGIN, soon())
    region, slow = Region(0, 0, 8, 8), PlaneIndex(tiny_server.SLOW, 0, 0)
    holder = threading.Thread(target=lambda: session.read_region(INFO, slow, 0, region, soon()))
    holder.start()
    time.sleep(0.1)
    impatient = side_by_side(
        5,
        lambda: session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon(0.2)),
    )
    assert {type(result) for result in impatient} == {DeadlineExceeded}
    session.read_region(INFO, PlaneIndex(0, 0, 0), 0, region, soon())
    holder.join()
    assert tiny.counters()["most_stores"] == 1
