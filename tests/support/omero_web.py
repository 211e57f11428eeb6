"""OMERO.web's configuration file, and its sessions, which real Django writes."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.processes import missing

PROJECT = Path(__file__).parent.parent.parent
PYTHON = PROJECT / ".venv-django" / "bin" / "python"
SECRET = "a)secret_key$that+is%long&enough=for*django!"
ENGINES = "django.contrib.sessions.backends."


def content(session_key: str, **changes: Any) -> dict[str, Any]:
    """Give what OMERO.web keeps in the session of somebody who is logged in."""
    return {
        "connector": {
            "server_id": "1",
            "is_secure": False,
            "is_public": False,
            "omero_session_key": session_key,
            "user_id": 2,
        }
        | changes,
        "server_settings": {
            "browser": {"thumb_default_size": 96},
            "email": False,
            "ü": ["ä", None],
        },
        "can_create": True,
        "rdef": {"c": "1|0:255$FF0000", "m": "c"},
    }


def config_xml(properties: Mapping[str, str], profile: str = "default") -> str:
    """Give OMERO's configuration file with these properties."""

    def escaped(text: str) -> str:
        for letter, name in (("&", "amp"), ("<", "lt"), (">", "gt"), ('"', "quot")):
            text = text.replace(letter, f"&{name};")
        return text

    items = "".join(
        f'<property name="{name}" value="{escaped(value)}"/>' for name, value in properties.items()
    )
    return (
        '<icegrid><properties id="__ACTIVE__">'
        f'<property name="omero.config.profile" value="{profile}"/></properties>'
        '<properties id="other"><property name="omero.web.prefix" value="/other"/></properties>'
        f'<properties id="{profile}">{items}</properties></icegrid>'
    )


def write_sessions(
    sessions: Sequence[Mapping[str, Any]],
    *,
    folder: Path,
    redis_port: int = 0,
    database: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Have Django write sessions; give the cookie of each by its name."""
    if not PYTHON.exists():
        missing("there is no .venv-django (script/setup-django makes it)")
    given = {
        "secret": SECRET,
        "folder": str(folder),
        "redis": f"redis://127.0.0.1:{redis_port}/3",
        "database": database
        or {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "web.sqlite3")},
        "sessions": list(sessions),
    }
    done = subprocess.run(
        [PYTHON, PROJECT / "tests" / "support" / "django_sessions.py"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
