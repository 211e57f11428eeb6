"""`flask doctor`: which step from here to a rendered tile fails, and what to do about it."""

import contextlib
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from app.identity.public import public_access_of
from app.operations.checkup import Finding, ServerCheck, check_cache_folder
from app.servers import own_credentials_of, servers_of
from app.settings import Settings, child_environment
from app.web import parts_of
from render.blitz.source import BlitzSource, Credentials, Endpoint

_PROJECT = Path(__file__).parents[2]
_START_TIMEOUT_S = 60.0


@click.command("doctor")
@click.option("--image", "image_id", type=click.IntRange(min=1), help="Try with this image.")
@click.option(
    "--join", is_flag=True, help="Ask for the key of a live OMERO session and try with that."
)
@with_appcontext
def command(image_id: int | None, join: bool) -> None:
    """Try every step from the settings to a rendered tile, and say which one fails.

    Ends with status 1 when one does. Takes a minute and a half at most for each server.
    """
    settings = parts_of(current_app).settings
    joined = None
    if join:
        key = click.prompt("Session key", hide_input=True).strip()
        joined = Credentials.join(key) if key else None
    click.echo(line_of(Finding("settings", "ok", _told(settings))))
    failed = False
    for finding in _findings(settings, joined, image_id):
        click.echo(line_of(finding))
        failed = failed or finding.outcome == "failed"
    sys.exit(1 if failed else 0)


def _told(settings: Settings) -> str:
    if settings.embedded:
        return f"embedded mode, over the folder {settings.images}"
    return "OMERO.server at " + ", ".join(str(s.source.endpoint) for s in servers_of(settings))


def line_of(finding: Finding) -> str:
    """Give what is said of a step, in one line and, with advice, a second one."""
    line = f"{finding.outcome:<8} {finding.step:<14} {finding.text}"
    return f"{line}\n{'':<8} {'':<14} -> {finding.advice}" if finding.advice else line


def login_of(settings: Settings, server_id: int) -> Credentials | None:
    """Give a login that the settings name for a server: everybody's, or the public user's."""
    own = own_credentials_of(settings)
    public = public_access_of(settings)
    if own is not None or public is None:
        return own
    viewer = public.viewer(server_id)
    return None if viewer is None else viewer.credentials


def _findings(
    settings: Settings, joined: Credentials | None, image_id: int | None
) -> Iterator[Finding]:
    yield from check_cache_folder(settings)
    if settings.embedded and not settings.image_server_port:
        yield from _findings_embedded(settings, joined or login_of(settings, 1), image_id)
        return
    servers = servers_of(settings)
    for server in servers:
        if len(servers) > 1:
            yield Finding("server", "ok", f"number {server.id}, '{server.name}'")
        credentials = joined or login_of(settings, server.id)
        yield from _findings_of(server.source, credentials, settings, image_id)


def _findings_of(
    source: BlitzSource,
    credentials: Credentials | None,
    settings: Settings,
    image_id: int | None,
) -> Iterator[Finding]:
    try:
        yield from ServerCheck(source, credentials, settings.render_worker, image_id).steps()
    finally:
        source.close()


def _findings_embedded(
    settings: Settings, credentials: Credentials | None, image_id: int | None
) -> Iterator[Finding]:
    """Start an image server for the time of the check, beside one that may be serving already."""
    with _image_server(settings) as port:
        if port is None:
            yield Finding(
                "image server",
                "failed",
                f"it does not start over {settings.images}",
                "what it said stands above",
            )
            return
        yield Finding("image server", "ok", f"started over {settings.images}")
        source = BlitzSource(Endpoint("127.0.0.1", port, "tcp"))
        yield from _findings_of(source, credentials, settings, image_id)


@contextlib.contextmanager
def _image_server(settings: Settings) -> Iterator[int | None]:
    # An index of its own: that of the service may be in use.
    with tempfile.TemporaryDirectory(prefix="doctor-") as index:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "imageserver", str(settings.images), "--with-parent"),
                *("--port", "0", "--cache-dir", index, "--scan-wait", "20"),
                *("--user", settings.image_server_user, "--log-level", "error"),
            ],
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=child_environment(
                BLITZRENDER_IMAGESERVER_PASSWORD=settings.image_server_password.get_secret_value()
            ),
        )
        try:
            yield _port_of(process)
        finally:
            process.terminate()
            process.wait(20)


def _port_of(process: subprocess.Popen) -> int | None:
    assert process.stdout is not None
    until_s = time.monotonic() + _START_TIMEOUT_S
    while (left_s := until_s - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left_s)[0]:
            return None
        line = process.stdout.readline().decode()
        if line.startswith("ready"):
            return int(line.split()[1].rpartition(":")[2])
        if not line:
            return None
    return None
