"""The unit with which systemd runs Blitzrender."""

import re
from pathlib import Path

from flask import Flask, render_template

from app.settings import Settings

_NAME = re.compile(r"[a-z_][a-z0-9_-]*")
_FORBIDDEN = re.compile(r"[\s\"'\\$%;#]|[^\x20-\x7e]")
#: Folders that ProtectHome hides.
_HOMES = ("/home", "/root", "/run/user")


def systemd_unit(
    app: Flask,
    settings: Settings,
    *,
    project: Path,
    user: str = "blitzrender",
    group: str = "blitzrender",
    environment_file: Path = Path("/etc/blitzrender.env"),
) -> str:
    """Give the unit's text; `project` is the folder with gunicorn.conf.py and `.venv`.

    Raises ValueError for a name or path with a character that has a meaning to systemd.
    """
    for name in (user, group):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a user or group")
    for path in (project, environment_file):
        if not path.is_absolute() or _FORBIDDEN.search(str(path)):
            raise ValueError(f"{str(path)!r} has a character that systemd would misunderstand")
    read = [project] + ([settings.images.absolute()] if settings.embedded else [])
    with app.app_context():
        text = render_template(
            "blitzrender.service",
            project=project,
            python=project / ".venv" / "bin" / "python",
            user=user,
            group=group,
            environment_file=environment_file,
            reads_home=any(path.is_relative_to(home) for path in read for home in _HOMES),
        )
    return f"{text.rstrip()}\n"
