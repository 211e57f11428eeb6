"""From settings to the way in which viewers are known."""

from collections.abc import Sequence

from app.identity import Identity, Viewer
from app.identity.fixed import FixedIdentity
from app.identity.members import Logins, MembersIdentity
from app.identity.public import public_access_of
from app.servers import Server, own_credentials_of
from app.settings import Settings


def check_identity(settings: Settings) -> None:
    """Raise SettingsError for settings of which `open_identity` could make nothing."""
    public_access_of(settings)


def open_identity(settings: Settings, servers: Sequence[Server]) -> Identity:
    """Give the one way of the settings to tell who asks."""
    own = own_credentials_of(settings)
    if own is not None:
        return FixedIdentity(Viewer("fixed", "local" if settings.embedded else "public", own))
    logins: list[Logins] = []
    return MembersIdentity(
        servers,
        logins,
        public_access_of(settings),
        query_secrets=settings.query_secrets,
        remembered_s=settings.image_info_max_age_s,
    )
