"""Who may draw on images, annotate and rename them, and change what others made of them.

Through a router as OMERO has one, where there is one.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.app.identity.members import Members, members_of
from tests.app.metadata.test_roi_changes import LABEL, POINT
from tests.support.lab import DRAFT, IMAGE, SLIDE


@dataclass(frozen=True)
class Changing(Members):
    def persist(self, user: str, name: str, status: int = 200, **rois):
        body = json.dumps({"imageId": self.ids[name], "rois": rois})
        response = self.client.post("/iviewer/persist_rois/", data=body, headers=self.headers(user))
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()

    def post(self, user: str, path: str, status: int = 200, **form):
        response = self.client.post(f"/webclient/{path}/", data=form, headers=self.headers(user))
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()

    def get(self, user: str, path: str, status: int = 200):
        response = self.client.get(path, headers=self.headers(user))
        assert response.status_code == status, response.get_data(as_text=True)
        return response

    def annotations(self, user: str, name: str) -> list[dict]:
        path = f"/webclient/api/annotations/?image={self.ids[name]}"
        return self.get(user, path).get_json()["annotations"]

    def draw(self, user: str, name: str) -> str:
        return self.persist(user, name, new=[POINT])["ids"][POINT["oldId"]]

    def rois(self, user: str, name: str) -> list[dict]:
        address = f"/api/v0/m/rois/?image={self.ids[name]}"
        return self.client.get(address, headers=self.headers(user)).get_json()["data"]


@pytest.fixture(scope="module")
def members(tmp_path_factory) -> Iterator[Changing]:
    with members_of(tmp_path_factory.mktemp("members")) as found:
        yield Changing(found.client, found.keys, found.ids)


def attempts(name: str) -> list[dict]:
    """All ways to change what is drawn, which has that name."""
    roi_id, _, shape_id = name.partition(":")
    return [
        {"modified": [POINT | {"@id": int(shape_id), "oldId": name}]},
        {"deleted": {roi_id: [name]}},
        {"empty_rois": {roi_id: [name]}},
    ]


def permissions(roi: dict) -> list[bool]:
    told = roi["omero:details"]["permissions"]
    return [told[f"can{what}"] for what in ("Annotate", "Edit", "Delete")]


def test_a_member_draws_on_an_image_of_another_and_keeps_it(members):
    """In a read-annotate group."""
    name = members.draw("alice", IMAGE)
    [of_alice] = members.rois("alice", IMAGE)
    [seen_by_bob] = members.rois("bob", IMAGE)
    assert of_alice["omero:details"]["owner"]["UserName"] == "alice"
    assert of_alice["omero:details"]["group"]["Name"] == "lab"
    assert permissions(of_alice) == [True, True, True]
    assert permissions(seen_by_bob) == [True, False, False]
    for rois in attempts(name):
        assert members.persist("bob", IMAGE, 403, **rois)["type"] == "forbidden"
    assert members.rois("bob", IMAGE) == [seen_by_bob]
    # An administrator may.
    moved = attempts(name)[0]["modified"][0] | {"X": 7.5}
    members.persist("root", IMAGE, modified=[moved])
    assert members.rois("bob", IMAGE)[0]["shapes"][0]["X"] == 7.5
    members.persist("alice", IMAGE, **attempts(name)[2])
    assert members.rois("bob", IMAGE) == []


def test_who_may_only_look_draws_nothing(members):
    name = members.draw("carol", SLIDE)
    assert "draw" in members.persist("bob", SLIDE, 403, new=[LABEL])["detail"]
    for rois in attempts(name):
        members.persist("bob", SLIDE, 403, **rois)
    [roi] = members.rois("bob", SLIDE)
    assert permissions(roi) == [False, False, False]


def test_an_image_that_one_does_not_see_has_no_regions(members):
    name = members.draw("bob", DRAFT)
    members.persist("carol", DRAFT, 404, new=[POINT])
    for rois in attempts(name):
        members.persist("carol", DRAFT, 404, **rois)
        # Nor by the name of an image that is visible.
        members.persist("carol", SLIDE, 404, **rois)
    # The leader of the private group sees it, and may not draw.
    members.persist("alice", DRAFT, 403, new=[POINT])
    assert len(members.rois("alice", DRAFT)) == 1
    roi_id, _, shape_id = name.partition(":")
    headers = {"X-OMERO-Session-Key": members.keys["carol"]}
    for path in (f"render_roi_thumbnail/{roi_id}/", f"render_shape_thumbnail/{shape_id}/"):
        assert members.client.get(f"/webgateway/{path}", headers=headers).status_code == 404


def test_annotations_are_their_owner_s_and_their_group_s(members):
    image, pairs = members.ids[IMAGE], '[["a", "b"]]'
    made = members.post("alice", "annotate_map", image=image, mapAnnotation=pairs)["annId"]
    form = {"image": image, "annotation_file": (io.BytesIO(b"of alice"), "a.txt")}
    [attached] = members.post("alice", "annotate_file", **form)["fileIds"]
    seen = {one["id"]: one for one in members.annotations("bob", IMAGE)}
    assert set(seen) == {*made, attached}
    for one in seen.values():
        rights = one["permissions"]
        assert (rights["canAnnotate"], rights["canEdit"], rights["canDelete"]) == (
            True, False, False,
        )  # fmt: skip
    members.post("bob", "annotate_map", 403, annId=made, mapAnnotation=pairs)
    members.post("bob", "annotate_map", 403, annId=made, mapAnnotation="[]")
    members.post("bob", f"action/delete/file/{attached}", 403)
    assert members.get("bob", f"/webclient/annotation/{attached}/").get_data() == b"of alice"
    # Who does not see the image sees nothing of it, and what is linked to nothing is not told.
    assert members.annotations("carol", IMAGE) == []
    members.get("carol", f"/webclient/annotation/{attached}/", 404)
    members.post("carol", f"action/delete/file/{attached}", 404)
    members.post("carol", "annotate_map", 404, image=image, mapAnnotation=pairs)
    # In a read-only group, and in another one's private group, nobody else annotates.
    for user, name in (("bob", SLIDE), ("alice", DRAFT)):
        target = members.ids[name]
        members.post(user, "annotate_map", 403, image=target, mapAnnotation=pairs)
        form = {"image": target, "annotation_file": (io.BytesIO(b"no"), "a.txt")}
        members.post(user, "annotate_file", 403, **form)
    both = [image, members.ids[DRAFT]]
    assert (
        "one group"
        in members.post("bob", "annotate_map", 400, image=both, mapAnnotation=pairs)["detail"]
    )
    members.post("root", "annotate_map", annId=made, mapAnnotation="[]")
    members.post("alice", f"action/delete/file/{attached}")
    assert members.annotations("bob", IMAGE) == []


def test_images_are_renamed_by_who_may_edit_them(members):
    image = members.ids[IMAGE]
    members.get("alice", f"/webgateway/imgData/{image}/")
    for path, form in (
        (f"action/savename/image/{image}", {"name": "x"}),
        (f"edit_channel_names/{image}", {"channel0": "x"}),
    ):
        members.post("alice", path, 403, **form)
        members.post("carol", path, 404, **form)
        members.post("bob", path, **form)
    told = members.get("alice", f"/webgateway/imgData/{image}/").get_json()
    assert (told["meta"]["imageName"], told["channels"][0]["label"]) == ("x", "x")


def test_without_a_login_nothing_is_saved(members):
    response = members.client.post("/iviewer/persist_rois/", data=b"{}")
    assert response.status_code == 403
    assert response.get_json()["message"].startswith("CSRF Failed")
    headers = {"X-CSRFToken": "a" * 32}
    members.client.set_cookie("csrftoken", "a" * 32)
    for path in (
        *("iviewer/persist_rois", "webclient/annotate_map", "webclient/annotate_file"),
        *("webclient/action/savename/image/1", "webclient/edit_channel_names/1"),
        "webclient/action/delete/file/1",
    ):
        refused = members.client.post(f"/{path}/", data=b"{}", headers=headers)
        assert refused.status_code == 401
