"""One blueprint per family of URLs. A view parses, asks the pipeline, and answers."""

from flask import Blueprint

from app.routes import (
    annotations,
    composed,
    description,
    downloads,
    exports,
    figure,
    histograms,
    images,
    iviewer,
    jobs,
    login,
    metadata,
    movies,
    objects,
    pages,
    pixels,
    plates,
    rdefs,
    rois,
    service,
    settings,
    shapes,
    tables,
    thumbnails,
)


def blueprints() -> list[Blueprint]:
    """Give all blueprints of an application."""
    modules = (
        images,
        thumbnails,
        composed,
        shapes,
        histograms,
        metadata,
        plates,
        rois,
        tables,
        objects,
        annotations,
        rdefs,
        downloads,
        exports,
        movies,
        jobs,
        settings,
        service,
        description,
        login,
        iviewer,
        figure,
        pixels,
        pages,
    )
    return [module.blueprint for module in modules]
