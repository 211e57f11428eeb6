"""What is annotated to objects: as OMERO.web tells it to QuPath and OMERO.figure."""

import pytest

from tests.app.conftest import STACK, Gateway
from tests.app.screened import HARD_NAME, PLATE, SCREENED

RATING = "openmicroscopy.org/omero/insight/rating"


def ask(gateway: Gateway, query: str, status: int = 200):
    response = gateway.client.get(f"/webclient/api/annotations/?{query}")
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


@pytest.fixture(scope="module")
def image(gateway: Gateway) -> int:
    return gateway.ids[f"{SCREENED} [one]"]


def test_annotations_of_an_image(gateway, image):
    told = ask(gateway, f"image={image}&image={gateway.ids[STACK]}&image=987654")
    assert [person["omeName"] for person in told["experimenters"]] == ["local"]
    owner = told["experimenters"][0]["id"]
    # By namespace; the one without comes last.
    keys, stars, text = told["annotations"]
    assert (keys["class"], keys["ns"], keys["description"]) == (
        "MapAnnotationI", "lab/keys", "told",
    )  # fmt: skip
    assert keys["values"] == [["stain", "DAPI"], ["stain", "GFP"], ["\U0001f52c", "<b>"]]
    assert (stars["class"], stars["longValue"], stars["ns"]) == ("LongAnnotationI", 4, RATING)
    assert (text["class"], text["textValue"], text["ns"]) == (
        "CommentAnnotationI", "well done", None,
    )  # fmt: skip
    for one in told["annotations"]:
        assert one["owner"] == one["link"]["owner"] == {"id": owner}
        assert one["link"]["parent"] == {
            "id": image, "class": "ImageI", "name": f"{SCREENED} [one]",
        }  # fmt: skip
        assert one["date"].endswith("+00:00") and "T" in one["link"]["date"]
        for rights in (one["permissions"], one["link"]["permissions"]):
            assert set(rights) == {"canDelete", "canAnnotate", "canLink", "canEdit"}
            assert rights["canAnnotate"] is True and rights["canEdit"] is False
    assert len({one["id"] for one in told["annotations"]}) == 3


@pytest.mark.parametrize(
    ("query", "classes"),
    [
        ("type=map", ["Map"]),
        ("type=comment", ["Comment"]),
        ("type=rating", ["Long"]),
        ("type=tag", []),
        ("type=file", []),
        ("type=custom", []),
        ("ns=lab/keys", ["Map"]),
        (f"ns={RATING}&type=map", []),
        ("limit=2", ["Map", "Long"]),
        ("limit=2&page=2", ["Comment"]),
        ("limit=0", []),
    ],
)
def test_only_some_of_them(gateway, image, query, classes):
    told = ask(gateway, f"image={image}&{query}")["annotations"]
    assert [one["class"] for one in told] == [f"{kind}AnnotationI" for kind in classes]


def test_what_the_image_lies_in_is_told_when_it_is_asked_for(gateway, image):
    [tag] = ask(gateway, f"plate={PLATE}")["annotations"]
    assert (tag["class"], tag["textValue"]) == ("TagAnnotationI", "checked")
    assert tag["link"]["parent"] == {"id": PLATE, "class": "PlateI", "name": HARD_NAME}
    told = ask(gateway, f"image={image}&type=tag&parents=true")
    assert told["annotations"] == []
    assert told["parents"]["annotations"] == [tag]
    name = f"{SCREENED} [one]"
    lineage = {str(PLATE): [{"id": image, "class": "ImageI", "name": name}]}
    assert told["parents"]["lineage"] == {"PlateI": lineage}
    assert len(told["experimenters"]) == 1
    assert ask(gateway, f"image={gateway.ids[STACK]}&image=987654&parents=true") == {
        "annotations": [], "parents": {"annotations": [], "lineage": {}}, "experimenters": [],
    }  # fmt: skip


def test_classes_without_annotations_here(gateway, image):
    kinds = ("project", "dataset", "screen", "acquisition", "well")
    query = "&".join(f"{kind}=1" for kind in kinds)
    assert ask(gateway, query) == {"annotations": [], "experimenters": []}
    assert ask(gateway, "") == {"annotations": [], "experimenters": []}


@pytest.mark.parametrize(
    "query",
    ["image=x", "image=-1", "type=song", "page=x", "&".join(f"image={i}" for i in range(1001))],
)
def test_nonsense(gateway, query):
    ask(gateway, query, 400)
