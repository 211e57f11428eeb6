"""OMERO's own viewers, where their wheels are installed: the folders of their files for browsers.

Nothing of them is imported: their Python part belongs into OMERO.web.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from flask import Response, send_from_directory

from app.settings import Settings
from render.errors import NotFound

_DAY_S = 86400


@dataclass(frozen=True)
class Bundle:
    """An installed viewer: the folder of its files, and its version."""

    folder: Path
    version: str


@dataclass(frozen=True)
class WebViewer:
    """A viewer that may be installed: its name, package, and a file that each version has.

    `is_on` tells whether the setting named `setting`, which switches it off, leaves it on.
    """

    name: str
    package: str
    first_file: str
    setting: str
    is_on: Callable[[Settings], bool]

    def installed(self) -> Bundle | None:
        """Find the viewer among the installed packages; None where it is not installed."""
        return find_bundle(self.package, self.first_file)

    def is_served(self, settings: Settings) -> bool:
        """Tell whether the viewer is there to be served."""
        return self.is_on(settings) and self.installed() is not None

    def bundle(self, settings: Settings) -> Bundle:
        """Give the installed viewer; raise NotFound, saying what to do, where none is served."""
        if not self.is_on(settings):
            raise NotFound(f"{self.name} is switched off here (setting {self.setting})")
        found = self.installed()
        if found is None:
            raise NotFound(f"{self.name} is not installed here; `script/setup viewer` installs it")
        return found


IVIEWER = WebViewer(
    "OMERO.iviewer", "omero_iviewer", "main.js", "iviewer", lambda settings: settings.iviewer
)
FIGURE = WebViewer(
    "OMERO.figure", "omero_figure", "index.html", "figure", lambda settings: settings.figure
)


@cache
def find_bundle(package: str, first: str) -> Bundle | None:
    """Find a package's files for browsers, of which `first` is one; None where there are none."""
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
