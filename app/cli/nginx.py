"""`flask nginx`: NGINX's configuration for these settings."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from app.operations.nginx import Site, nginx_configuration
from app.web import parts_of


@click.command("nginx")
@click.option("--server-name", default="_", help="Host name that is answered, default any.")
@click.option("--listen", help="Port, or address and port; default 80, with a certificate 443.")
@click.option(
    "--omero-web",
    metavar="HOST:PORT",
    help="Where OMERO.web listens, for what Blitzrender does not answer; default nowhere.",
)
@click.option(
    "--omero-web-static",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="OMERO.web's static files, which NGINX then sends by itself, as OMERO.web expects of it.",
)
@click.option("--prefix", default="", help="What all addresses begin with, such as /omero.")
@click.option("--certificate", type=click.Path(path_type=Path), help="PEM file; turns TLS on.")
@click.option("--certificate-key", type=click.Path(path_type=Path), help="PEM file of its key.")
@click.option(
    "--cache-folder",
    type=click.Path(path_type=Path),
    default=Site.cache_folder,
    show_default=True,
    help="Folder in which NGINX keeps public pictures.",
)
@click.option("--cache-size", default=Site.cache_size, show_default=True, help="Its size at most.")
@with_appcontext
def command(
    server_name: str,
    listen: str | None,
    omero_web: str | None,
    omero_web_static: Path | None,
    prefix: str,
    certificate: Path | None,
    certificate_key: Path | None,
    cache_folder: Path,
    cache_size: str,
) -> None:
    """Print a configuration to include in NGINX's http block."""
    if (certificate is None) != (certificate_key is None):
        raise click.UsageError("--certificate and --certificate-key go together")
    site = Site(
        server_name=server_name,
        listen=listen or ("80" if certificate is None else "443"),
        omero_web=omero_web,
        omero_web_static=omero_web_static,
        prefix=prefix.rstrip("/"),
        certificate=certificate,
        certificate_key=certificate_key,
        cache_folder=cache_folder,
        cache_size=cache_size,
    )
    try:
        text = nginx_configuration(current_app, parts_of(current_app).settings, site)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(text, nl=False)
