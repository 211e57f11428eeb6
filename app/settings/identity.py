"""Settings: who may ask, and how they are known."""

from pydantic import BaseModel, SecretStr

from app.settings.kinds import Count, in_group

setting = in_group("identity")


class IdentitySettings(BaseModel):
    """Who may ask, and how they are known."""

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
