"""Images as OMERO.web's pages list them: of a dataset, or in nothing."""

import pytest

from tests.app.conftest import FLAT, PYRAMID, STACK, Gateway


def ask(gateway: Gateway, query: str, status: int = 200):
    response = gateway.client.get(f"/webclient/api/images/?{query}")
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def test_images_of_a_dataset_page_by_page(gateway):
    meta = gateway.get(f"imgData/{gateway.ids[STACK]}/").get_json()["meta"]
    dataset = meta["datasetId"]
    found = ask(gateway, f"id={dataset}")["images"]
    assert {FLAT, STACK, PYRAMID} == {one["name"] for one in found}
    assert all(one["id"] == gateway.ids[one["name"]] for one in found)
    [flat] = [one for one in found if one["name"] == FLAT]
    assert set(flat) == {"id", "name", "ownerId", "permsCss"}
    assert flat["permsCss"] == "canEdit canAnnotate isOwned"
    pages = [ask(gateway, f"id={dataset}&limit=2&page={page}")["images"] for page in (1, 2)]
    assert [*pages[0], *pages[1]] == found
    for one in (f"experimenter_id={flat['ownerId']}", "experimenter_id=-1&group=-1"):
        assert ask(gateway, f"id={dataset}&{one}")["images"] == found
    assert ask(gateway, f"id={dataset}&experimenter_id=4711")["images"] == []


def test_images_that_lie_in_nothing(gateway):
    assert ask(gateway, "orphaned=true") == {"images": []}


@pytest.mark.parametrize("query", ["", "id=x", "orphaned=false", "id=1&page=x"])
def test_nonsense(gateway, query):
    ask(gateway, query, 400)
