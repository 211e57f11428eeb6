"""Loads the Slice files once and offers what Ice generates from them as `omero`.

`Glacier2` is to be imported from here too, never by itself.

`Ice.loadSlice` generates the Python classes in memory (0.4 s), so that no generated file is
kept in the project and none can go stale. Import this before forking: the classes are then
shared by all workers.
"""

import importlib
from pathlib import Path
from typing import Any

import Ice
import IcePy

SLICE_DIR = Path(__file__).parent / "slice"


def _import_glacier2() -> Any:
    """Import Glacier2 with all its exceptions alive.

    Its Python package in Ice 3.7 defines a plain class over the generated SessionNotExistException.
    Nothing holds the generated one then but Ice, which does not count its reference: receiving or
    raising that exception crashes the interpreter. So the generated one is kept and put back.
    """
    define = IcePy.defineException
    generated = {}

    def define_and_keep(type_id: str, exception: type, *rest: Any) -> Any:
        generated[type_id] = exception
        return define(type_id, exception, *rest)

    IcePy.defineException = define_and_keep
    try:
        module: Any = importlib.import_module("Glacier2")
    finally:
        IcePy.defineException = define
    type_id = "::Glacier2::SessionNotExistException"
    if not issubclass(module.SessionNotExistException, Ice.UserException):
        if type_id not in generated:
            raise ImportError("import Glacier2 from render.blitz.slices, not by itself")
        module.SessionNotExistException = generated[type_id]
    return module


# Its classes are bases of ours and have to exist first.
Glacier2 = _import_glacier2()

# services.ice includes all the others; --all generates the included definitions too.
Ice.loadSlice(
    "", [f"-I{Ice.getSliceDir()}", f"-I{SLICE_DIR}", "--all", str(SLICE_DIR / "services.ice")]
)

import omero  # noqa: E402  (the module exists only once the Slice files are loaded)

__all__ = ["Glacier2", "omero"]
