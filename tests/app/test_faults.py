"""What becomes of a request when the source or we ourselves fail, and who may see what."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from app.identity import Viewer
from app.parts import Parts
from app.web import parts_of
from render import errors
from render.blitz.endpoint import Credentials
from render.engine.defaults import default_rendering
from render.values import Model
from tests.app.conftest import STACK, Gateway, decoded, start_image_server, stop
from tests.app.test_routes import assert_is_error


class Wrapped:
    """Stands before a source or session and changes some of its methods."""

    def __init__(self, real, **changed) -> None:
        self._real = real
        self._changed = changed

    def __getattr__(self, name):
        return self._changed.get(name) or getattr(self._real, name)


def parts(gateway: Gateway) -> Parts:
    return parts_of(gateway.app).get()


def change_session(gateway: Gateway, **changed) -> None:
    """Make each session of the gateway's source behave differently in some methods."""
    source = parts(gateway).source
    parts(gateway).source = Wrapped(
        source,
        session=lambda credentials, deadline: Wrapped(
            source.session(credentials, deadline), **changed
        ),
    )


def raising(error):
    def fail(*_args, **_options):
        raise error

    return fail


ERRORS = [
    (errors.BadRequest, 400, "bad-request"),
    (errors.RegionOutside, 404, "region-outside"),
    (errors.NotAuthenticated, 401, "not-authenticated"),
    (errors.Forbidden, 403, "forbidden"),
    (errors.NotFound, 404, "not-found"),
    (errors.TooLarge, 413, "too-large"),
    (errors.SourceUnavailable, 503, "source-unavailable"),
    (errors.SourceNotReady, 503, "source-not-ready"),
    (errors.SourceFailed, 502, "source-failed"),
    (errors.Overloaded, 503, "overloaded"),
    (errors.DeadlineExceeded, 504, "deadline-exceeded"),
    (errors.RenderFailed, 500, "render-failed"),
]


@pytest.mark.parametrize(("kind", "status", "name"), ERRORS)
def test_each_error_has_its_answer_and_is_not_kept(make_gateway, kind, status, name):
    gateway = make_gateway()
    session = parts(gateway).source
    change_session(gateway, read_regions=raising(kind("the reason", retry_after_s=2.5)))
    path = f"render_image/{gateway.ids[STACK]}/0/0/"
    response = gateway.get(path)
    assert_is_error(response, status)
    assert response.get_json()["type"] == name
    assert response.get_json()["detail"] == "the reason"
    assert response.headers.get("Retry-After") == ("3" if status == 503 else None)
    parts(gateway).source = session
    assert gateway.get(path).status_code == 200


def test_a_fault_of_ours_tells_no_secrets(make_gateway, caplog):
    gateway = make_gateway()
    change_session(gateway, read_regions=raising(KeyError("/root/secret.txt")))
    response = gateway.get(
        f"render_image/{gateway.ids[STACK]}/0/0/", headers={"X-Request-ID": "abc-1"}
    )
    assert_is_error(response, 500)
    assert "secret" not in response.get_data(as_text=True)
    assert response.get_json()["request_id"] == "abc-1" == response.headers["X-Request-ID"]
    assert "request_id=abc-1" in caplog.text and "secret.txt" in caplog.text


def test_image_data_of_what_cannot_be_rendered_is_told_as_far_as_possible(make_gateway):
    gateway = make_gateway(image_info_max_age_s=0)
    image = gateway.ids[STACK]
    real = parts(gateway).source
    info = gateway.get(f"imgData/{image}/").get_json()

    def without_stats(image_id, deadline):
        viewer = parts(gateway).identity.viewer(None, None)
        known = real.session(viewer.credentials, deadline).image_info(image_id, deadline)
        # A name that was not seen before: defaults once worked out are remembered.
        channels = tuple(replace(channel, name="new", stats=None) for channel in known.channels)
        return replace(known, channels=channels, rendering_definition=None)

    change_session(
        gateway,
        image_info=without_stats,
        read_region=raising(errors.SourceFailed("the file is broken")),
    )
    partial = gateway.get(f"imgData/{image}/?getDefaults=true").get_json()
    assert partial["Exception"] == "the file is broken"
    assert partial["size"] == info["size"] and "channels" not in partial

    parts(gateway).source = real
    change_session(
        gateway, image_info=raising(errors.SourceNotReady("a pyramid", retry_after_s=1.5))
    )
    pending = gateway.get(f"imgData/{image}/size/").get_json()
    assert pending == {"ConcurrencyException": {"backOff": 1500}}

    parts(gateway).source = real
    change_session(
        gateway,
        image_info=lambda image_id, deadline: replace(
            without_stats(image_id, deadline), pixel_type="complex"
        ),
    )
    assert set(gateway.get(f"imgData/{image}/").get_json()) == {"id", "meta", "perms"}


def test_complex_numbers_are_told_to_be_nothing_that_is_drawn(make_gateway):
    gateway = make_gateway()
    image = gateway.ids[STACK]
    real = parts(gateway).source

    def complex_one(image_id, deadline):
        viewer = parts(gateway).identity.viewer(None, None)
        known = real.session(viewer.credentials, deadline).image_info(image_id, deadline)
        return replace(known, pixel_type="complex")

    change_session(gateway, image_info=complex_one)
    for path in (
        f"render_image/{image}/0/0/",
        f"render_image_region/{image}/0/0/?region=0,0,10,10",
        f"render_thumbnail/{image}/",
        f"render_split_channel/{image}/0/0/",
        f"render_row_plot/{image}/0/0/3/",
        f"histogram_json/{image}/channel/0/",
    ):
        response = gateway.get(path)
        assert_is_error(response, 400)
        assert "'complex' cannot be rendered" in response.get_json()["message"]


def test_default_settings_come_from_a_plane_where_nothing_was_measured(make_gateway):
    gateway = make_gateway()
    image = gateway.ids[STACK]
    real = parts(gateway).source

    def without_stats(image_id, deadline):
        viewer = parts(gateway).identity.viewer(None, None)
        known = real.session(viewer.credentials, deadline).image_info(image_id, deadline)
        channels = tuple(replace(channel, stats=None) for channel in known.channels)
        return replace(known, channels=channels, rendering_definition=None)

    change_session(gateway, image_info=without_stats)
    windows = [c["window"] for c in gateway.get(f"imgData/{image}/channels/").get_json()]
    plane = gateway.server.stack[0, 2]
    assert [(w["start"], w["end"]) for w in windows] == [(p.min(), p.max()) for p in plane]
    assert [(w["min"], w["max"]) for w in windows] == [(0, 65535), (0, 65535)]


def test_a_request_ends_at_its_deadline(make_gateway):
    gateway = make_gateway(request_deadline_s=0.2)

    def slow(info, planes, level, region, deadline):
        time.sleep(0.25)
        deadline.remaining_s("read")

    change_session(gateway, read_regions=slow)
    response = gateway.get(f"render_image/{gateway.ids[STACK]}/0/0/")
    assert_is_error(response, 504)
    assert "'read'" in response.get_json()["message"]


def test_equal_requests_at_one_time_read_and_render_once(make_gateway):
    gateway = make_gateway()
    image = gateway.ids[STACK]
    real = parts(gateway).source
    reads = []

    def counted(info, planes, level, region, deadline):
        reads.append(planes)
        time.sleep(0.3)
        viewer = parts(gateway).identity.viewer(None, None)
        session = real.session(viewer.credentials, deadline)
        return session.read_regions(info, planes, level, region, deadline)

    change_session(gateway, read_regions=counted)
    answers = []

    def ask():
        answers.append(gateway.serving.connect().get(f"/webgateway/render_image/{image}/3/1/"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1
    assert len({answer.data for answer in answers}) == 1
    assert sorted(answer.headers["X-Cache"] for answer in answers) == ["miss"] + ["wait"] * 5


class ByHeader:
    """Tells viewers apart by a header, for the test alone."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def viewer(self, request, deadline):
        name = request.headers.get("X-Viewer", "")
        if not name:
            raise errors.NotAuthenticated("nobody is logged in")
        return Viewer(name, "member", self._credentials)

    def close(self):
        pass


def test_what_one_viewer_saw_is_not_shown_to_another_who_may_not(make_gateway):
    gateway = make_gateway()
    image = gateway.ids[STACK]
    viewer = parts(gateway).identity.viewer(None, None)
    # In the long way and in the short one.
    site = parts_of(gateway.app).open()
    site.identity = parts(gateway).identity = ByHeader(viewer.credentials)
    path = f"render_image/{image}/0/0/"
    seen = gateway.get(path, headers={"X-Viewer": "ada"})
    assert seen.status_code == 200
    change_session(gateway, image_info=raising(errors.NotFound("image is missing or invisible")))
    held = {"If-None-Match": seen.headers["ETag"]}
    assert gateway.get(path, headers={"X-Viewer": "ada"}).headers["X-Cache"] == "hit"
    assert gateway.get(path, headers={"X-Viewer": "ada", **held}).status_code == 304
    assert_is_error(gateway.get(path, headers={"X-Viewer": "bob"}), 404)
    assert_is_error(gateway.get(path, headers={"X-Viewer": "bob", **held}), 404)
    assert_is_error(gateway.get(path), 401)


def test_the_permission_is_asked_for_again_after_a_while(make_gateway):
    gateway = make_gateway(image_info_max_age_s=0.2)
    path = f"render_image/{gateway.ids[STACK]}/0/0/"
    assert gateway.get(path).status_code == 200
    change_session(gateway, image_info=raising(errors.NotFound("image is missing or invisible")))
    time.sleep(0.25)
    assert_is_error(gateway.get(path), 404)


def test_new_stored_settings_show_once_the_info_is_asked_for_again(make_gateway):
    gateway = make_gateway(image_info_max_age_s=0.2)
    image = gateway.ids[STACK]
    real = parts(gateway).source
    path = f"render_image/{image}/0/0/?format=png"
    before = gateway.get(path)
    assert gateway.get(path).headers["X-Cache"] == "hit"
    stored = gateway.get(f"imgData/{image}/rdefs/").get_json()
    assert stored["model"] == "color"

    def with_other_settings(image_id, deadline):
        viewer = parts(gateway).identity.viewer(None, None)
        info = real.session(viewer.credentials, deadline).image_info(image_id, deadline)
        grey = replace(default_rendering(info, [(0, 4000)] * 2), model=Model.GREYSCALE, rdef_id=5)
        return replace(info, rendering_definition=grey)

    change_session(gateway, image_info=with_other_settings)
    time.sleep(0.25)
    after = gateway.get(path)
    assert after.headers["ETag"] != before.headers["ETag"]
    assert not np.array_equal(decoded(after), decoded(before))
    assert gateway.get(f"render_thumbnail/{image}/?rdefId=5").status_code == 200


def test_an_image_server_that_goes_and_comes_back(make_gateway, image_server, tmp_path):
    process, port = start_image_server(image_server.folder, tmp_path / "index")
    try:
        gateway = make_gateway(image_server_port=port, image_info_max_age_s=0)
        path = f"render_image/{gateway.ids[STACK]}/0/0/?format=png"
        expected = gateway.get(path).data
        process.kill()
        stop(process)
        response = gateway.get(path)
        assert_is_error(response, 503)
        assert int(response.headers["Retry-After"]) >= 1
        process, _ = start_image_server(image_server.folder, tmp_path / "index", port)
        until = time.monotonic() + 5
        while (response := gateway.get(path)).status_code == 503 and time.monotonic() < until:
            time.sleep(0.1)
        assert (response.status_code, response.data) == (200, expected)
    finally:
        stop(process)
