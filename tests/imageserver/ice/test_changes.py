"""Files that come, change and go while the server runs, as its clients see them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import Ice
import numpy as np
import pytest
import tifffile

from render.blitz.slices import omero
from tests.imageserver.ice.clients import LoggedIn, log_in, parameters
from tests.support.image_server import start_image_server

PATIENCE_S = 20.0


def write(path: Path, value: int) -> None:
    """Write a small image aside and move it in, as careful programs do."""
    made = path.with_suffix(".part")
    tifffile.imwrite(made, np.full((20, 30), value, np.uint16))
    made.rename(path)


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Path, LoggedIn]]:
    folder = tmp_path / "served"
    folder.mkdir()
    write(folder / "first.tif", 1)
    with start_image_server(folder) as server, log_in(server.ports["tcp"]) as client:
        yield folder, client


def wait_for(client: LoggedIn, names: list[str]) -> None:
    """Wait until exactly these images are listed."""
    until = time.monotonic() + PATIENCE_S
    found: list[Any] = []
    while time.monotonic() < until:
        found = [name for [name] in client.rows("select i.name from Image i order by i.name")]
        if found == names:
            return
        time.sleep(0.1)
    assert found == names


def test_a_new_file_is_listed_with_statistics_and_a_lost_one_is_not(
    busy: tuple[Path, LoggedIn],
) -> None:
    folder, client = busy
    wait_for(client, ["first.tif"])
    first_id = client.image_id("first.tif")
    write(folder / "second.tif", 5)
    wait_for(client, ["first.tif", "second.tif"])
    assert client.image_id("first.tif") == first_id
    pixels = client.factory.getQueryService().findByQuery(
        "select distinct p from Pixels p join fetch p.channels c left join fetch c.statsInfo "
        "where p.image.id = :id",
        parameters(id=client.image_id("second.tif")),
    )
    [channel] = pixels.channelsSeq
    assert (channel.statsInfo.globalMin.val, channel.statsInfo.globalMax.val) == (5.0, 5.0)

    store = client.open_pixels("second.tif")
    (folder / "second.tif").unlink()
    wait_for(client, ["first.tif"])
    with pytest.raises((omero.ResourceError, Ice.ObjectNotExistException)) as refusal:
        store.getPlane(0, 0, 0)
    assert str(folder) not in str(refusal.value)


def test_a_file_that_is_written_anew_gets_another_version(busy: tuple[Path, LoggedIn]) -> None:
    folder, client = busy
    wait_for(client, ["first.tif"])
    text = "select i.version, i.details.updateEvent.id from Image i"
    [before] = client.rows(text)
    write(folder / "first.tif", 9)
    until = time.monotonic() + PATIENCE_S
    while client.rows(text) == [before] and time.monotonic() < until:
        time.sleep(0.1)
    [after] = client.rows(text)
    assert after[0] > before[0] and after[1] > before[1]
    plane = client.open_pixels("first.tif").getPlane(0, 0, 0)
    assert set(np.frombuffer(plane, ">u2")) == {9}
