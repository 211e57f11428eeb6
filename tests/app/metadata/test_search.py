"""Searching by words."""

import pytest

from app.metadata.search import MAX_DATA
from tests.app.conftest import FLAT, PYRAMID, STACK, Gateway
from tests.app.screened import SCREENED


def found(gateway: Gateway, query: str) -> list:
    response = gateway.get(f"search/?{query}")
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def names(gateway: Gateway, query: str) -> list[tuple[str, str]]:
    return [(item["type"], item["name"]) for item in found(gateway, query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("text=stack", [("Image", STACK)]),
        ("text=STACK+tif", [("Image", STACK)]),
        ("text=stack+png", []),
        ("text=s*k", [("Image", STACK)]),
        ("text=sta?k", [("Image", STACK)]),
        ("text=sta%25", []),
        ("text=s_ack", []),
        ('text="flat"', [("Image", FLAT)]),
        ("text=stack&author=local", [("Image", STACK)]),
        ("text=stack&author=somebody", []),
        ("text=", []),
        ("", []),
    ],
)
def test_words_are_found(gateway: Gateway, query, expected):
    assert names(gateway, query) == expected


def test_containers_come_before_images(gateway: Gateway):
    everything = names(gateway, f"text={SCREENED}")
    assert everything[0] == ("Dataset", SCREENED)
    assert [kind for kind, _ in everything] == ["Dataset", "Image", "Image", "Image"]
    assert [kind for kind, _ in names(gateway, f"text={SCREENED}&ctx=imgs")] == ["Image"] * 3
    assert names(gateway, f"text={SCREENED}&start=1&limit=2") == everything[1:3]


def test_images_are_told_as_in_listings(gateway: Gateway):
    (image,) = found(gateway, "text=stack")
    (dataset, *_) = gateway.get("proj/1/children/").get_json()
    listed = gateway.get(f"dataset/{dataset['id']}/children/").get_json()
    assert image == next(item for item in listed if item["name"] == STACK)


def test_parents_are_told_when_asked_for(gateway: Gateway):
    (project,) = gateway.get("proj/list/").get_json()
    above = {"type": "Project", **project}
    (image,) = found(gateway, "text=stack&parents=1")
    assert [item["type"] for item in image["parents"]] == ["Dataset", "Project"]
    assert image["parents"][1] == above
    dataset = found(gateway, f"text={SCREENED}&parents=1")[0]
    assert dataset["parents"] == [above]


def test_whole_data_is_that_of_images(gateway: Gateway):
    image_id = gateway.ids[PYRAMID]
    data = gateway.get(f"imgData/{image_id}/").get_json()
    assert found(gateway, "text=pyramid&ctx=imgs&grabData=1") == [data]
    assert found(gateway, "text=pyramid&ctx=imgs&grabData=1&key=size.width") == [700]
    assert MAX_DATA == 50


def test_there_is_a_most_of_results(make_gateway):
    gateway = make_gateway(search_limit=2)
    assert len(found(gateway, "text=tif")) == 2
    assert len(found(gateway, "text=tif&limit=100")) == 2
    assert len(found(gateway, "text=tif&limit=1")) == 1


@pytest.mark.parametrize(
    "query",
    [
        "start=-1&text=a",
        "limit=x&text=a",
        "text=" + "+a" * 21,
        "text=a+" + "b" * 256,
        "text=a&callback=a-b",
    ],
)
def test_malformed_searches_are_refused(gateway: Gateway, query):
    assert gateway.get(f"search/?{query}").status_code == 400
