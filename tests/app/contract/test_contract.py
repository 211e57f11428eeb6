"""Every row of the contract, in four kinds of case, on every way from a viewer to the images."""

import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from app import create_app
from app.settings import load_settings
from tests.app.conftest import FLAT, STACK, ImageServer
from tests.app.contract.ground import HIDDEN, OWN, SHOWN, USERS, Ground, numbers_of, survey
from tests.app.contract.table import JSON, ROWS, Row
from tests.app.screened import SCREENED
from tests.app.serving import serve
from tests.app.test_routes import assert_is_error
from tests.app.ways import WAYS, router_to
from tests.support.image_server import RunningImageServer, start_image_server

pytestmark = pytest.mark.slow

every_row = pytest.mark.parametrize("row", ROWS, ids=str)


@pytest.fixture(scope="module")
def folder(image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contract")
    for whose in (OWN, SHOWN, HIDDEN):
        place = folder / "images" / whose
        place.mkdir(parents=True)
        for name in (STACK, FLAT, SCREENED):
            shutil.copy(image_server.folder / name, place / name)
        shutil.copy(image_server.folder / STACK, place / "twin.ome.tif")
    (folder / "users.toml").write_text(USERS)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningImageServer]:
    arguments = ("--users", str(folder / "users.toml"))
    with start_image_server(folder / "images", arguments=arguments) as running:
        yield running


@pytest.fixture(scope="module", params=WAYS)
def ground(request, folder, server, tmp_path_factory) -> Iterator[Ground]:
    """Ask the image server itself, through a router, or a service of its own behind NGINX."""
    way, cache_dir = request.param, tmp_path_factory.mktemp("cache")
    embedded = {
        "images": folder / "images",
        "image_server_users": folder / "users.toml",
        "image_server_port": 0 if way == "nginx" else server.ports["tcp"],
    }
    with router_to(server.ports["manager"], way) as router:
        settings = {"cache_dir": cache_dir, "render_threads": 2} | (router or embedded)
        serving = serve(way=way, **settings)
        try:
            yield survey(serving.client)
        finally:
            serving.close()


def asked(ground: Ground, row: Row, whose: str, **options):
    return ground.ask(row.path, whose, method=row.method, form=row.form, **options)


@every_row
def test_success(ground: Ground, row: Row):
    response = asked(ground, row, OWN)
    assert response.status_code == row.succeeds, response.get_data(as_text=True)
    if row.succeeds == 302:
        assert response.location.endswith(f"={ground.ids[OWN]['image']}")
    if row.succeeds != 200:
        return
    assert response.content_type == row.media_type
    if row.media_type == JSON:
        json.loads(response.data, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
        # Neither is what others keep private listed.
        assert HIDDEN.encode() not in response.data
    elif row.media_type.startswith("image/"):
        Image.open(io.BytesIO(response.data)).load()
    else:
        assert response.data


def without_ids(ground: Ground, whose: str, text: str) -> str:
    """Take out of an answer what cannot but differ."""
    for number in sorted(numbers_of(ground.ids[whose]), reverse=True):
        text = re.sub(rf"\b{number}\b", "<id>", text)
    return re.sub(r'"request_id": "\w+"', "", text)


def assert_is_missing(response, row: Row) -> None:
    if row.missing == 404:
        assert_is_error(response, 404)
    else:
        assert response.status_code == row.missing, response.get_data(as_text=True)


@every_row
def test_what_is_missing(ground: Ground, row: Row):
    if row.elsewhere is None:
        assert_is_missing(asked(ground, row, "missing"), row)
    else:
        assert_is_error(ground.ask(row.elsewhere, OWN), 404)


@every_row
def test_what_is_not_permitted(ground: Ground, row: Row):
    # With a key that is no session's nobody is logged in either.
    for key, nobody in (
        ("", row.nobody),
        ("no-session", row.nobody if row.nobody not in (401, 403) else 401),
    ):
        response = asked(ground, row, OWN, key=key)
        assert response.status_code == nobody, response.get_data(as_text=True)
        if nobody >= 400:
            assert_is_error(response, nobody)
    looking = asked(ground, row, SHOWN)
    assert looking.status_code == row.looking, looking.get_data(as_text=True)
    if row.looking == 403:
        assert_is_error(looking, 403)
    if row.elsewhere is not None or row.succeeds == 404:
        return
    # What is kept private is not told from what there is not.
    hidden, missing = (asked(ground, row, whose) for whose in (HIDDEN, "missing"))
    assert_is_missing(hidden, row)
    assert hidden.content_type == missing.content_type
    assert without_ids(ground, HIDDEN, hidden.text) == without_ids(ground, "missing", missing.text)


@every_row
def test_malformed_input(ground: Ground, row: Row):
    status, wrong = row.malformed
    if wrong is None:
        method = "GET" if row.method == "POST" else "POST"
        response = ground.ask(row.path, OWN, method=method)
    elif not isinstance(wrong, str):
        response = ground.ask(row.path, OWN, method=row.method, form=wrong)
    elif "/" in wrong:
        response = ground.ask(wrong, OWN, method=row.method)
    else:
        separator = "&" if "?" in row.path else "?"
        path = f"{row.path}{separator}{wrong}"
        response = ground.ask(path, OWN, method=row.method, form=row.form)
    assert_is_error(response, status)


#: What goes beyond OMERO.web's webgateway.
BEYOND = ("settings/", "jobs/", "export/")


def test_every_address_below_webgateway_is_in_the_table(tmp_path: Path):
    rules = create_app(load_settings(env_file=None, cache_dir=tmp_path)).url_map
    below = {
        rule.rule
        for rule in rules.iter_rules()
        if rule.rule.startswith("/webgateway/")
        and not rule.rule.removeprefix("/webgateway/").startswith(BEYOND)
    }
    adapter = rules.bind("localhost")
    tried = set()
    for row in ROWS:
        path = re.sub("{.*?}", "1", f"/webgateway/{row.path}").partition("?")[0]
        if not path.startswith("/webgateway/su/"):
            tried.add(adapter.match(path, row.method, return_rule=True)[0].rule)
    assert below == tried
