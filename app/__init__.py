"""Blitzrender's HTTP side: `create_app(settings)` gives the WSGI application."""

from flask import Flask

from app import allowed_hosts, cli, csrf, discovery, errors, observe, shortcut, web
from app.changes.change_watcher import watcher_credentials
from app.http import HeaderRules
from app.identity.opening import check_identity
from app.operations import rate_limits, traces
from app.prefix import Prefixed
from app.routes import blueprints
from app.settings import PREFIX, Settings, SettingsError
from app.site import LazyParts
from app.slow_bodies import SlowBodies
from render.workers import worker_names

__all__ = ["check_settings", "create_app"]


def create_app(settings: Settings) -> Flask:
    """Make an application. Two of them in one process share nothing.

    No thread, file or connection is opened before the first request; `app.web.parts_of(app)`
    closes them.
    """
    check_settings(settings)
    # The pages' own route gives out static files, under names that change with them.
    app = Flask(__name__, static_folder=None)
    site = LazyParts(settings)
    hosts = allowed_hosts.register(app, settings)
    if settings.client_timeout_s:
        app.wsgi_app = SlowBodies(app.wsgi_app, settings.client_timeout_s)  # type: ignore[method-assign]
    shortcut.register(app, site, hosts)
    make_steps = traces.register(app, settings)
    metrics = observe.register(app, HeaderRules(settings).complete, make_steps)
    web.register(app, site, metrics)
    errors.register(app)
    rate_limits.register(app, settings)
    discovery.register(app, settings)
    csrf.register(app)
    for blueprint in blueprints():
        app.register_blueprint(blueprint)
    cli.register(app)
    if settings.prefix:
        app.wsgi_app = Prefixed(app.wsgi_app, settings.prefix)  # type: ignore[method-assign]
    return app


def check_settings(settings: Settings) -> None:
    """Raise SettingsError for settings of which no application can be made."""
    _check_worker(settings)
    check_identity(settings)
    watcher_credentials(settings)


def _check_worker(settings: Settings) -> None:
    if settings.render_worker not in worker_names():
        raise SettingsError(
            f"setting render_worker ({PREFIX}RENDER_WORKER) = {settings.render_worker!r}: "
            f"should be one of {', '.join(worker_names())}"
        )
