"""What viewers may see: pictures are shared, rights never, on a real server with several users."""

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from app.web import parts_of
from render.blitz.endpoint import Credentials, Endpoint
from render.blitz.source import BlitzSource
from tests.app.identity.conftest import soon
from tests.support.image_server import start_image_server
from tests.support.lab import DRAFT, IMAGE, PASSWORDS, SCREEN, SLIDE, VISIBLE, Lab, make_lab

pytestmark = pytest.mark.slow

#: Addresses of an image, whose answers have a validator.
ADDRESSES = (
    "render_image/{}/",
    "render_image/{}/0/0/?c=1|0:200$FF0000&m=c",
    "render_image_region/{}/0/0/?tile=0,0,0,16,16",
    "render_image_region/{}/0/0/?region=0,0,9,9&format=png",
    "render_thumbnail/{}/",
    "imgData/{}/",
)
#: What has none.
MORE_ADDRESSES = ("get_thumbnail/{}/", "histogram_json/{}/channel/0/")
STATED_S = 1.0
#: How much later than stated a slow machine may answer.
GRACE_S = 10.0


@dataclass(frozen=True)
class Asker:
    """One user's requests."""

    gateway: object
    key: str

    def get(self, path, **headers):
        return self.gateway.get(path, headers={"X-OMERO-Session-Key": self.key} | headers)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Lab:
    return make_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def server(lab) -> Iterator[int]:
    with start_image_server(lab.folder, transports=("tcp",), arguments=lab.arguments) as running:
        yield running.ports["tcp"]


@pytest.fixture
def source(server) -> Iterator[BlitzSource]:
    source = BlitzSource(Endpoint("127.0.0.1", server, "tcp"))
    yield source
    source.close()


@pytest.fixture
def askers(make_members, server, source):
    gateway = make_members(omero_port=server, image_info_max_age_s=STATED_S)
    return {
        user: Asker(gateway, source.log_in(user, PASSWORDS[user], soon()).key) for user in PASSWORDS
    }


@pytest.fixture
def ids(source):
    key = source.log_in("root", PASSWORDS["root"], soon())
    session = source.session(Credentials.join(key.key), soon())
    return {
        image.name: image.id
        for project in session.projects(soon())
        for dataset in session.datasets(project.id, soon())
        for image in session.images(dataset.id, soon())
    }


def test_each_user_sees_theirs_and_no_order_lets_another_see_more(askers, ids):
    for _ in range(2):
        for name in (SCREEN, DRAFT, SLIDE):
            for address in ADDRESSES + MORE_ADDRESSES:
                path = address.format(ids[name])
                seen = [askers[user].get(path) for user in PASSWORDS if name in VISIBLE[user]]
                assert {answer.status_code for answer in seen} == {200}, path
                etag = seen[0].headers.get("ETag")
                for user in PASSWORDS:
                    if name in VISIBLE[user]:
                        if etag and "imgData" not in path:
                            held = askers[user].get(path, **{"If-None-Match": etag})
                            assert held.status_code == 304, path
                        continue
                    for condition in (
                        {},
                        {"If-None-Match": etag or "*"},
                        {"If-None-Match": "*"},
                        {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
                        {"Range": "bytes=0-9"},
                    ):
                        answer = askers[user].get(path, **condition)
                        assert answer.status_code == 404, (user, path, condition)
                        assert answer.get_json()["type"] == "not-found"
                        assert "ETag" not in answer.headers
                        assert "no-store" in answer.headers["Cache-Control"]


def test_thumbnails_in_a_batch_are_those_that_may_be_seen(askers, ids):
    query = "&".join(f"id={ids[name]}" for name in (IMAGE, SLIDE))
    for _ in range(2):
        told = {
            user: askers[user].get(f"get_thumbnails/?{query}").get_json()
            for user in ("bob", "alice", "carol")
        }
        for user, thumbnails in told.items():
            seen = {name for name in (IMAGE, SLIDE) if thumbnails[str(ids[name])]}
            assert seen == {IMAGE, SLIDE} & VISIBLE[user], user
        # In the webclient's form an image that is missing and one that is hidden look the same.
        hidden = askers["carol"].gateway.client.get(
            f"/webclient/render_thumbnail/{ids[IMAGE]}/",
            headers={"X-OMERO-Session-Key": askers["carol"].key},
        )
        missing = askers["carol"].gateway.client.get(
            "/webclient/render_thumbnail/987654/",
            headers={"X-OMERO-Session-Key": askers["carol"].key},
        )
        assert hidden.data == missing.data


def test_who_asks_at_the_same_time_gets_no_more(askers, ids):
    path = f"render_image/{ids[DRAFT]}/0/0/?c=1|0:123$00FF00&m=c"
    statuses = {"bob": set(), "carol": set()}

    def ask(user):
        for _ in range(10):
            statuses[user].add(askers[user].get(path).status_code)

    threads = [threading.Thread(target=ask, args=(user,)) for user in ("bob", "carol") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == {"bob": {200}, "carol": {404}}


def seconds_until(asker, path, status, **headers):
    """Give how long the address goes on being answered otherwise."""
    begun_s = time.monotonic()
    while (answer := asker.get(path, **headers)).status_code != status:
        assert answer.status_code in (200, 304)
        assert time.monotonic() - begun_s < STATED_S + GRACE_S, "it goes on"
        time.sleep(0.05)
    return time.monotonic() - begun_s


CHANGES = {
    "a membership that is gone": (('members = ["carol", "bob"]', 'members = ["carol"]'), SLIDE),
    "an image in another group": (
        (
            'name = "bob-images"\nowner = "bob"\ngroup = "lab"',
            'name = "bob-images"\nowner = "bob"\ngroup = "drafts"',
        ),
        IMAGE,
    ),
    "permissions that were lowered": (
        ('permissions = "rwra--"', 'permissions = "rw----"'),
        SCREEN,
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_counts_within_the_stated_time(askers, ids, lab, change):
    replacement, name = CHANGES[change]
    user = {SLIDE: "bob", IMAGE: "alice", SCREEN: "bob"}[name]
    asker = askers[user]
    paths = [address.format(ids[name]) for address in ADDRESSES + MORE_ADDRESSES]
    if name == IMAGE:
        # Alice leads the other group and would see it there too.
        replacement = (replacement, ('leaders = ["alice"]', "leaders = []"))
    else:
        replacement = (replacement,)
    before = lab.users.read_text("utf-8")
    etags = {path: asker.get(path).headers.get("ETag") for path in paths}
    assert {asker.get(path).status_code for path in paths} == {200}
    lab.change(*replacement)
    try:
        took_s = [seconds_until(asker, paths[0], 404)]
        for path in paths:
            held = {"If-None-Match": etags[path]} if etags[path] else {}
            took_s.append(seconds_until(asker, path, 404, **held))
        assert max(took_s) <= STATED_S + GRACE_S
        assert {asker.get(path).status_code for path in paths} == {404}
    finally:
        lab.replace(before)
    assert asker.get(paths[0]).status_code == 200


def test_a_session_that_was_ended_shows_nothing_after_the_stated_time(askers, ids, source):
    asker = askers["bob"]
    path = ADDRESSES[1].format(ids[DRAFT])
    etag = asker.get(path).headers["ETag"]
    source.log_out(asker.key, soon())
    seconds_until(asker, path, 401)
    for address in ADDRESSES + MORE_ADDRESSES + ("luts/", "proj/list/"):
        answer = asker.get(address.format(ids[DRAFT]), **{"If-None-Match": etag})
        assert answer.status_code == 401, address


def test_keys_that_are_refused_push_no_session_out(make_members, server, source, ids):
    gateway = make_members(omero_port=server, omero_sessions_max=2)
    bob = Asker(gateway, source.log_in("bob", PASSWORDS["bob"], soon()).key)
    path = f"render_image/{ids[SLIDE]}/"
    assert bob.get(path).status_code == 200
    pool = parts_of(gateway.app).get().source.pool
    before = pool.live_sessions()
    for _ in range(4):
        assert Asker(gateway, str(uuid.uuid4())).get(path).status_code == 401
    assert pool.live_sessions() == before


def test_with_no_time_stated_a_change_counts_at_once(make_members, server, source, ids, lab):
    gateway = make_members(omero_port=server, image_info_max_age_s=0)
    bob = Asker(gateway, source.log_in("bob", PASSWORDS["bob"], soon()).key)
    path = f"render_image/{ids[SLIDE]}/"
    before = lab.users.read_text("utf-8")
    assert bob.get(path).status_code == 200
    lab.change(('members = ["carol", "bob"]', 'members = ["carol"]'))
    try:
        assert bob.get(path).status_code == 404
    finally:
        lab.replace(before)
    source.log_out(bob.key, soon())
    assert bob.get(path).status_code == 401
