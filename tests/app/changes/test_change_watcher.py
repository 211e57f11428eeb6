"""What others change on the server is looked for, by one process of a host, and outdated."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.changes.change_watcher import ChangeWatcher, watcher_credentials
from app.changes.freshness import Freshness
from app.host_lock import HostLock
from app.settings import SettingsError, load_settings
from render.blitz.source import BlitzSession, BlitzSource, Credentials, Endpoint
from render.deadline import Deadline
from render.errors import SourceUnavailable
from tests.app.apart import server_apart
from tests.app.conftest import FLAT, STACK, ImageServer

LOGIN = Credentials.login("local", "local")
FAR_OFF = 1 << 40


def soon() -> Deadline:
    return Deadline.after(20)


@pytest.fixture(scope="module")
def image_server(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageServer]:
    with server_apart(image_server, tmp_path_factory) as server:
        yield server


@pytest.fixture(scope="module")
def source(image_server: ImageServer) -> Iterator[BlitzSource]:
    source = BlitzSource(Endpoint("127.0.0.1", image_server.port, "tcp"))
    yield source
    source.close()


@pytest.fixture
def session(source: BlitzSource) -> BlitzSession:
    return source.session(LOGIN, soon())


@pytest.fixture
def image_ids(session: BlitzSession) -> list[int]:
    found = {
        image.name: image.id
        for project in session.projects(soon())
        for dataset in session.datasets(project.id, soon())
        for image in session.images(dataset.id, soon())
    }
    return [found[name] for name in (STACK, FLAT)]


@pytest.fixture
def make_watcher(source: BlitzSource, tmp_path: Path) -> Iterator[Callable[..., ChangeWatcher]]:
    freshnesses = []

    def make(freshness: Freshness, interval_s: float = 0.02) -> ChangeWatcher:
        freshnesses.append(freshness)
        return ChangeWatcher(source, LOGIN, freshness, HostLock(tmp_path / "lock"), interval_s)

    yield make
    for freshness in set(freshnesses):
        freshness.close()


def test_changed_images_are_told_one_by_one(session, image_ids):
    one, other = image_ids
    session.reset_definitions("Image", [one], False, soon())
    before = session.changes_since(None, soon())
    assert (before.image_ids, before.everything) == ((), False)
    assert session.changes_since(before.last, soon()) == before
    session.reset_definitions("Image", [other], False, soon())
    after = session.changes_since(before.last, soon())
    assert (after.image_ids, after.everything) == ((other,), False)
    assert after.last > before.last
    session.reset_definitions("Image", [one, other], False, soon())
    assert session.changes_since(before.last, soon()).image_ids == tuple(sorted(image_ids))
    # A log that ends before what was seen of it is another log.
    assert session.changes_since(FAR_OFF, soon()).everything


def test_the_others_of_a_host_wait_until_the_one_that_looks_has_ended(
    make_watcher, session, image_ids, tmp_path
):
    image = image_ids[0]
    own = [Freshness(tmp_path / name) for name in ("one", "other")]
    watchers = [make_watcher(freshness) for freshness in own]
    for watcher in watchers:
        watcher.start()
    changed = [_until_changed(own, image, session) for _ in range(2)]
    # Always the same one, whichever it is.
    assert changed[0] == changed[1]
    looking = changed[0]
    watchers[looking].close()
    assert _until_changed(own, image, session) == 1 - looking
    watchers[1 - looking].close()


def _until_changed(own: list[Freshness], image: int, session: BlitzSession) -> int:
    """Save settings over and over until one of two is outdated; tell which."""
    before = [freshness.generation(image) for freshness in own]
    until = time.monotonic() + 20
    while time.monotonic() < until:
        session.reset_definitions("Image", [image], False, soon())
        time.sleep(0.05)
        after = [freshness.generation(image) for freshness in own]
        changed = [i for i in range(2) if after[i] != before[i]]
        if changed:
            assert len(changed) == 1
            return changed[0]
    raise AssertionError("nobody looked")


def test_a_server_that_is_away_is_told_once_and_asked_again(tmp_path, caplog):
    class Away:
        def session(self, credentials, deadline):
            raise SourceUnavailable("OMERO.server refuses connections")

    freshness, lock = Freshness(tmp_path / "freshness"), HostLock(tmp_path / "lock")
    watcher = ChangeWatcher(Away(), LOGIN, freshness, lock, 1.0)  # type: ignore[arg-type]
    before = freshness.generation(1)
    for _ in range(3):
        watcher.look()
    assert caplog.text.count("refuses connections") == 1
    assert freshness.generation(1) == before
    freshness.close()


def test_another_host_that_looks_sees_it_long_before_it_forgets(make_gateway):
    here, there = (
        make_gateway(image_info_max_age_s=1000, change_poll_s=poll_s) for poll_s in (0, 0.05)
    )
    path = f"render_thumbnail/{here.ids[STACK]}/"
    here.client.post("/webgateway/resetRDef/", data={"toids": here.ids[STACK]})
    until = time.monotonic() + 20
    for start in (100, 200):
        settings = f"c=1|{start}:3000$00FF00&m=c"
        saved = here.client.post(f"/webgateway/saveImgRDef/{here.ids[STACK]}/?{settings}")
        assert saved.data == b"true"
        etag = here.get(path).headers["ETag"]
        while there.get(path).headers["ETag"] != etag:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_who_looks_needs_a_login():
    assert watcher_credentials(load_settings(env_file=None)) is None
    embedded = load_settings(env_file=None, change_poll_s=2)
    assert watcher_credentials(embedded) == LOGIN
    members = {"env_file": None, "omero_host": "127.0.0.1", "change_poll_s": 2}
    with pytest.raises(SettingsError, match="change_poll_user"):
        watcher_credentials(load_settings(**members))
    told = load_settings(**members, change_poll_user="u", change_poll_password="p")
    assert watcher_credentials(told) == Credentials.login("u", "p")
