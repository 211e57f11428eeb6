"""OMERO's own viewers, where their wheels are installed: the folders of their files for browsers.

Nothing of them is imported: their Python part belongs into OMERO.web.
"""

from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from flask import Response, send_from_directory

_DAY_S = 86400


@dataclass(frozen=True)
class Bundle:
    """An installed viewer: the folder of its files, and its version."""

    folder: Path
    version: str


@cache
def find_bundle(package: str, first: str) -> Bundle | None:
    """Find a viewer among the installed packages; None where it is not installed.

    `first` is a file that each version has.
    """
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place) / "static" / package
        if (folder / first).is_file():
            return Bundle(folder, metadata.version(package.replace("_", "-")))
    return None


def bundle_file(bundle: Bundle, name: str, *, fixed: bool) -> Response:
    """Give one of a viewer's files; `fixed` = at its address there is never another one."""
    response = send_from_directory(bundle.folder, name)
    response.headers["Cache-Control"] = f"public, max-age={_DAY_S}" if fixed else "no-cache"
    return response
