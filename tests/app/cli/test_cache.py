"""`flask cache`."""

import json
import time

import pytest

from app import create_app
from app.settings import load_settings
from app.web import parts_of
from tests.app.conftest import FLAT, STACK


@pytest.fixture
def service(make_gateway):
    """Give a gateway that has kept four pictures and a thumbnail, and a function that runs it."""
    gateway = make_gateway()
    for name, c in ((FLAT, "1"), (STACK, "1"), (STACK, "2"), (STACK, "1,2")):
        assert gateway.get(f"render_image/{gateway.ids[name]}/0/0/?c={c}").status_code == 200
    assert gateway.get(f"render_thumbnail/{gateway.ids[FLAT]}/50/").status_code == 200

    def run(*arguments, **options):
        assert parts_of(gateway.app).get().pictures.flush(20)
        return gateway.app.test_cli_runner().invoke(args=["cache", *arguments], **options)

    return gateway, run


def entries(run):
    rows = json.loads(run("stats", "--json").output)
    return {row["cache"]: row["entries"] for row in rows if row["tier"] == "disk"}


def test_stats_tell_what_the_folder_holds(service):
    _, run = service
    assert entries(run) == {"images": 4, "thumbnails": 1, "json": 0}
    lines = run("stats").output.splitlines()
    assert [line.split()[:3] for line in lines[1:4]] == [
        ["images", "disk", "4"],
        ["thumbnails", "disk", "1"],
        ["json", "disk", "0"],
    ]
    assert "4.0 GiB" in lines[1]


def test_clear_takes_one_image_a_group_or_all(service):
    gateway, run = service
    assert run("clear", "--image", str(gateway.ids[STACK])).output == "3 entries removed\n"
    assert entries(run) == {"images": 1, "thumbnails": 1, "json": 0}
    assert run("clear", "--group", "thumbnails").output == "1 entries removed\n"
    assert run("clear", "--group", "no such").exit_code == 2
    assert run("clear", input="n\n").exit_code == 1
    assert entries(run)["images"] == 1
    assert run("clear", "--yes").output == "1 entries removed\n"
    assert entries(run) == {"images": 0, "thumbnails": 0, "json": 0}


def test_purge_takes_only_what_has_expired(make_gateway):
    gateway = make_gateway(cache_timeout_s=0.01)
    assert gateway.get(f"render_image/{gateway.ids[FLAT]}/").status_code == 200

    assert parts_of(gateway.app).get().pictures.flush(20)
    time.sleep(0.05)
    runner = gateway.app.test_cli_runner()
    assert runner.invoke(args=["cache", "purge"]).output == "1 expired entries removed\n"
    assert runner.invoke(args=["cache", "purge"]).output == "0 expired entries removed\n"


def test_the_embedded_image_servers_port_need_not_be_known(make_gateway, image_server, tmp_path):
    gateway = make_gateway(cache_dir=tmp_path, image_server_port=image_server.port)
    assert gateway.get(f"render_image/{gateway.ids[FLAT]}/").status_code == 200
    assert parts_of(gateway.app).get().pictures.flush(20)
    elsewhere = create_app(
        load_settings(
            env_file=None, images=gateway.server.folder, image_server_port=0, cache_dir=tmp_path
        )
    )
    runner = elsewhere.test_cli_runner()
    assert runner.invoke(args=["cache", "stats"]).exit_code == 0
    cleared = runner.invoke(args=["cache", "clear", "--image", str(gateway.ids[FLAT])])
    assert cleared.output == "1 entries removed\n"
    warmed = runner.invoke(args=["cache", "warm", "--dataset", "1"])
    assert warmed.exit_code == 1 and "set image_server_port" in warmed.output
