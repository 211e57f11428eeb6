"""`flask settings`: the annotated settings file."""

import json
import textwrap
from itertools import groupby
from typing import Any

import click
from pydantic import SecretStr

from app.settings import PREFIX, Settings, describe_settings

_WIDTH = 96


@click.command("settings")
def command() -> None:
    """Print a TOML file that names every setting; BLITZRENDER_CONFIG names where you keep it."""
    click.echo(settings_file(), nl=False)


def settings_file() -> str:
    """Give the file: each setting with its meaning and default, commented out."""
    lines = [
        "# Settings of Blitzrender. Take the # away before what you change.",
        f"# The environment ({PREFIX}…) wins over this file.",
        "",
    ]
    for group, rows in groupby(describe_settings(), key=lambda row: row.group):
        lines += [f"# ---- {group} ----", ""]
        for row in rows:
            lines += textwrap.wrap(row.help, _WIDTH, initial_indent="# ", subsequent_indent="# ")
            value = _as_toml(Settings.model_fields[row.name].default)
            lines += [f"# Default: {row.default}", f"#{row.name} = {value}", ""]
    return "\n".join(lines)


def _as_toml(default: Any) -> str:
    """Write a default as TOML does; what is not set or secret as an empty text."""
    if default is None or isinstance(default, SecretStr):
        return '""'
    return json.dumps(default, default=str)
