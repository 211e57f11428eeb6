"""From settings to the way in which viewers are known."""

from collections.abc import Sequence

from app.identity import Identity, Viewer
from app.identity.fixed import FixedIdentity
from app.identity.members import Logins, MembersIdentity
from app.identity.omero_web import OmeroWebLogins
from app.identity.public import public_access_of
from app.identity.stores.opening import open_stores
from app.servers import Server, own_credentials_of
from app.settings import Settings


def check_identity(settings: Settings) -> None:
    """Raise SettingsError for settings of which `open_identity` could make nothing."""
    public_access_of(settings)
    if settings.session_engine is not None:
        open_stores(settings)


def open_identity(settings: Settings, servers: Sequence[Server]) -> Identity:
    """Give the one way of the settings to tell who asks."""
    own = own_credentials_of(settings)
    if own is not None:
        return FixedIdentity(Viewer("fixed", "local" if settings.embedded else "public", own))
    logins: list[Logins] = []
    if settings.session_engine is not None:
        logins.append(
            OmeroWebLogins(
                settings.session_cookie_name,
                open_stores(settings),
                servers,
                settings.session_remembered_s,
            )
        )
    return MembersIdentity(
        servers,
        logins,
        public_access_of(settings),
        query_secrets=settings.query_secrets,
        remembered_s=settings.image_info_max_age_s,
    )
