"""Who may know of a job: whoever may see its images, on the server that has them."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.call import Call
from app.identity.viewer import Viewer, viewer_of_session
from app.jobs.desk import JobDesk
from app.jobs.kinds import Kind
from app.jobs.records import Job, asker_of
from app.jobs.store import JobStore
from app.settings import load_settings
from render.errors import Forbidden, NotFound

JOB, IMAGE = "1" * 32, 7
KEY, OTHER_KEY = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ANN = viewer_of_session(1, KEY)


def no_work(*arguments: Any) -> Any:
    raise AssertionError("nothing is made here")


def call_of(viewer: Viewer, sees: bool = True, takes: bool = True) -> Call:
    def image_info(image_id: int) -> Any:
        assert image_id == IMAGE
        if not sees:
            raise NotFound("there is no such image")
        rights = SimpleNamespace(can_download=takes)
        return SimpleNamespace(image_id=image_id, permissions=rights, well_ids=())

    call: Any = SimpleNamespace(viewer=viewer, image_info=image_info)
    return call


@pytest.fixture
def desk(tmp_path: Path) -> JobDesk:
    settings = load_settings(env_file=None, cache_dir=tmp_path)
    store = JobStore(settings)
    asked = Job(JOB, "movie", 1, IMAGE, {}, "session", (asker_of(ANN),), time.time())
    store.submit(asked, KEY)
    runner: Any = None
    return JobDesk(settings, store, runner, {"movie": Kind(no_work)})


@pytest.mark.parametrize("ask", [JobDesk.find, JobDesk.cancel])
def test_a_job_is_missing_for_who_does_not_see_its_image(
    desk: JobDesk, ask: Callable[[JobDesk, Call, str], Job]
) -> None:
    with pytest.raises(NotFound, match="no such image"):
        ask(desk, call_of(ANN, sees=False), JOB)
    # On another server the image of that number is another one.
    with pytest.raises(NotFound, match=JOB):
        ask(desk, call_of(viewer_of_session(2, KEY)), JOB)
    assert ask(desk, call_of(ANN), JOB).image_id == IMAGE


def test_what_was_made_is_for_who_may_take_the_image_away(desk: JobDesk) -> None:
    looks_only = call_of(ANN, takes=False)
    job = desk.find(looks_only, JOB)
    with pytest.raises(Forbidden):
        desk.check_result(looks_only, job)
    desk.check_result(call_of(ANN), job)


def test_only_who_asked_for_a_job_ends_it(desk: JobDesk) -> None:
    bob = call_of(viewer_of_session(1, OTHER_KEY))
    assert desk.find(bob, JOB).askers == (asker_of(ANN),)
    with pytest.raises(Forbidden):
        desk.cancel(bob, JOB)
    assert desk.cancel(call_of(ANN), JOB).state.value == "cancelled"
