"""The WSGI application for gunicorn: `gunicorn wsgi:app`."""

from app import create_app
from app.operations.in_force import settings_in_force
from app.operations.logs import configure_logging

settings = settings_in_force()
configure_logging(settings.log_level, settings.log_format)
app = create_app(settings)
