"""The first request after a start, against the tenth: both are the first of their image.

The images that a worker warms up with are not among them.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from app.operations import warm
from benchmarks import load
from benchmarks.pyramids import SAMPLES
from tests.support import service

IMAGES = 12
ROUNDS = 7
#: Each with a window of its own, since the tables of a window that came before are at hand.
_QUERY = "tile=0,0,0,512,512&c=1|{0}:4000$FF0000,2|{0}:4000$00FF00,3|{0}:4000$0000FF&m=c"


def report_start() -> None:
    """Print the medians of several starts."""
    rounds = [_one_start() for _ in range(ROUNDS)]
    first, tenth = (statistics.median(times[i] for times in rounds) * 1000 for i in (0, 9))
    print(f"a tile of an image nobody asked for before, median of {ROUNDS} starts")
    print(f"  first request       {first:8.1f} ms")
    print(f"  tenth request       {tenth:8.1f} ms   ratio {first / tenth:.2f} (reach 1)")


def _one_start() -> list[float]:
    """Give the seconds of the first request for each of the images, in turn."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache_dir:
        for number in range(warm.IMAGES + IMAGES):
            shutil.copy(SAMPLES / "worms.ome.tif", Path(folder) / f"{number:02}.ome.tif")
        with service.running(Path(folder), Path(cache_dir), workers=1) as running:
            ids = running.image_ids(warm.IMAGES + IMAGES)
            time.sleep(2)
            paths = [
                f"/webgateway/render_image_region/{ids[name]}/0/0/?{_QUERY.format(number)}"
                for number, name in enumerate(sorted(ids)[warm.IMAGES :])
            ]
            return [load.run(running.port, [path], 1).latencies_s[0] for path in paths]
