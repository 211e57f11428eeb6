"""One blueprint per family of URLs. A view parses, asks the pipeline, and answers."""

from importlib import import_module
from importlib.util import find_spec

from flask import Blueprint

_FAMILIES = ("images", "thumbnails", "histograms", "metadata", "service", "pages")


def blueprints() -> list[Blueprint]:
    """Give all blueprints of an application."""
    names = [f"{__name__}.{family}" for family in _FAMILIES]
    return [import_module(name).blueprint for name in names if find_spec(name)]
