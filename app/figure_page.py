"""OMERO.figure's own page, where its wheel is installed, and what the page is told.

The page is a file of the wheel in which OMERO.web replaces texts before it gives it out; so do we.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from jinja2.utils import htmlsafe_json_dumps

from app.bundles import FIGURE
from app.call import Call
from app.metadata.units import LENGTHS, symbol_of
from render.errors import NotFound

#: Where the page's icons come from as long as nobody replaces it.
_ICONS = re.compile(r"https://[^\"]*/(?=bootstrap-icons\.css)")
_OWN_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True)
class FigurePage:
    """The page, and what Content-Security-Policy calls the script that is written into it."""

    text: str
    script: str


def figure_page(call: Call, prefix: str, files: str, icon: str) -> FigurePage:
    """Give the page for a viewer, which finds everything below `prefix` and its files at `files`.

    `icon` is the address of the page's icon.
    """
    bundle = FIGURE.bundle(call.settings)
    text = (bundle.folder / FIGURE.first_file).read_text("utf-8")
    for name, value in _told(call, prefix, files).items():
        text = _with_constant(text, name, str(htmlsafe_json_dumps(value)))
    text = _ICONS.sub(f"{files}/", text).replace('="/assets/', f'="{files}/assets/')
    text = text.replace("</head>", f'<link rel="icon" href="{icon}" type="image/svg+xml"></head>')
    own = _OWN_SCRIPT.search(text)
    digest = hashlib.sha256(own[1].encode() if own else b"").digest()
    return FigurePage(text, f"'sha256-{base64.b64encode(digest).decode()}'")


def _told(call: Call, prefix: str, files: str) -> dict[str, Any]:
    """Give the page's constants by name.

    Nothing is exported, as the script for it runs beside an OMERO.server and is no part of it: the
    page says that it is missing.
    """
    user = call.session.user(call.deadline)
    server = call.session.server_settings(call.deadline)
    most = min(server.max_projection_bytes, call.settings.max_projection_bytes)
    return {
        "APP_SERVED_BY_OMERO": True,
        "BASE_OMEROWEB_URL": f"{prefix}/",
        "APP_ROOT_URL": f"{prefix}/figure/",
        "STATIC_DIR": files,
        "USER_ID": user.user_id,
        "USER_FULL_NAME": user.user_name,
        "IS_PUBLIC_USER": call.viewer.kind == "public",
        "PING_URL": "" if call.settings.one_viewer else f"{prefix}/webclient/keepalive_ping/",
        "LENGTH_UNITS": {
            unit: {"symbol": symbol_of(unit), "microns": microns}
            for unit, microns in LENGTHS.items()
        },
        "MAX_PLANE_SIZE": server.max_plane_width * server.max_plane_height,
        "MAX_PROJECTION_BYTES": most,
    }


def _with_constant(text: str, name: str, value: str) -> str:
    # Some constants are told by others, so all up to the line's end goes.
    text, found = re.subn(rf"(const {name} =).*", lambda match: f"{match[1]} {value};", text)
    if not found:
        raise NotFound(f"the installed OMERO.figure is not of a known kind: it knows no {name}")
    return text
