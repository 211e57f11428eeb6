"""What is read before it is asked for, when, and when not."""

import threading
import time

import numpy as np
import pytest

from app.identity import Viewer
from app.imaging.areas import SourceArea
from app.imaging.raw_tiles import RawTiles, plane_key
from app.imaging.read_ahead import ReadAhead, neighbours
from app.web import parts_of
from render.blitz.endpoint import Credentials
from render.errors import SourceFailed
from render.values import PlaneIndex, Region
from tests.app.conftest import PYRAMID, STACK

WAIT_S = 20


def until(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_the_nearest_tiles_come_first_and_end_with_the_level():
    found = list(neighbours(Region(0, 256, 256, 256), (600, 700), 1))
    assert found[:3] == [
        Region(0, 0, 256, 256),
        Region(0, 512, 256, 188),
        Region(256, 256, 256, 256),
    ]
    assert set(found[3:]) == {Region(256, 0, 256, 256), Region(256, 512, 256, 188)}
    assert list(neighbours(Region(0, 0, 600, 700), (600, 700), 2)) == []
    assert list(neighbours(Region(3, 0, 256, 256), (600, 700), 2)) == []
    assert len(list(neighbours(Region(1024, 1024, 256, 256), (4096, 4096), 2))) == 24


def test_neighbours_of_a_tile_are_there_when_they_are_asked_for(make_gateway):
    gateway = make_gateway(read_ahead_tiles=1)
    path = f"render_image_region/{gateway.ids[PYRAMID]}/0/0/?c=1&m=g&tile=0,{{}},{{}},256,256"
    assert gateway.get(path.format(0, 0)).headers["X-Cache"] == "miss"
    raw = parts_of(gateway.app).get().raw_planes
    until(lambda: raw.stats().entries >= 4)
    for column, row in ((1, 0), (0, 1), (1, 1)):
        assert gateway.get(path.format(column, row)).headers["X-Cache"] == "raw"


def test_next_sections_and_timepoints_are_there_when_they_are_asked_for(make_gateway):
    gateway = make_gateway(read_ahead_sections=2)
    path = f"render_image/{gateway.ids[STACK]}/{{}}/{{}}/?c=1,2&m=c"
    assert gateway.get(path.format(1, 0)).headers["X-Cache"] == "miss"
    raw = parts_of(gateway.app).get().raw_planes
    # Two channels of this section, the next two, and the next timepoint.
    until(lambda: raw.stats().entries >= 8)
    for z, t in ((2, 0), (3, 0), (1, 1)):
        assert gateway.get(path.format(z, t)).headers["X-Cache"] == "raw"


def test_nothing_is_read_ahead_unless_it_is_switched_on(make_gateway):
    gateway = make_gateway()
    gateway.get(f"render_image/{gateway.ids[STACK]}/1/0/?c=1&m=c")
    time.sleep(0.2)
    assert parts_of(gateway.app).get().raw_planes.stats().entries == 1


class Source:
    """Gives sessions that note what is read, and read only when they may."""

    def __init__(self):
        self.may_read, self.regions, self.fails = threading.Event(), [], False
        self.may_read.set()

    def session(self, credentials, deadline):
        return self

    def read_regions(self, info, planes, level, region, deadline):
        self.regions.append((info.image_id, region.x, region.y, planes[0].z))
        assert self.may_read.wait(WAIT_S)
        if self.fails:
            raise SourceFailed("gone")
        return [np.zeros((region.height, region.width), ">u2") for _ in planes]


@pytest.fixture
def info(make_gateway):
    gateway = make_gateway()
    parts = parts_of(gateway.app).get()
    gateway.get(f"imgData/{gateway.ids[STACK]}/")
    (found,) = (i for _, i in parts.infos._entries.values() if i.image_id == gateway.ids[STACK])
    return found


VIEWER = Viewer("someone", "fixed", Credentials.login("a", "b"))


def ahead_of(source, max_bytes=10**6):
    raw = RawTiles(10**7)
    return raw, ReadAhead(source, raw, 0, 4, max_bytes)


def follow(ahead, info, z):
    whole = SourceArea(0, Region(0, 0, info.size_x, info.size_y))
    ahead.follow(VIEWER, info, [PlaneIndex(z, 0, 1)], whole)
    return whole


def test_a_request_goes_first(info):
    source = Source()
    raw, ahead = ahead_of(source)
    with ahead.request_first():
        area = follow(ahead, info, 0)
        time.sleep(0.1)
        assert source.regions == []
    until(lambda: raw.has(plane_key(info, area, PlaneIndex(4, 0, 1))))


def test_a_viewer_who_moves_on_ends_what_was_to_be_read(info):
    source = Source()
    raw, ahead = ahead_of(source)
    source.may_read.clear()
    follow(ahead, info, 0)
    until(lambda: source.regions)
    area = follow(ahead, info, 3)
    source.may_read.set()
    until(lambda: raw.has(plane_key(info, area, PlaneIndex(4, 0, 1))))
    assert [z for *_, z in source.regions] == [1, 4]


def test_what_is_there_or_too_large_is_not_read_and_faults_end_nothing(info):
    source = Source()
    raw, ahead = ahead_of(source)
    source.fails = True
    area = follow(ahead, info, 3)
    until(lambda: not ahead._runs)
    source.fails = False
    follow(ahead, info, 3)
    until(lambda: raw.has(plane_key(info, area, PlaneIndex(4, 0, 1))))
    until(lambda: not ahead._runs)
    follow(ahead, info, 3)
    until(lambda: not ahead._runs)
    assert len(source.regions) == 2
    _, careful = ahead_of(source, max_bytes=10)
    follow(careful, info, 0)
    until(lambda: not careful._runs)
    assert len(source.regions) == 2
