"""OMERO's official client with several users, directly and through a Glacier2 router."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.imageserver.ice.test_official_client import TIMEOUT_S, interpreter
from tests.support.glacier2 import start_glacier2
from tests.support.image_server import start_image_server
from tests.support.lab import (
    DRAFT,
    IMAGE,
    LEFT_OVER,
    PASSWORDS,
    SCREEN,
    SLIDE,
    VISIBLE,
    make_lab,
)

SCRIPT = Path(__file__).parent / "official_users.py"
pytestmark = pytest.mark.slow

ALL = {"annotate", "edit", "delete", "link", "chgrp"}


@pytest.fixture(scope="module", params=["server", "glacier2"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run the client's script over one way in; give what it wrote."""
    python = interpreter()
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    with start_image_server(lab.folder, arguments=lab.arguments) as server:
        if request.param == "server":
            yield run(python, server.ports["ssl"])
            return
        with start_glacier2(server) as router:
            yield run(python, router.ports["ssl"])


def run(python: Path, port: int) -> Any:
    ended = subprocess.run(
        [str(python), str(SCRIPT), "127.0.0.1", str(port)],
        input=json.dumps(PASSWORDS),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    assert "Error looking up proxy" not in ended.stderr, ended.stderr[-4000:]
    return json.loads(ended.stdout)


def test_each_user_sees_and_reads_what_the_groups_allow(told: Any) -> None:
    for user, names in VISIBLE.items():
        assert told[user]["names"] == sorted(names)
        assert told[user]["tiles"] == dict.fromkeys(names, 20)
        assert told[user]["hidden"] == (LEFT_OVER in names)
        assert told[user]["user"]["name"] == user
        assert told[user]["user"]["admin"] == (user == "root")


def test_a_joined_session_is_the_same_users(told: Any) -> None:
    for user, names in VISIBLE.items():
        assert (told[user]["joined user"], told[user]["joined"]) == (user, sorted(names))
        assert told[user]["alive after join"]


def test_users_and_groups_are_told(told: Any) -> None:
    alice = told["alice"]["user"]
    assert (alice["full name"], alice["email"]) == ("Alice Archer", "alice@example.org")
    assert (alice["group"], alice["context group"]) == ("lab", "lab")
    assert alice["groups"] == ["drafts", "lab"] and alice["leads groups"] == ["drafts"]
    assert [told[user]["user"]["privileges"] for user in PASSWORDS] == [15, 0, 0, 0]
    for user in PASSWORDS:
        assert told[user]["lab"] == ["rwra--", [], ["alice", "bob"]]
        assert told[user]["people"] == ["alice", "bob", "carol", "guest", "root"]


def test_the_sessions_group_can_be_switched(told: Any) -> None:
    lab, drafts = sorted(VISIBLE["alice"] - {DRAFT}), [DRAFT]
    assert told["alice"]["switched"] == {"lab": [*lab, "lab"], "drafts": [*drafts, "drafts"]}
    assert told["bob"]["switched"]["clinic"] == [SLIDE, "clinic"]
    assert told["carol"]["switched"] == {"clinic": [SLIDE, "clinic"]}


@pytest.mark.parametrize(
    ("user", "image", "rights"),
    [
        ("bob", IMAGE, ALL),
        ("bob", SCREEN, {"annotate"}),
        ("bob", SLIDE, set()),
        ("alice", DRAFT, {"edit", "delete", "chown"}),
        ("alice", IMAGE, {"annotate"}),
        ("carol", SLIDE, ALL),
        ("root", DRAFT, {"edit", "delete", "chgrp", "chown"}),
        ("root", SCREEN, {*ALL, "chown"}),
    ],
)
def test_permissions_tell_what_each_may_do(
    told: Any, user: str, image: str, rights: set[str]
) -> None:
    found = told[user]["images"][image]
    assert {right for right in (*ALL, "chown") if found[right]} == rights
    owner, group, permissions = {
        IMAGE: ("bob", "lab", "rwra--"),
        SCREEN: ("alice", "lab", "rwra--"),
        SLIDE: ("carol", "clinic", "rwr---"),
        DRAFT: ("bob", "drafts", "rw----"),
    }[image]
    assert (found["owner"], found["group"], found["permissions"]) == (owner, group, permissions)
    assert found["owned"] == (user == owner)
    assert found["project"] == image.partition("/")[0]


def test_the_binary_access_policy_holds(told: Any) -> None:
    assert told["bob"]["files"][SLIDE] == "refused"
    assert not told["bob"]["images"][SLIDE]["download"]
    for user, image in (("carol", SLIDE), ("root", SLIDE), ("bob", SCREEN)):
        assert told[user]["images"][image]["download"]
        assert int(told[user]["files"][image]) > 100


def test_only_administrators_become_others(told: Any) -> None:
    assert told["become"] == {"user": "carol", "sudoer": "root", "names": [SLIDE]}
    assert told["bob becomes carol"] is False and told["refused"] is True
    assert told["wrong password"] is False


def test_the_guest_hears_the_version(told: Any) -> None:
    assert told["version"].startswith("5.6")
