"""`flask systemd`: the unit with which systemd runs the service."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from app.operations.systemd import systemd_unit
from app.web import parts_of

_PROJECT = Path(__file__).resolve().parent.parent.parent


@click.command("systemd")
@click.option("--user", default="blitzrender", show_default=True, help="User of the service.")
@click.option("--group", default="blitzrender", show_default=True, help="Its group.")
@click.option(
    "--environment-file",
    type=click.Path(path_type=Path),
    default="/etc/blitzrender.env",
    show_default=True,
    help="File with the settings, BLITZRENDER_NAME=value.",
)
@with_appcontext
def command(user: str, group: str, environment_file: Path) -> None:
    """Print a hardened unit for this folder."""
    try:
        text = systemd_unit(
            current_app,
            parts_of(current_app).settings,
            project=_PROJECT,
            user=user,
            group=group,
            environment_file=environment_file,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(text, nl=False)
