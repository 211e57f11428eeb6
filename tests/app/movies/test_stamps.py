"""What frames say of where and when they stand."""

import pytest

from app.movies.stamps import depth_stamps, time_stamps
from app.web import parts_of
from render.blitz.model_records import PlaneTime, Quantity
from render.blitz.source import BlitzSession
from tests.app.conftest import STACK


def test_sections_tell_their_depth_where_it_is_known():
    assert depth_stamps([0, 2], 5, None) == ("z 1/5", "z 3/5")
    assert depth_stamps([0, 2], 5, 0.5) == ("z 1/5  0 µm", "z 3/5  1 µm")


def test_timepoints_tell_their_time_where_it_is_known():
    assert time_stamps([0, 1], 3, {}) == ("t 1/3", "t 2/3")
    assert time_stamps([1, 0], 2, {0: 0.0, 1: 4.5}) == ("t 2/2  4.50 s", "t 1/2  0.00 s")
    long = time_stamps([0, 1, 2], 3, {0: 0.0, 2: 3725.4})
    assert long == ("t 1/3  0:00:00", "t 2/3", "t 3/3  1:02:05")


def test_the_servers_times_reach_the_job(make_gateway, monkeypatch):
    gateway = make_gateway()
    # The embedded image server keeps no times of planes.
    times = (
        PlaneTime(0, Quantity("Time", 0.0, "SECOND")),
        PlaneTime(1, Quantity("Time", 1500.0, "MILLISECOND")),
    )
    monkeypatch.setattr(BlitzSession, "plane_times", lambda *_: times)
    path = f"render_movie/{gateway.ids[STACK]}/t/0/?format=gif&timestamp=true&c=-1&m=c"
    response = gateway.get(path)
    assert response.status_code == 200
    folder = parts_of(gateway.app).settings.cache_dir / "jobs" / response.headers["ETag"].strip('"')
    text = (folder / "job.json").read_text()
    assert "t 1/2  0.00 s" in text and "t 2/2  1.50 s" in text
    monkeypatch.undo()
    assert gateway.get(path).headers["ETag"] != response.headers["ETag"]


@pytest.mark.parametrize("axis", ["z", "t"])
def test_stamps_can_be_asked_for_where_nothing_is_known(gateway, axis):
    path = f"render_movie/{gateway.ids[STACK]}/{axis}/0/?format=gif&timestamp=true"
    assert gateway.get(path).status_code == 200
