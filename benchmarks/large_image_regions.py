"""large_image's figure for the same tiles; runs in an environment of its own.

    python large_image_regions.py PYRAMID STYLE_JSON PROCESSES LEFT,TOP ...

Prints the seconds that `getRegion` took for all the tiles, shared among the processes.
"""

import multiprocessing
import sys
import time

import large_image_source_tiff

TILE = 512


def _read(arguments):
    path, style, origins, ready, go = arguments
    source = large_image_source_tiff.open(path, style=style)
    _region(source, origins[0])
    ready.wait()
    go.wait()
    for origin in origins:
        _region(source, origin)


def _region(source, origin):
    left, top = origin
    source.getRegion(
        region={"left": left, "top": top, "width": TILE, "height": TILE, "units": "base_pixels"},
        encoding="JPEG",
        jpegQuality=90,
    )


def main():
    """Measure and print."""
    path, style, processes = sys.argv[1], sys.argv[2], int(sys.argv[3])
    origins = [tuple(map(int, text.split(","))) for text in sys.argv[4:]]
    ready = multiprocessing.Barrier(processes + 1)
    go = multiprocessing.Event()
    workers = [
        multiprocessing.Process(
            target=_read, args=((path, style, origins[i::processes], ready, go),)
        )
        for i in range(processes)
    ]
    for worker in workers:
        worker.start()
    ready.wait()
    started = time.perf_counter()
    go.set()
    for worker in workers:
        worker.join()
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
