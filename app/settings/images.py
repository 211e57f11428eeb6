"""Settings: the embedded image server."""

from pathlib import Path

from pydantic import BaseModel, SecretStr

from app.settings.kinds import PortOrAny, in_group

setting = in_group("images")

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"


class ImagesSettings(BaseModel):
    """The embedded image server."""

    images: Path = setting(
        SAMPLES,
        "Folder whose image files are served when omero_host is not set (embedded mode).",
        "the sample images that come with Blitzrender",
    )
    image_server_host: str = setting("127.0.0.1", "Address of the embedded image server.")
    image_server_port: PortOrAny = setting(
        0,
        "TCP port of the embedded image server; 0 = a free one, chosen when it is started.",
    )
    image_server_user: str = setting(
        "local", "User with whose name Blitzrender logs in to the embedded image server."
    )
    image_server_password: SecretStr = setting(SecretStr("local"), "Password of image_server_user.")
    image_server_users: Path | None = setting(
        None,
        "TOML file with the users and groups of the embedded image server and what belongs to "
        "whom (docs/users.md), who then have to log in (docs/identity.md); not set = "
        "image_server_user is its one user, and nobody logs in.",
    )
