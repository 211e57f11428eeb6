"""Loads the Slice files once and offers what Ice generates from them as `omero`.

`Ice.loadSlice` generates the Python classes in memory (0.4 s), so that no generated file is
kept in the project and none can go stale. Import this before forking: the classes are then
shared by all workers.
"""

from pathlib import Path

import Glacier2  # noqa: F401  (its classes are bases of ours and have to exist first)
import Ice

SLICE_DIR = Path(__file__).parent / "slice"

# services.ice includes all the others; --all generates the included definitions too.
Ice.loadSlice(
    "", [f"-I{Ice.getSliceDir()}", f"-I{SLICE_DIR}", "--all", str(SLICE_DIR / "services.ice")]
)

import omero  # noqa: E402  (the module exists only once the Slice files are loaded)

__all__ = ["omero"]
