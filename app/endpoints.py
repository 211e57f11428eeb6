"""From settings to where OMERO.server is, how it is reached, and how much of it we may hold."""

from app.settings import PREFIX, Settings, SettingsError
from render.blitz.endpoint import Endpoint, Limits


def endpoint_of(settings: Settings, host: str, port: int) -> Endpoint:
    """Give the endpoint of the OMERO.server at `host`; raise SettingsError for what cannot be."""
    try:
        return Endpoint(
            host=host,
            port=port,
            transport=settings.omero_transport,
            path=settings.omero_path,
            verify=settings.omero_tls_verify,
            ca_file=settings.omero_tls_ca_file,
            check_name=settings.omero_tls_check_name,
            anonymous_ciphers=settings.omero_tls_anonymous,
        )
    except ValueError as error:
        raise SettingsError(f"the settings {PREFIX}OMERO_… name no server: {error}") from error


def limits_of(settings: Settings) -> Limits:
    """Give what one process may hold of a server."""
    return Limits(
        sessions=settings.omero_sessions_max,
        session_idle_s=settings.omero_session_idle_s,
        keep_alive_s=settings.omero_keep_alive_s,
        stores_per_session=settings.omero_stores_max,
        stores_per_pixels=settings.omero_stores_per_image_max,
        store_idle_s=settings.omero_store_idle_s,
        connect_timeout_s=settings.omero_connect_timeout_s,
    )
