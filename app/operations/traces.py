"""Switches spans on where a setting names who collects them; else nothing of them is imported."""

from flask import Flask

from app.observe import Steps
from app.settings import PREFIX, Settings, SettingsError

_EXTENSION = "blitzrender.traces"


def register(app: Flask, settings: Settings) -> type[Steps]:
    """Put what makes spans around the application; give the kind of steps that it needs.

    Raises SettingsError when the packages are missing that make spans.
    """
    if settings.traces_endpoint is None:
        return Steps
    try:
        from app.operations.tracing import TracedSteps, Traces
    except ImportError as error:
        raise SettingsError(
            f"setting traces_endpoint ({PREFIX}TRACES_ENDPOINT) = {settings.traces_endpoint!r}: "
            f"needs the packages of requirements-otel.txt (script/setup otel): {error}"
        ) from None
    traces = app.extensions[_EXTENSION] = Traces(settings.traces_endpoint)
    app.wsgi_app = traces.around(app.wsgi_app)  # type: ignore[method-assign]
    return TracedSteps


def end(app: Flask) -> None:
    """Send the spans that wait, and stop sending."""
    traces = app.extensions.get(_EXTENSION)
    if traces is not None:
        traces.close()
