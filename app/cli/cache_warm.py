"""`flask cache warm`: pictures that are there before anybody asks."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial

import click
from flask import current_app
from flask.cli import with_appcontext

from app.identity import Viewer
from app.identity.viewer import viewer_of_user
from app.operations.warming import background_call, image_ids, warm_image
from app.parts import Parts
from app.web import parts_of
from render.errors import ServiceError

_ERRORS_SHOWN = 10


@click.command("warm")
@click.option("--dataset", type=click.IntRange(min=1), help="The images of this dataset.")
@click.option("--project", type=click.IntRange(min=1), help="Those of all its datasets.")
@click.option(
    "--levels",
    type=click.IntRange(0, 20),
    default=2,
    show_default=True,
    help="How many of the smallest resolution levels; 0 = thumbnails only.",
)
@click.option("--jobs", type=click.IntRange(1, 32), default=2, show_default=True)
@click.option("--user", help="OMERO user, whose password is asked for, where each viewer logs in.")
@click.option("--server", type=click.IntRange(min=1), default=1, help="Number of the server.")
@with_appcontext
def command(
    dataset: int | None,
    project: int | None,
    levels: int,
    jobs: int,
    user: str | None,
    server: int,
) -> None:
    """Render thumbnails and the upper levels of images, as many at a time as --jobs says.

    What is there already is passed over, so that a run that was stopped goes on where it was when
    it is started again. Images that cannot be rendered are told at the end.
    """
    if dataset is None and project is None:
        raise click.UsageError("name a --dataset or a --project")
    lazy = parts_of(current_app)
    settings = lazy.settings
    if settings.embedded and not settings.image_server_port:
        raise click.ClickException(
            "the embedded image server is at a port that it chose itself; set image_server_port "
            "for the service and for this command"
        )
    if server > len(lazy.all()):
        raise click.UsageError(f"there is no server {server}")
    parts = lazy.get(server)
    try:
        viewer = _viewer(parts, user, server)
        try:
            images = image_ids(background_call(parts, viewer), dataset, project)
        except ServiceError as error:
            raise click.ClickException(str(error)) from error
        _warm_all(parts, viewer, images, levels, jobs)
    finally:
        lazy.close()


def _viewer(parts: Parts, user: str | None, server: int) -> Viewer:
    if parts.own_credentials is not None:
        return Viewer(
            "fixed", "local" if parts.settings.embedded else "public", parts.own_credentials
        )
    if user is None:
        raise click.UsageError("each viewer logs in by themselves here: name a --user")
    password = click.prompt(f"Password of {user}", hide_input=True, err=True)
    return viewer_of_user(server, user, password)


def _warm_all(parts: Parts, viewer: Viewer, images: list[int], levels: int, jobs: int) -> None:
    made = there = 0
    errors: list[str] = []
    pool = ThreadPoolExecutor(jobs)
    try:
        new_call = partial(background_call, parts, viewer)
        futures = [pool.submit(warm_image, new_call, each, levels) for each in images]
        with click.progressbar(as_completed(futures), len(futures), label="images") as done:
            for future in done:
                warmed = future.result()
                made, there = made + warmed.made, there + warmed.there
                if warmed.error is not None:
                    errors.append(warmed.error)
    finally:
        pool.shutdown(cancel_futures=True)
    for error in errors[:_ERRORS_SHOWN]:
        click.echo(error, err=True)
    click.echo(f"{len(images)} images: {made} pictures made, {there} were there", nl=False)
    click.echo(f", {len(errors)} images failed" if errors else "")
    if errors:
        raise click.exceptions.Exit(1)
