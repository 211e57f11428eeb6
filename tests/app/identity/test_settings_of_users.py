"""Stored settings of people who log in: each has own ones, and nobody more than OMERO permits."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from werkzeug.test import Client, TestResponse

from render.blitz.endpoint import Credentials, Endpoint
from render.blitz.source import BlitzSource
from tests.app.identity.conftest import soon
from tests.app.serving import Serving, serve
from tests.support.image_server import start_image_server
from tests.support.lab import IMAGE, PASSWORDS, SLIDE, make_lab

#: Of both, an image of bob's in a group that lets alice annotate, and one of carol's in a group
#: that lets bob look only.
SETTINGS = "m=c&c=1|{}:200$00FF00"


@dataclass(frozen=True)
class Members:
    serving: Serving
    client: Client
    keys: dict[str, str]
    ids: dict[str, int]

    def get(self, user: str, path: str) -> TestResponse:
        return self.client.get(f"/webgateway/{path}", headers=self._headers(user))

    def post(self, user: str, path: str, **form: object) -> TestResponse:
        return self.client.post(f"/webgateway/{path}", data=form, headers=self._headers(user))

    def save(self, user: str, name: str, start: int) -> TestResponse:
        return self.post(user, f"saveImgRDef/{self.ids[name]}/?{SETTINGS.format(start)}")

    def etag(self, user: str, name: str) -> str:
        response = self.get(user, f"render_thumbnail/{self.ids[name]}/")
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.headers["ETag"]

    def _headers(self, user: str) -> dict[str, str]:
        return {"X-OMERO-Session-Key": self.keys[user]}


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> Iterator[Members]:
    lab = make_lab(tmp_path_factory.mktemp("lab"))
    with start_image_server(lab.folder, transports=("tcp",), arguments=lab.arguments) as server:
        port = server.ports["tcp"]
        source = BlitzSource(Endpoint("127.0.0.1", port, "tcp"))
        serving = serve(
            omero_host="127.0.0.1",
            omero_port=port,
            omero_transport="tcp",
            cache_dir=tmp_path_factory.mktemp("cache"),
            render_threads=1,
            image_info_max_age_s=1000,
        )
        people = ("alice", "bob", "carol")
        keys = {user: source.log_in(user, PASSWORDS[user], soon()).key for user in people}
        session = source.session(Credentials.login("root", PASSWORDS["root"]), soon())
        ids = {
            str(image.name): image.id
            for project in session.projects(soon())
            for dataset in session.datasets(project.id, soon())
            for image in session.images(dataset.id, soon())
        }
        yield Members(serving, serving.client, keys, ids)
        serving.close()
        source.close()


def test_each_sees_own_settings_and_the_owners_without(members):
    first = members.etag("alice", IMAGE)
    assert members.save("bob", IMAGE, 11).data == b"true"
    of_bob = members.etag("bob", IMAGE)
    assert members.etag("alice", IMAGE) == of_bob != first
    assert members.save("alice", IMAGE, 22).data == b"true"
    assert members.etag("bob", IMAGE) == of_bob != members.etag("alice", IMAGE)
    told = members.get("bob", f"get_image_rdefs_json/{members.ids[IMAGE]}/").get_json()["rdefs"]
    assert [(rdef["owner"]["firstName"], rdef["c"][0]["start"]) for rdef in told] == [
        ("Alice", 22.0),
        ("Bob", 11.0),
    ]
    # Each may look at those of the other.
    path = f"render_thumbnail/{members.ids[IMAGE]}/?rdefId={told[1]['id']}"
    assert members.get("alice", path).headers["ETag"] == of_bob
    changed = members.post("alice", "applyOwnersRDef/", toids=members.ids[IMAGE])
    assert changed.get_json() == [members.ids[IMAGE]]
    assert members.etag("alice", IMAGE) == of_bob


def test_who_may_only_look_changes_nothing(members):
    slide = members.ids[SLIDE]
    assert members.save("carol", SLIDE, 33).data == b"true"
    before = members.etag("bob", SLIDE)
    refused = [
        members.save("bob", SLIDE, 44),
        members.post("bob", "resetRDef/", toids=slide),
        members.post("bob", "applyOwnersRDef/", toids=slide),
    ]
    for response in refused:
        assert response.status_code == 403
        assert response.get_json()["type"] == "forbidden"
    assert members.post("bob", f"copyImgRDef/?fromid={slide}", toids=slide).get_json() is False
    assert members.etag("bob", SLIDE) == members.etag("carol", SLIDE) == before


def test_what_one_does_not_see_does_not_exist(members):
    image = members.ids[IMAGE]
    before = members.etag("bob", IMAGE)
    assert members.save("carol", IMAGE, 55).data == b"false"
    assert members.post("carol", "resetRDef/", toids=image).status_code == 404
    assert members.get("carol", f"compatImgRDef/{image}/").data == b"false"
    told = members.get("carol", f"get_image_rdefs_json/{image}/").get_json()
    assert told == {"error": f"No image with id {image}"}
    members.get("carol", f"copyImgRDef/?fromid={image}")
    assert members.get("carol", "getImgRDef/").get_json() == {"rdef": None}
    slide = members.ids[SLIDE]
    assert members.post("carol", "copyImgRDef/", toids=slide).get_json() is False
    assert members.etag("bob", IMAGE) == before


def test_the_clipboard_is_that_of_the_login(members):
    response = members.get("alice", "copyImgRDef/?c=1|1:2$F00&m=c")
    assert response.get_json() is True and "Set-Cookie" not in response.headers
    other = replace(members, client=members.serving.connect())
    assert other.get("alice", "getImgRDef/").get_json()["rdef"]["c"] == "1|1:2$F00"
    assert members.get("bob", "getImgRDef/").get_json() == {"rdef": None}


def test_without_a_login_nothing_is_told_or_changed(members):
    client = members.serving.connect()
    image = members.ids[IMAGE]
    for path in (f"get_image_rdefs_json/{image}/", "getImgRDef/", "copyImgRDef/?fromid=1"):
        assert client.get(f"/webgateway/{path}").status_code == 401
    # Not even checked for a login before it is known to come from this site.
    for path in (f"saveImgRDef/{image}/?c=&m=c", "resetRDef/", "copyImgRDef/"):
        response = client.post(f"/webgateway/{path}", data={"toids": image})
        assert response.status_code == 403
        assert response.get_json()["message"].startswith("CSRF Failed")
