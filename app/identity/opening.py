"""From settings to the way in which viewers are known."""

from collections.abc import Sequence

from app.identity import Identity
from app.identity.attempts import LoginAttempts
from app.identity.fixed import FixedIdentity, fixed_viewer
from app.identity.members import Logins, MembersIdentity
from app.identity.omero_web import OmeroWebLogins
from app.identity.own_logins import OwnLogins, open_private
from app.identity.public import public_access_of
from app.identity.stores.opening import open_stores
from app.login_address import offers_login
from app.servers import Server, own_credentials_of
from app.settings import Settings
from cache.turns import Turns


def check_identity(settings: Settings) -> None:
    """Raise SettingsError for settings of which `open_identity` could make nothing."""
    public_access_of(settings)
    if settings.session_engine is not None:
        open_stores(settings)


def open_attempts(settings: Settings) -> LoginAttempts | None:
    """Open the count of wrong passwords, None where nobody can send one."""
    if not offers_login(settings) and not settings.query_secrets:
        return None
    folder = settings.cache_dir / "logins" / "attempts"
    disk = open_private(folder, settings.login_max_entries, settings.login_attempts_s)
    turns = Turns(folder.with_name("attempts.turns"))
    return LoginAttempts(disk, turns, settings.login_attempts, settings.login_attempts_s)


def open_own_logins(
    settings: Settings, servers: Sequence[Server], attempts: LoginAttempts | None
) -> OwnLogins | None:
    """Open the store of the logins made here, None where there are none."""
    if attempts is None or not offers_login(settings):
        return None
    return OwnLogins(
        settings.cache_dir / "logins" / "sessions",
        servers,
        attempts,
        max_entries=settings.login_max_entries,
        age_s=settings.login_age_s,
        remembered_s=settings.session_remembered_s,
    )


def open_identity(
    settings: Settings,
    servers: Sequence[Server],
    own_logins: OwnLogins | None,
    attempts: LoginAttempts | None,
) -> Identity:
    """Give the one way of the settings to tell who asks."""
    own = own_credentials_of(settings)
    if own is not None:
        return FixedIdentity(fixed_viewer(settings.embedded, own))
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
    if own_logins is not None:
        logins.append(own_logins)
    return MembersIdentity(
        servers,
        logins,
        public_access_of(settings),
        query_secrets=settings.query_secrets,
        attempts=attempts,
        proxies=settings.trusted_proxies,
        remembered_s=settings.image_info_max_age_s,
    )
