"""Says why OMERO.figure cannot be tested with, where its wheel is not installed."""

import os

import pytest

from app.bundles import FIGURE

#: Skips a test without OMERO.figure; where CI=true the test runs, and fails.
needs_figure = pytest.mark.skipif(
    FIGURE.installed() is None and os.environ.get("CI") != "true",
    reason="omero-figure is not installed (script/setup viewer)",
)
