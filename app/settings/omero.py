"""Settings: OMERO.server."""

from typing import Literal

from pydantic import BaseModel, SecretStr

from app.settings.kinds import Port, in_group

setting = in_group("omero")


class OmeroSettings(BaseModel):
    """OMERO.server."""

    omero_host: str | None = setting(None, "Host name of OMERO.server; not set = embedded mode.")
    omero_port: Port = setting(4064, "Port of OMERO.server's router.")
    omero_transport: Literal["ssl", "tcp", "ws", "wss"] = setting(
        "ssl", "How to connect to OMERO.server."
    )
    omero_user: str | None = setting(
        None, "OMERO user in whose name pictures are made for everybody."
    )
    omero_password: SecretStr | None = setting(None, "Password of omero_user.")
