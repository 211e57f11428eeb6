"""The WSGI application for gunicorn: `gunicorn wsgi:app`."""

from app import create_app
from app.settings import SettingsError, load_settings

try:
    app = create_app(load_settings())
except SettingsError as error:
    raise SystemExit(f"blitzrender: {error}") from None
