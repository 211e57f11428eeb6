"""The image server, writing all the while what it holds to the file that COUNTS_FILE names.

Run as `python -m tests.support.counted_image_server`, with the image server's own arguments.
"""

import json
import os
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from imageserver import sessions
from imageserver.__main__ import main

VARIABLE = "COUNTS_FILE"
STATEFUL = ("RawPixelsStore", "RenderingEngine", "RawFileStore")
_PAUSE_S = 0.05

_clients: "weakref.WeakSet[sessions.Client]" = weakref.WeakSet()
_make = sessions.Client.__init__


def _make_and_count(self: sessions.Client, *arguments: Any, **options: Any) -> None:
    _make(self, *arguments, **options)
    _clients.add(self)


def _count() -> dict[str, int]:
    names = [name for client in list(_clients) for name in client.service_names()]
    counts = {kind: sum(kind in name for name in names) for kind in STATEFUL}
    return counts | {"clients": sum(bool(client.service_names()) for client in list(_clients))}


def _write(path: Path) -> None:
    most: dict[str, int] = {}
    while True:
        now = _count()
        most = {name: max(value, most.get(name, 0)) for name, value in now.items()}
        unfinished = path.with_suffix(".new")
        unfinished.write_text(json.dumps({"now": now, "most": most}))
        unfinished.replace(path)
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    sessions.Client.__init__ = _make_and_count  # type: ignore[method-assign]
    target = Path(os.environ[VARIABLE])
    threading.Thread(target=_write, args=(target,), daemon=True).start()
    sys.exit(main())
