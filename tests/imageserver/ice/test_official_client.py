"""OMERO's official client against the image server, directly and through a Glacier2 router.

It brings its own version of Ice, so it runs in an environment of its own, which
`script/setup-omero-py` makes; BLITZRENDER_OMERO_PY names another one's interpreter.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render.engine.composite import compose
from render.engine.encode import encode
from render.values import ChannelBinding, Color, Encoding, Model, RenderingDefinition, Window
from tests.imageserver.ice.images import BROKEN, CHANNELS, PICTURE, PYRAMID, STACK, Folder
from tests.support.image_server import PASSWORD, PROJECT, USER

SCRIPT = Path(__file__).parent / "official_client.py"
TIMEOUT_S = 100
pytestmark = pytest.mark.slow


def interpreter() -> Path:
    """Give the interpreter that has OMERO's client; skip without it, as it takes long to make."""
    named = os.environ.get("BLITZRENDER_OMERO_PY")
    path = Path(named) if named else PROJECT / ".venv-omero" / "bin" / "python"
    if not path.exists():
        pytest.skip("OMERO's client is not set up (script/setup-omero-py makes .venv-omero)")
    return path


@pytest.fixture(scope="module", params=["server", "glacier2"])
def outcome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run the client's script over one way in; give what it wrote."""
    python = interpreter()
    running = request.getfixturevalue(request.param)
    output = tmp_path_factory.mktemp("official") / "outcome.npz"
    port = str(running.ports["ssl"])
    command = [str(python), str(SCRIPT), "127.0.0.1", port, USER, PASSWORD, str(output)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert ended.returncode == 0, ended.stderr[-4000:]
    with np.load(output) as arrays:
        return dict(arrays), json.loads(str(arrays["told"]))


def test_it_connects_joins_and_closes(outcome: Any) -> None:
    _, told = outcome
    assert told["secure"] is True
    assert told["user"] == [USER, "local"]
    assert told["alive"] and told["joined"] and told["alive after join"] and told["closed"]


def test_it_leaves_tls_when_asked(outcome: Any) -> None:
    _, told = outcome
    assert told["insecure"] is False


def test_it_lists_the_whole_tree(outcome: Any, folder: Folder) -> None:
    _, told = outcome
    tree = {".": [BROKEN, PICTURE, STACK], "cells": [PYRAMID]}
    assert told["tree"] == {folder.path.name: tree}
    assert told["page"] == sorted([BROKEN, PICTURE, STACK, PYRAMID])[1:3]
    assert told["missing"]


def test_it_tells_sizes_channels_and_pixel_sizes(outcome: Any, folder: Folder) -> None:
    _, told = outcome
    pyramid = told["images"][PYRAMID]
    assert (pyramid["sizes"], pyramid["type"]) == ([900, 700, 1, 3, 1], "uint16")
    assert pyramid["pixel size"] == [0.25, 0.5, 250.0]
    assert pyramid["labels"] == list(CHANNELS)
    assert [c["label"] for c in pyramid["channels"]] == list(CHANNELS)
    assert [c["wave"] for c in pyramid["channels"]] == [450.0, 520.0, 670.0]
    full = folder.levels[PYRAMID][0]
    windows = [[float(full[0, c].min()), float(full[0, c].max())] for c in range(3)]
    assert [c["window"] for c in pyramid["channels"]] == windows
    assert [c["color"] for c in pyramid["channels"]] == ["0000FF", "00FF00", "FF0000"]
    assert told["images"][STACK]["sizes"] == [45, 31, 3, 2, 4]
    assert "channels" not in told["images"][BROKEN]
    assert (pyramid["owner"], pyramid["dataset"]) == (USER, "cells")
    # Its name may be changed.
    assert (pyramid["can annotate"], pyramid["can edit"]) == (True, True)


@pytest.mark.parametrize("name", [PYRAMID, STACK, PICTURE])
def test_it_reads_the_files_own_pixels(outcome: Any, folder: Folder, name: str) -> None:
    arrays, _ = outcome
    [full, *_] = levels = folder.levels[name]
    last = full[-1, -1, -1]
    assert np.array_equal(arrays[f"{name}: plane"], last)
    assert np.array_equal(arrays[f"{name}: tile"], last[6:17, 5:25])
    for c in range(full.shape[1]):
        assert np.array_equal(arrays[f"{name}: plane {c}"], full[0, c, 0])
    for number, level in enumerate(levels):
        assert np.array_equal(arrays[f"{name}: level {number}"], level[-1, -1, -1])


@pytest.mark.parametrize("name", [PYRAMID, STACK, PICTURE])
def test_it_has_the_server_draw(outcome: Any, folder: Folder, name: str) -> None:
    arrays, _ = outcome
    pixel_type = {PYRAMID: "uint16", STACK: "int16", PICTURE: "uint8"}[name]
    orange = ChannelBinding(True, Window(5, 200), Color(255, 128, 0), reverse_intensity=True)
    definition = RenderingDefinition(Model.RGB, (orange,))

    def jpeg(plane: np.ndarray, quality: float) -> bytes:
        return encode(compose([plane], pixel_type, definition), Encoding("jpeg", quality))

    full, smallest = folder.levels[name][0], folder.levels[name][-1]
    assert arrays[f"{name}: drawn"].tobytes() == jpeg(full[-1, 0, -1], 0.9)
    assert arrays[f"{name}: part"].tobytes() == jpeg(smallest[-1, 0, -1, 6:17, 5:25], 0.8)
    projected = np.maximum(full[-1, 0].max(axis=0), 0)
    assert arrays[f"{name}: projected"].tobytes() == jpeg(projected, 0.9)


@pytest.mark.parametrize("name", [PYRAMID, STACK, PICTURE, BROKEN])
def test_it_downloads_the_original_files(outcome: Any, folder: Folder, name: str) -> None:
    arrays, told = outcome
    content = (folder.path / name).read_bytes()
    assert arrays[f"{name}: file"].tobytes() == content
    assert told["images"][name]["files"] == [[Path(name).name, len(content)]]


def test_its_errors_are_declared_ones(outcome: Any) -> None:
    _, told = outcome
    assert told["refused"] == ["QueryException", "ValidationException", "ApiUsageException"]
