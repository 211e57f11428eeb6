"""Settings: who may ask, and how they are known."""

from pathlib import Path

from pydantic import BaseModel, SecretStr

from app.settings.kinds import Count, Seconds, SecondsOrNone, in_group

setting = in_group("identity")


class IdentitySettings(BaseModel):
    """Who may ask, and how they are known."""

    session_engine: str | None = setting(
        None,
        "Where OMERO.web keeps its sessions: `cache` (in Redis), `db`, `cached_db`, `file` or "
        "`signed_cookies`; Django's full names do too. Not set = its cookies mean nothing here.",
    )
    session_cookie_name: str = setting("sessionid", "Name of OMERO.web's session cookie.")
    session_secret_key: SecretStr | None = setting(
        None, "OMERO.web's secret key, with which all sessions but those in a cache are signed."
    )
    session_cache_url: SecretStr = setting(
        SecretStr("redis://127.0.0.1:6379/0"),
        "Redis database of OMERO.web's default cache: `redis://[user:password@]host:port/number`, "
        "`rediss://…` or `unix://path?db=number`.",
    )
    session_cache_key_prefix: str = setting("", "KEY_PREFIX of that cache.")
    session_cache_version: Count = setting(1, "VERSION of that cache.")
    session_database: SecretStr | None = setting(
        None,
        "Database with OMERO.web's table django_session: `sqlite:///path`, or "
        "`postgresql://user:password@host:port/name`.",
    )
    session_folder: Path | None = setting(
        None, "Folder with OMERO.web's session files.", "the system's folder for temporary files"
    )
    session_age_s: Count = setting(
        86400, "How long a session that is kept in a file or cookie lasts after its last change."
    )
    session_store_timeout_s: Seconds = setting(
        2.0, "How long OMERO.web's session store may take; a request is then answered 503."
    )
    session_remembered_s: SecondsOrNone = setting(
        5.0,
        "How long a process remembers whose cookie it was: after that a logout counts; "
        "0 = look each time.",
    )
    login_url: str | None = setting(
        None,
        "Where browsers are sent that have to log in.",
        "OMERO.web's `/webclient/login/` where its sessions are read, else the own `/login/`",
    )
    own_login: bool | None = setting(
        None,
        "Whether Blitzrender itself logs people in: a page, and the login of OMERO's JSON API.",
        "yes, unless OMERO.web's sessions are read",
    )
    login_age_s: Count = setting(86400, "How long an own login lasts at most.")
    login_max_entries: Count = setting(10000, "Own logins that are kept; the oldest unused go.")
    login_attempts: Count = setting(
        10, "Wrong passwords for one user, and from one address, within login_attempts_s."
    )
    login_attempts_s: Count = setting(300, "Seconds in which wrong passwords are counted.")
    query_secrets: bool = setting(
        False,
        "Accept session keys (`bsession`) and passwords (`username`, `password`) in URLs, as "
        "OMERO.web does; they end up in logs and histories.",
    )
    public_enabled: bool = setting(False, "Let the public user see pictures without a login.")
    public_url_filter: str = setting(
        "(?#This regular expression matches nothing)a^",
        "Regular expression that finds something in the paths that are open to the public.",
        "one that matches nothing",
    )
    public_get_only: bool = setting(True, "Whether the public may read only.")
    public_server_id: Count = setting(1, "Number of the server that has the public user.")
    public_user: str | None = setting(None, "Public user.")
    public_password: SecretStr | None = setting(None, "Password of the public user.")
    public_users: SecretStr | None = setting(
        None,
        'Public users of further servers, by number of the server: `{"2": ["user", "password"]}`.',
    )
    csrf_trusted_origins: tuple[str, ...] = setting(
        (),
        "Origins besides this host's own, such as `https://omero.example.org` or "
        "`https://*.example.org`, whose pages may send POST requests.",
        "none",
    )
