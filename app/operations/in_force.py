"""The settings in force: those of the last start or reload that could be used.

They belong to gunicorn's master process, and to the workers that it forks: so a wrong value in the
file of settings is told at a reload and changes nothing, also where a worker is replaced later.
"""

from collections.abc import Callable

from app.settings import Settings, SettingsError, load_settings


class _InForce:
    """What the master keeps; gunicorn runs its configuration anew at each reload, but not this."""

    settings: Settings | None = None


def settings_in_force() -> Settings:
    """Give the master's settings, or in a process of another kind read them."""
    return _InForce.settings or load_settings()


def take_in_force(check: Callable[[Settings], None]) -> tuple[Settings, str | None]:
    """Read the settings anew; give what is in force then, and why that is what was before, if so.

    `check` raises SettingsError for settings that cannot be used. At a start, with nothing in
    force before, the error is raised.
    """
    before = _InForce.settings
    try:
        settings = load_settings()
        check(settings)
    except SettingsError as error:
        if before is None:
            raise
        return before, str(error)
    _InForce.settings = settings
    return settings, None
