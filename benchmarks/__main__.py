"""`python -m benchmarks [NAME ...]`: run the benchmarks named, or all, and print their figures."""

import sys
from pathlib import Path

from benchmarks import downloads, pyramids, soak, storm, tiles
from benchmarks.ab import report_ab
from benchmarks.cache import report_cache
from benchmarks.growth import report_growth
from benchmarks.kernels import report_kernels
from benchmarks.nginx import report_nginx
from benchmarks.start import report_start
from benchmarks.viewer import report_viewer

DATA = Path(__file__).parent / "data"


def report_tiles() -> None:
    """Print the rows of tiles: not cached, cached, slider."""
    paths = pyramids.make_all(DATA)
    for name in ("uint16", "deflate"):
        figures = tiles.measure_uncached(paths[name])
        print(f"tile not cached, 512², 3 x uint16, {name}, {tiles.CLIENTS} clients")
        print(f"  through HTTP        {figures.uncached:8.1f} tiles/s", end="")
        print(f"   p95 {figures.uncached_p95_s * 1000:.1f} ms, {figures.failed} failed")
        print(f"    CPU per tile      {figures.workers_cpu_ms:8.2f} ms in the workers,", end="")
        print(f" {figures.image_server_cpu_ms:.2f} ms in the image server")
        print(f"  kernel alone        {figures.kernel:8.1f} tiles/s", end="")
        print(f"   ratio {figures.uncached / figures.kernel:.2f} (reach 0.5)")
        if figures.large_image:
            print(f"  large_image         {figures.large_image:8.1f} tiles/s", end="")
            print(f"   ratio {figures.uncached / figures.large_image:.1f} (reach 5)")
    cached, bare = tiles.measure_cached(paths["uint16"])
    print("tile in the cache")
    print(f"  through HTTP        {cached:8.1f} requests/s")
    print(f"  bare Flask route    {bare:8.1f} requests/s   ratio {cached / bare:.2f} (reach 0.7)")
    moved, alone, again = tiles.measure_slider(paths["uint16"])
    print("slider move, raw tile in memory")
    print(f"  through HTTP        {moved * 1000:8.2f} ms median")
    print(
        f"  composite + encode  {alone * 1000:8.2f} ms median   ratio {moved / alone:.2f}", end=""
    )
    print(" (reach 1.5)")
    print(f"    with tables there {again * 1000:8.2f} ms median   ratio {moved / again:.2f}")


BENCHMARKS = {
    "ab": report_ab,
    "cache": report_cache,
    "downloads": downloads.main,
    "growth": lambda: report_growth(DATA),
    "kernels": report_kernels,
    "nginx": report_nginx,
    "start": report_start,
    "tiles": report_tiles,
    "viewer": lambda: report_viewer(DATA),
}
#: They take long, and are run alone.
LONG = {"soak": soak.main, "storm": storm.main}
#: They take options, after a single name.
WITH_OPTIONS = LONG | {"downloads": downloads.main}


def main(names: list[str]) -> int:
    """Run the benchmarks of these names, all when there are none; or a long one with options."""
    has_options = len(names) > 1 and names[1].startswith("-")
    if names and (names[0] in LONG or (has_options and names[0] in WITH_OPTIONS)):
        return WITH_OPTIONS[names[0]](names[1:])
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is called {', '.join(unknown)}; there are: ", end="")
        print(", ".join((*BENCHMARKS, *LONG)))
        return 2
    for name in names or BENCHMARKS:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
