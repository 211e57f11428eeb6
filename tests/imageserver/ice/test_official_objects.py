"""OMERO's official client asks for regions, plates and annotations."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.imageserver.ice.test_objects import PLANE, XML
from tests.imageserver.ice.test_official_client import TIMEOUT_S, interpreter
from tests.support.glacier2 import start_glacier2
from tests.support.image_server import PASSWORD, USER, start_image_server
from tests.support.ome import write_ome_tiff

SCRIPT = Path(__file__).parent / "official_objects.py"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["server", "glacier2"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Run the client's script over one way in; give what it wrote."""
    python = interpreter()
    folder = tmp_path_factory.mktemp("images")
    write_ome_tiff(folder / "a.ome.tif", [PLANE] * 2, XML)
    with start_image_server(folder) as server:
        if request.param == "server":
            yield run(python, server.ports["ssl"])
            return
        with start_glacier2(server) as router:
            yield run(python, router.ports["ssl"])


def run(python: Path, port: int) -> Any:
    ended = subprocess.run(
        [str(python), str(SCRIPT), "127.0.0.1", str(port), USER, PASSWORD],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(ended.stdout)


def test_it_gets_regions(told: Any) -> None:
    assert told["regions"] == [
        ["PointI", 1.0, 2.0],
        ["PointI", 3.0, 4.0],
        ["RectangleI", 1.0, 2.0],
        ["EllipseI", 1.0, 2.0],
    ]
    assert told["region count"] == 2


def test_it_draws_changes_and_deletes_regions(told: Any) -> None:
    rectangle, ellipse = ["RectangleI", 0.0], ["EllipseI", 1.0]
    moved = ["EllipseI", 7.0]
    assert told["drawn"] == [[rectangle, ellipse], [rectangle, moved], [moved], []]


def test_it_walks_through_screens_and_plates(told: Any) -> None:
    assert told["screens"] == {"S": ["P"]}
    assert told["plates"] == [
        {
            "name": "P",
            "grid": {"rows": 1, "columns": 2},
            "fields": [0, 0],
            "rows": ["A"],
            "wells": [["A2", 1, "a.ome.tif [two]"]],
            "annotations": ["good"],
        }
    ]


def test_it_lists_annotations(told: Any) -> None:
    assert told["annotations"] == [["MapAnnotationWrapper", "ns", [["gene", "cdc2"]]]]
