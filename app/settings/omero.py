"""Settings: OMERO.server."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, SecretStr

from app.settings.kinds import Count, Port, Seconds, in_group

setting = in_group("omero")


class OmeroSettings(BaseModel):
    """OMERO.server."""

    omero_host: str | None = setting(
        None, "Host name of OMERO.server; neither it nor omero_servers set = embedded mode."
    )
    omero_port: Port = setting(4064, "Port of OMERO.server's router.")
    omero_servers: tuple[tuple[str, Port, str], ...] = setting(
        (),
        "Several OMERO.servers, in place of omero_host: host, port and name of each, as in "
        'OMERO.web\'s `server_list`: `[["omero1", 4064, "one"], ["omero2", 4064, "two"]]`.',
        "none",
    )
    omero_transport: Literal["ssl", "tcp", "ws", "wss"] = setting(
        "ssl", "How to connect to OMERO.server: TLS, plain TCP, WebSocket or WebSocket over TLS."
    )
    omero_path: str = setting("/", "Path of OMERO.server's WebSocket endpoint (`ws`, `wss`).")
    omero_tls_verify: bool = setting(
        False,
        "Whether OMERO.server's certificate must be one that is trusted; OMERO's own clients take "
        "any.",
    )
    omero_tls_ca_file: str | None = setting(
        None,
        "PEM file of the authorities that are trusted with omero_tls_verify, or of a self-signed "
        "certificate itself; not set = the system's authorities.",
    )
    omero_tls_check_name: bool = setting(
        True,
        "Whether, with omero_tls_verify, the certificate must carry the name under omero_host; one "
        "made by `omero certificates` carries `localhost` unless told otherwise.",
    )
    omero_tls_anonymous: bool = setting(
        False,
        "Whether ciphers without a certificate are offered, as an OMERO.server needs that was "
        "never given one. Nobody then knows who answers.",
    )
    omero_user: str | None = setting(
        None,
        "OMERO user in whose name pictures are made for everybody, whoever asks; not set = who "
        "asks has to be logged in (docs/identity.md).",
    )
    omero_password: SecretStr | None = setting(None, "Password of omero_user.")
    omero_web_config: Path | None = setting(
        None,
        "OMERO's configuration file (`$OMERODIR/etc/grid/config.xml`), from which all is taken "
        "that OMERO.web is told in it and that is not set here. It is only read.",
    )
    omero_connect_timeout_s: Seconds = setting(
        5.0, "How long making a connection to OMERO.server may take."
    )
    omero_sessions_max: Count = setting(
        64, "Sessions that each worker process holds on OMERO.server; the one idle longest goes."
    )
    omero_session_idle_s: Seconds = setting(
        300.0, "How long a session that nobody uses stays open on OMERO.server."
    )
    omero_keep_alive_s: Seconds = setting(
        120.0, "How often an open session is kept from timing out on OMERO.server."
    )
    omero_stores_max: Count = setting(
        16, "Pixels stores that one session may have open on OMERO.server."
    )
    omero_stores_per_image_max: Count = setting(
        8, "Pixels stores that one session may have open for one image."
    )
    omero_store_idle_s: Seconds = setting(
        60.0, "How long a pixels store that nobody uses stays open on OMERO.server."
    )
