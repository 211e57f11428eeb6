"""`flask` commands for operators: `.venv/bin/flask --help` in the project's folder lists them.

Each command is a module of its own.
"""

from flask import Flask

from app.cli import cache, doctor, nginx, settings, systemd

_MODULES = (cache, doctor, nginx, settings, systemd)


def register(app: Flask) -> None:
    """Give the application its commands."""
    for module in _MODULES:
        app.cli.add_command(module.command)
