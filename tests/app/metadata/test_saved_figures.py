"""Figures: saved, listed, opened again, changed and deleted; and what is none."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.parsing.figure_params import parse_figure
from app.web import parts_of
from render.blitz.model_records import NewAnnotation, NewFile
from render.blitz.source import BlitzSession
from render.errors import BadRequest, Forbidden, NotFound, TooLarge
from tests.app.conftest import FLAT, STACK, Gateway, ImageServer, make_gateway_on
from tests.app.identity.conftest import soon

NOW = datetime(2026, 11, 25, 9, 5, 7, tzinfo=UTC)
MISSING = 987654


@pytest.fixture(scope="module")
def asking(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Ask the server itself: through a router the one user is the public one, who saves nothing."""
    cache_dir = tmp_path_factory.mktemp("cache")
    gateway = make_gateway_on(image_server, cache_dir, image_server_port=image_server.port)
    yield gateway
    gateway.close()


def session_of(gateway: Gateway) -> tuple[BlitzSession, int]:
    """The session that the application has, and the group in which it stands."""
    parts = parts_of(gateway.app).get()
    session = parts.source.session(parts.own_credentials, soon())
    return session, session.user(soon()).group_id


def save(gateway: Gateway, figure: object, status: int = 200, **form: object) -> str:
    response = gateway.client.post(
        "/figure/save_web_figure/", data={"figureJSON": json.dumps(figure), **form}
    )
    text = response.get_data(as_text=True)
    assert response.status_code == status, text
    if status == 200:
        assert response.content_type == "text/plain; charset=utf-8"
        assert response.headers["Cache-Control"] == "no-store"
    return text


def load(gateway: Gateway, number: object, status: int = 200) -> dict:
    response = gateway.client.get(f"/figure/load_web_figure/{number}/")
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def listed(gateway: Gateway) -> dict[int, dict]:
    return {one["id"]: one for one in gateway.client.get("/figure/list_web_figures/").get_json()}


def delete(gateway: Gateway, number: object, status: int = 200) -> None:
    response = gateway.client.post("/figure/delete_web_figure/", data={"fileId": number})
    assert response.status_code == status, response.get_data(as_text=True)


def test_a_figure_is_saved_listed_opened_changed_and_deleted(asking: Gateway):
    before = listed(asking)
    stack, flat = asking.ids[STACK], asking.ids[FLAT]
    figure = {
        "version": 9,
        "figureName": "Mäuse \U0001f42d",
        "panels": [{"imageId": stack, "x": 1.5, "labels": []}, {"imageId": flat}],
        "legend": 'a *b* "c" <d>',
    }
    number = int(save(asking, figure))
    loaded = load(asking, number)
    told = listed(asking)[number]
    assert {key: loaded[key] for key in figure} == figure
    assert loaded["canEdit"] is True and loaded["group"] == told["group"]
    assert set(loaded) == {*figure, "canEdit", "group"}
    assert told["name"] == figure["figureName"] and told["canEdit"] is True
    assert json.loads(told["description"]) == {"name": figure["figureName"], "imageId": stack}
    assert abs(told["creationDate"] - datetime.now(UTC).timestamp()) < 600
    owner = told["owner"]
    assert told["ownerFullName"] == f"{owner['firstName']} {owner['lastName']}"

    # Shorter than before: nothing of it is left at the end.
    changed = {"figureName": "n" * 300, "panels": [{"imageId": flat}]}
    assert save(asking, changed, fileId=number) == str(number)
    assert {key: load(asking, number)[key] for key in changed} == changed
    again = listed(asking)[number]
    assert again["name"] == "n" * 255
    assert json.loads(again["description"]) == {"name": "n" * 300, "imageId": flat}
    assert again["creationDate"] == told["creationDate"]
    # It is a file as others are.
    parts = asking.client.get(f"/webclient/api/annotations/?image={flat}").get_json()
    assert number not in [one["id"] for one in parts["annotations"]]

    delete(asking, number)
    load(asking, number, 404)
    delete(asking, number, 404)
    save(asking, changed, 404, fileId=number)
    assert listed(asking) == before


def test_files_of_other_kinds_are_no_figures(asking: Gateway):
    session, group_id = session_of(asking)
    file = NewFile("notes.json", "", "application/json", 2)
    file_id = session.upload_file(file, [b"{}"], group_id, soon())
    other = session.add_annotation(
        NewAnnotation("some.other", file_id=file_id), group_id, (), soon()
    )
    assert other not in listed(asking)
    load(asking, other, 404)
    save(asking, {"panels": []}, 404, fileId=other)
    delete(asking, other, 404)
    assert session.read_file(file_id, soon()) == b"{}"
    session.delete_annotation("FileAnnotation", other, soon())


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 502), (b"[1]", 502), (b"{" * 200_000, 502), (b'{"panels": []}', 200)],
)
def test_a_file_that_holds_no_figure_is_said_to_be_that(asking: Gateway, content, status):
    session, group_id = session_of(asking)
    file = NewFile("by hand.json", "", "application/json", len(content))
    file_id = session.upload_file(file, [content], group_id, soon())
    annotation = NewAnnotation("omero.web.figure.json", "no JSON", file_id=file_id)
    number = session.add_annotation(annotation, group_id, (), soon())
    told = load(asking, number, status)
    if status == 200:
        assert told["figureName"] == "by hand.json"
    else:
        assert f"figure {number} holds no" in told["detail"]
    delete(asking, number)


def test_a_figure_that_cannot_be_is_not_saved(asking: Gateway):
    before = listed(asking)
    for figure in (None, 5, [], {}, {"panels": 3}, {"panels": [], "x": float("nan")}):
        save(asking, figure, 400)
    assert asking.client.post("/figure/save_web_figure/").status_code == 400
    for name in ("a\ud83d", "\0"):
        assert "name" in save(asking, {"panels": [], "figureName": name}, 400)
    save(asking, {"panels": []}, 400, fileId="x")
    for number in ("", "x", "-1"):
        delete(asking, number, 400)
    delete(asking, MISSING, 404)
    load(asking, MISSING, 404)
    for path in ("save_web_figure", "delete_web_figure", "make_web_figure", "chgrp"):
        assert asking.client.get(f"/figure/{path}/").status_code == 405, path
    assert listed(asking) == before


@pytest.mark.slow
def test_too_large_a_figure_is_refused(make_gateway, image_server: ImageServer):
    gateway = make_gateway(image_server_port=image_server.port, max_figure_bytes=2000)
    number = save(gateway, {"panels": [], "legend": "x" * 1900})
    assert "max_figure_bytes" in save(gateway, {"panels": [], "legend": "x" * 2000}, 413)
    assert "at most 4000 bytes" in save(gateway, {"panels": [], "legend": "x" * 4000}, 413)
    smaller = make_gateway(image_server_port=image_server.port, max_figure_bytes=1000)
    load(smaller, number, 413)
    delete(gateway, number)


def test_of_a_figure_that_cannot_be_annotated_no_file_is_left(asking: Gateway, monkeypatch):
    uploaded = []
    upload = BlitzSession.upload_file

    def upload_and_note(session, *given):
        uploaded.append(upload(session, *given))
        return uploaded[-1]

    def refuse(session, *given):
        raise Forbidden("no annotations here")

    monkeypatch.setattr(BlitzSession, "upload_file", upload_and_note)
    monkeypatch.setattr(BlitzSession, "add_annotation", refuse)
    assert "no annotations here" in save(asking, {"panels": []}, 403)
    session, group_id = session_of(asking)
    [file_id] = uploaded
    with pytest.raises(NotFound):
        session.read_file(file_id, soon())
    with pytest.raises(NotFound):
        session.rename_file(file_id, "x", group_id, soon())


@pytest.mark.slow
def test_the_public_user_saves_and_deletes_none(asking: Gateway, make_gateway, image_server):
    number = save(asking, {"panels": []})
    login = {"omero_user": "local", "omero_password": "local"}
    public = make_gateway(
        omero_host="127.0.0.1", omero_port=image_server.port, omero_transport="tcp", **login
    )
    assert "logged in" in save(public, {"panels": []}, 403)
    save(public, {"panels": []}, 403, fileId=number)
    delete(public, number, 403)
    assert load(public, number)["panels"] == []
    delete(asking, number)


def test_what_is_not_done_here_is_told(asking: Gateway):
    told = asking.client.post("/figure/make_web_figure/", data={"exportOption": "PDF"}).get_json()
    assert told["status"] == "failed" and "export script" in told["error"]
    assert "jobId" not in told
    moved = asking.client.post("/figure/chgrp/", data={"group_id": 1, "ann_id": 2}).get_json()
    assert "not moved" in moved["error"] and "success" not in moved


def test_other_sites_save_and_delete_nothing(asking: Gateway):
    for path in ("save_web_figure", "delete_web_figure", "make_web_figure", "chgrp"):
        for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
            refused = asking.client.post(f"/figure/{path}/", headers=headers)
            assert refused.status_code == 403, (path, headers)
            assert refused.get_json()["message"].startswith("CSRF Failed")


def parsed(figure: object, **form: str):
    return parse_figure({"figureJSON": json.dumps(figure), **form}, 100_000, NOW)


def test_what_is_sent_is_written_as_omero_web_writes_it():
    figure = {"panels": [{"imageId": "7"}, {"imageId": 7}, {"imageId": 3}], "b": 1, "a": "ä"}
    sent = parsed(figure)
    text = json.dumps(figure, sort_keys=True, indent=2, separators=(",", ": "))
    assert sent.content == text.encode() and sent.figure_id is None
    assert sent.name == "Figure_2026-11-25_09-05-07.json"
    assert sent.image_ids == (7, 3)
    assert json.loads(sent.description) == {"name": sent.name, "imageId": 7}
    assert parsed({"panels": [], "figureName": ""}).name == sent.name
    assert parsed({"panels": []}, fileId="5").figure_id == 5


def test_panels_of_images_elsewhere_are_told_by_where_they_are():
    zarr, here = "https://elsewhere.example/a.zarr", {"imageId": 4, "baseUrl": "https://b.example"}
    sent = parsed({"panels": [{"imageId": zarr}, {}, "x", here], "figureName": "f"})
    assert sent.image_ids == (4,)
    assert json.loads(sent.description) == {
        "name": "f", "imageId": 4, "baseUrl": "https://b.example",
    }  # fmt: skip
    assert parsed({"panels": [{"imageId": zarr}]}).description == "{}"


def test_what_is_malformed():
    numbers = ('{"panels": [], "x": Infinity}', '{"panels": [], "x": 1e999}')
    for text in ("", "x", "[]", '{"panels": {}}', *numbers, "[" * 100_000):
        with pytest.raises(BadRequest):
            parse_figure({"figureJSON": text}, 100_000, NOW)
    with pytest.raises(TooLarge):
        parse_figure({"figureJSON": '{"panels": []}'}, 10, NOW)
