"""Reads a file over Ice and throws it away; prints bytes per second.

`python -m benchmarks.file_over_ice FOLDER FILE`. A process of its own under gevent, as the
service's workers are.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import contextlib
import statistics
import sys
import time
from pathlib import Path

from render.blitz.source import BlitzSession, BlitzSource, Credentials, Endpoint
from render.deadline import NOBODY, Deadline
from tests.support.image_server import PASSWORD, USER, start_image_server


class _Ahead:
    def block_bytes(self) -> int:
        return 1024 * 1024

    def blocks_ahead(self) -> int:
        return 2

    def turn(self, deadline: Deadline) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext()


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    with start_image_server(folder) as server:
        source = BlitzSource(Endpoint("127.0.0.1", server.ports["tcp"], "tcp"))
        session = source.session(Credentials.login(USER, PASSWORD), Deadline.after(30))
        file_id = _file_id(session, name)
        rates = []
        for _ in range(3):
            stream = session.open_file(file_id, Deadline.after(30))
            begun_s = time.perf_counter()
            blocks = stream.read(0, stream.size_bytes, _Ahead(), NOBODY)
            rates.append(sum(map(len, blocks)) / (time.perf_counter() - begun_s))
            stream.close()
        source.close()
    print(statistics.median(rates))


def _file_id(session: BlitzSession, name: str) -> int:
    deadline = Deadline.after(30)
    for project in session.projects(deadline):
        for dataset in session.datasets(project.id, deadline):
            for image in session.images(dataset.id, deadline):
                fileset = session.fileset(image.id, deadline)
                if fileset is not None and fileset.files[0].name == name:
                    return fileset.files[0].id
    raise SystemExit(f"there is no {name}")


if __name__ == "__main__":
    main()
