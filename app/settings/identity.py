"""Settings: who may ask, and how they are known."""

from pydantic import BaseModel

from app.settings.kinds import in_group

setting = in_group("identity")


class IdentitySettings(BaseModel):
    """Who may ask, and how they are known."""

    csrf_trusted_origins: tuple[str, ...] = setting(
        (),
        "Origins besides this host's own, such as `https://omero.example.org` or "
        "`https://*.example.org`, whose pages may send POST requests.",
        "none",
    )
