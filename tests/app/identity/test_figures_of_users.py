"""Who may see figures of others, and change or delete them; and who may save none."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from werkzeug.test import TestResponse

from tests.app.identity.conftest import PASSWORD, USER
from tests.app.identity.members import Members, members_of
from tests.support.figure import needs_figure
from tests.support.lab import DRAFT, IMAGE, SLIDE

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Figures(Members):
    def post(self, user: str, path: str, **form: object) -> TestResponse:
        return self.client.post(f"/figure/{path}/", data=form, headers=self.headers(user))

    def save(self, user: str, name: str, **form: object) -> TestResponse:
        figure = {"figureName": f"{name} of {user}", "panels": [{"imageId": self.ids[name]}]}
        return self.post(user, "save_web_figure", figureJSON=json.dumps(figure), **form)

    def saved(self, user: str, name: str) -> int:
        response = self.save(user, name)
        assert response.status_code == 200, response.get_data(as_text=True)
        return int(response.get_data(as_text=True))

    def get(self, user: str, path: str) -> TestResponse:
        return self.client.get(f"/figure/{path}", headers=self.headers(user))

    def listed(self, user: str) -> dict[int, dict]:
        return {one["id"]: one for one in self.get(user, "list_web_figures").get_json()}


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> Iterator[Figures]:
    with members_of(tmp_path_factory.mktemp("members")) as found:
        yield Figures(found.client, found.keys, found.ids)


def test_a_figure_lies_in_the_group_of_its_first_image(members):
    number = members.saved("alice", IMAGE)
    told = members.listed("alice")[number]
    assert told["group"]["name"] == "lab" and told["canEdit"] is True
    people = members.client.get("/api/v0/m/experimenters/", headers=members.headers("alice"))
    names = {person["@id"]: person["UserName"] for person in people.get_json()["data"]}
    assert names[told["owner"]["id"]] == "alice"
    assert members.get("alice", f"load_web_figure/{number}").get_json()["canEdit"] is True
    # Another member sees it, and may not change it.
    seen = members.listed("bob")[number]
    assert seen["canEdit"] is False and seen["owner"] == told["owner"]
    assert members.get("bob", f"load_web_figure/{number}").get_json()["canEdit"] is False
    refused = members.save("bob", IMAGE, fileId=number)
    assert refused.status_code == 403 and "not yours" in refused.get_json()["detail"]
    assert members.post("bob", "delete_web_figure", fileId=number).status_code == 403
    assert members.listed("alice")[number] == told


def test_what_one_does_not_see_is_no_figure(members):
    number = members.saved("bob", DRAFT)
    assert number in members.listed("bob") and number not in members.listed("carol")
    assert members.get("carol", f"load_web_figure/{number}").status_code == 404
    assert members.save("carol", SLIDE, fileId=number).status_code == 404
    assert members.post("carol", "delete_web_figure", fileId=number).status_code == 404
    assert members.post("bob", "delete_web_figure", fileId=number).status_code == 200
    assert number not in members.listed("bob")


def test_a_figure_of_images_that_one_does_not_see_lies_in_ones_own_group(members):
    number = members.saved("carol", DRAFT)
    draft = members.get("bob", f"images_details/?image={members.ids[DRAFT]}").get_json()["data"]
    assert members.listed("carol")[number]["group"]["name"] == "clinic"
    assert draft[0]["group"]["name"] != "clinic" and number not in members.listed("alice")


def test_an_administrator_changes_and_deletes_what_others_saved(members):
    number = members.saved("alice", IMAGE)
    assert members.save("root", IMAGE, fileId=number).get_data(as_text=True) == str(number)
    loaded = members.get("alice", f"load_web_figure/{number}").get_json()
    assert loaded["figureName"] == f"{IMAGE} of root" and loaded["canEdit"] is True
    assert members.listed("bob")[number]["name"] == f"{IMAGE} of root"
    assert members.post("root", "delete_web_figure", fileId=number).status_code == 200
    assert members.get("alice", f"load_web_figure/{number}").status_code == 404


@needs_figure
def test_a_browser_that_is_logged_in_is_handed_what_it_needs_to_save(make_members):
    gateway = make_members()
    client = gateway.client
    token = client.get("/api/v0/token/").get_json()["data"]
    login = {"username": USER, "password": PASSWORD, "server": "1"}
    client.post("/api/v0/login/", data=login, headers={"X-CSRFToken": token})
    client.delete_cookie("csrftoken")
    text = client.get("/figure/new/").get_data(as_text=True)
    assert 'const PING_URL = "/webclient/keepalive_ping/";' in text
    form = {"figureJSON": '{"panels": []}'}
    assert client.post("/figure/save_web_figure/", data=form).status_code == 403
    headers = {"X-CSRFToken": client.get_cookie("csrftoken").value}
    saved = client.post("/figure/save_web_figure/", data=form, headers=headers)
    assert saved.status_code == 200
    gone = {"fileId": saved.get_data(as_text=True)}
    assert client.post("/figure/delete_web_figure/", data=gone, headers=headers).status_code == 200


def test_without_a_login_there_are_no_figures(members):
    for path in ("", "new", "list_web_figures", "load_web_figure/1", "images_details"):
        assert members.client.get(f"/figure/{path}").status_code == 401, path
    for path in ("save_web_figure", "delete_web_figure", "make_web_figure", "chgrp"):
        refused = members.client.post(f"/figure/{path}/", data={"fileId": 1})
        assert refused.status_code == 403, path
        assert refused.get_json()["message"].startswith("CSRF Failed"), path
    members.client.set_cookie("csrftoken", "a" * 32)
    for path in ("save_web_figure", "delete_web_figure", "make_web_figure", "chgrp"):
        headers = {"X-CSRFToken": "a" * 32}
        asked = members.client.post(f"/figure/{path}/", data={"fileId": 1}, headers=headers)
        assert asked.status_code == 401, path
