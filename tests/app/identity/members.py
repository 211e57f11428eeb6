"""The users of a lab, each logged in to an application, through a router as OMERO has one."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flask.testing import FlaskClient

from app import create_app
from app.settings import load_settings
from app.web import parts_of
from render.blitz.endpoint import Credentials, Endpoint
from render.blitz.source import BlitzSource
from tests.app.identity.conftest import soon
from tests.support.glacier2 import missing_glacier2, start_glacier2
from tests.support.image_server import start_image_server
from tests.support.lab import PASSWORDS, make_lab


@dataclass(frozen=True)
class Members:
    """An application's client, the key of each user's session, and the images by name."""

    client: FlaskClient
    keys: dict[str, str]
    ids: dict[str, int]

    def headers(self, user: str) -> dict[str, str]:
        """Give the headers with which a user asks."""
        return {"X-OMERO-Session-Key": self.keys[user]}


@contextlib.contextmanager
def members_of(folder: Path) -> Iterator[Members]:
    """Run an application for the users of a lab that is made in a folder.

    It asks through a router where there is one.
    """
    lab = make_lab(folder / "lab")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(
            start_image_server(
                lab.folder, transports=("tcp", "ssl", "manager"), arguments=lab.arguments
            )
        )
        port = server.ports["tcp"]
        if missing_glacier2() is None:
            port = stack.enter_context(start_glacier2(server)).ports["tcp"]
        source = BlitzSource(Endpoint("127.0.0.1", port, "tcp"))
        app = create_app(
            load_settings(
                env_file=None,
                omero_host="127.0.0.1",
                omero_port=port,
                omero_transport="tcp",
                cache_dir=folder / "cache",
                render_threads=1,
                image_info_max_age_s=1000,
            )
        )
        keys = {user: source.log_in(user, word, soon()).key for user, word in PASSWORDS.items()}
        session = source.session(Credentials.login("root", PASSWORDS["root"]), soon())
        ids = {
            str(image.name): image.id
            for project in session.projects(soon())
            for dataset in session.datasets(project.id, soon())
            for image in session.images(dataset.id, soon())
        }
        yield Members(app.test_client(), keys, ids)
        parts_of(app).close()
        source.close()
