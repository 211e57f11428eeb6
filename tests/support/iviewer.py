"""Says why OMERO.iviewer cannot be tested with, where its wheel is not installed."""

import os

import pytest

from app.bundles import IVIEWER

#: Skips a test without the viewer; where CI=true the test runs, and fails.
needs_iviewer = pytest.mark.skipif(
    IVIEWER.installed() is None and os.environ.get("CI") != "true",
    reason="omero-iviewer is not installed (script/setup viewer)",
)
