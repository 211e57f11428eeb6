"""Which views take which parameters, and what they answer when all is well."""

from dataclasses import dataclass, field

JSON, SCRIPT, HTML = "application/json", "application/javascript", "text/html"
KEPT, GIF, PNG, BYTES, ZIP = (
    "application/force-download",
    "image/gif",
    "image/png",
    "application/octet-stream",
    "application/zip",
)
PICTURES = ("image/jpeg", "image/png", "image/webp", "image/tiff", "image/avif")
MOVIES = ("video/mp4", "video/webm", "image/gif", "image/apng")
VALUES = ("application/x-npy", BYTES)
EXPORTS = ("image/tiff", ZIP, "application/x-npy")


@dataclass(frozen=True)
class Operation:
    """One view: keys of its parameters, media types of its answer, and what is particular."""

    parameters: tuple[str, ...] = ()
    answers: tuple[str, ...] = (JSON,)
    #: Forms that a POST takes.
    bodies: tuple[str, ...] = ()
    #: Statuses besides those that every address can have.
    statuses: tuple[int, ...] = ()
    #: Whether somebody has to be logged in, where anybody has.
    private: bool = True
    #: Whether the answer may be a part of a whole.
    ranges: bool = False
    required: frozenset[str] = field(default_factory=frozenset)


_SETTINGS = ("c", "maps", "m", "auto", "gamma", "settings")
_TURNED = ("flip", "rot")
_PROJECTED = ("p", "axis", "inclusive")
_UNTURNED = (*_SETTINGS, *_PROJECTED, "q", "format", "ia")
_PLANE = (*_UNTURNED, *_TURNED)
_SCRIPT = (JSON, SCRIPT)
_THUMBNAIL = ("z", "t", "rdefId")
_DOWNLOAD = ("image", "well", "index", "zipname")
_MOVIE = (
    *("movie format", "fps", "movie size", "movie region", "range"),
    *("scalebar", "timestamp", "async"),
)
_FORM = ("application/x-www-form-urlencoded", "multipart/form-data")
_COPY = ("c", "maps", "m", "fromid", "imageId", "toids", "to_type", "callback")
_ANNOTATED = (
    *("image", "projects", "datasets", "screens", "plates", "acquisition", "run", "well"),
)
_RESET = ("toids", "to_type", "callback")
_PAGE = Operation(answers=(HTML,), private=False)
_LISTED = (
    *("offset", "limit", "owner", "group", "orphaned", "childCount", "normalize"),
    *("project", "dataset", "parent image", "screen", "plate", "plateacquisition", "parent well"),
    *("experimenter", "experimentergroup"),
)
_VIEW = (
    *("images", "roi", "shape", "dataset", "parent well", "c", "maps", "m", "p"),
    *("default z", "default t", "x", "y", "zm"),
)


def _data(*parameters: str) -> Operation:
    return Operation((*parameters, "callback"), _SCRIPT)


def _picture(*parameters: str) -> Operation:
    return Operation(parameters, (*PICTURES, *VALUES))


#: By endpoint, as Flask names views.
OPERATIONS: dict[str, Operation] = {
    "images.render_image": _picture(*_PLANE),
    "images.render_image_rdef": _picture(*_PLANE),
    "images.render_image_region": _picture("tile", "region", *_PLANE),
    "images.render_image_region_rdef": _picture("tile", "region", *_PLANE),
    "composed.render_split_channel": Operation((*_PLANE, "pane size"), PICTURES),
    "composed.render_row_plot": Operation(_SETTINGS, (GIF,)),
    "composed.render_col_plot": Operation(_SETTINGS, (GIF,)),
    "composed.luts_png": Operation((), (PNG,)),
    "shapes.render_roi_thumbnail": Operation((*_UNTURNED, "outline colour"), PICTURES),
    "shapes.render_shape_thumbnail": Operation((*_UNTURNED, "outline colour"), PICTURES),
    "shapes.render_shape_mask": Operation(("mask colour", *_TURNED), (PNG,)),
    "thumbnails.thumbnail": Operation(_THUMBNAIL, ("image/jpeg", PNG)),
    "thumbnails.webclient_thumbnail": Operation(_THUMBNAIL, ("image/jpeg", PNG)),
    "thumbnails.get_thumbnail": _data(*_THUMBNAIL),
    "thumbnails.webclient_get_thumbnail": _data(),
    "thumbnails.get_thumbnails": _data("id"),
    "histograms.histogram_json": _data("theZ", "theT", "bins", "usePixelsTypeRange", *_PROJECTED),
    "metadata.img_data": _data("getDefaults"),
    "metadata.luts": _data("rgb"),
    "metadata.open_with": _data(),
    "metadata.original_file_paths": _data(),
    "metadata.projects": _data(),
    "metadata.project": _data(),
    "metadata.datasets": _data(),
    "metadata.dataset": _data(),
    "metadata.images": _data("tiled"),
    "metadata.search": _data(
        "text", "ctx", "author", "start", "limit", "grabData", "parents", "key"
    ),
    "plates.plate": _data("layout", "thumbnail size"),
    "plates.well_children": _data("run"),
    "plates.well_data": _data(),
    "rois.get_rois_json": _data(),
    "rois.get_shape_json": _data(),
    "tables.annotations": _data(),
    "tables.table_query": _data("query", "col_names", "offset", "limit"),
    "tables.object_table_query": _data("query", "col_names", "offset", "limit"),
    "tables.table_metadata": _data(),
    "tables.table_obj_id_bitmask": Operation(("query", "col_name"), (BYTES, JSON)),
    "tables.table_rows": _data("query", "start"),
    "tables.table_slice": Operation(("rows", "columns", "callback"), _SCRIPT, _FORM),
    "rdefs.image_definitions": _data(),
    "rdefs.compatible": _data(),
    "rdefs.copied": _data(),
    "rdefs.copy": Operation(_COPY, _SCRIPT, _FORM),
    "rdefs.save": Operation(
        ("c", "maps", "m", "default z", "default t", "callback"), _SCRIPT, _FORM
    ),
    "rdefs.reset": Operation(_RESET, _SCRIPT, _FORM),
    "rdefs.reset_to_owners": Operation(_RESET, _SCRIPT, _FORM),
    "downloads.archived_files": Operation(
        (*_DOWNLOAD, "compress"), (KEPT,), statuses=(416,), ranges=True
    ),
    "downloads.download_as": Operation((*_DOWNLOAD, *_PLANE), (KEPT,)),
    "downloads.render_image_download": Operation(_PLANE, (KEPT,)),
    "exports.render_ome_tiff": Operation(
        ("selection", "dryrun", "callback", "async"),
        ("image/tiff", ZIP, SCRIPT),
        statuses=(202, 416, 507),
        ranges=True,
    ),
    "exports.export": Operation(
        (
            *("stack region", "level", "stack z", "stack t", "stack channels", "stack format"),
            "async",
        ),
        ("application/x-npy", "image/tiff"),
        statuses=(202, 416, 507),
        ranges=True,
    ),
    "movies.render_movie": Operation(
        (*_SETTINGS, *_PROJECTED, *_TURNED, *_MOVIE),
        MOVIES,
        statuses=(202, 416, 507),
        ranges=True,
    ),
    "jobs.job": Operation(),
    "jobs.warm": Operation(
        ("kind", "warm dataset", "warm project", "levels"), (JSON,), _FORM, (202, 507)
    ),
    "jobs.result": Operation((), (*MOVIES, *EXPORTS, JSON), statuses=(416,), ranges=True),
    "jobs.end_job": Operation(statuses=(507,)),
    "jobs.cancel_job": Operation((), (JSON,), _FORM, statuses=(507,)),
    "settings.keep_settings": Operation(
        ("c", "maps", "m", "p", "axis", "inclusive", "q", "format", "auto", "gamma", *_TURNED),
        (JSON,),
        (*_FORM, JSON),
        statuses=(415,),
    ),
    "service.index": Operation(answers=(HTML,), private=False),
    "service.healthz": Operation(private=False),
    "service.readyz": Operation(private=False),
    "service.metrics": Operation(answers=("text/plain",), private=False),
    "service.discovery": Operation(private=False),
    "description.openapi": Operation(private=False),
    "description.docs": _PAGE,
    "pages.index": _PAGE,
    "pages.image": _PAGE,
    "pages.asset": Operation(answers=("text/css",), statuses=(416,), private=False, ranges=True),
    "objects.rois": Operation(("one image", "offset", "limit", "normalize")),
    "objects.listing": Operation(_LISTED),
    "objects.single": Operation(("childCount",)),
    "objects.children": Operation(_LISTED),
    "objects.wells": Operation(_LISTED),
    "objects.images": Operation(
        ("one dataset", "orphaned", "group", "experimenter_id", "page", "limit")
    ),
    "objects.annotations": Operation(
        (*_ANNOTATED, "annotation type", "ns", "parents", "page", "limit")
    ),
    "annotations.annotate_map": Operation(
        (*_ANNOTATED, "mapAnnotation", "annId", "new namespace", "duplicate"),
        bodies=_FORM,
        statuses=(409,),
    ),
    "annotations.annotate_file": Operation(
        (*_ANNOTATED, "files", "annotation_file"),
        bodies=("multipart/form-data",),
        statuses=(409, 507),
    ),
    "annotations.attachment": Operation((), (KEPT,), statuses=(416,), ranges=True),
    "annotations.delete_file": Operation(bodies=_FORM),
    "annotations.save_name": Operation(("name",), bodies=_FORM, statuses=(409,)),
    "annotations.edit_channel_names": Operation(
        ("channel0", "confirm_apply", "parentId"), bodies=_FORM, statuses=(409,)
    ),
    "iviewer.iviewer": Operation(_VIEW, (HTML,)),
    "iviewer.file": Operation(
        ("v",), answers=("text/javascript",), statuses=(416,), private=False, ranges=True
    ),
    "iviewer.img_detail": Operation(_VIEW, (HTML,), statuses=(302,), private=False),
    "iviewer.webclient": Operation(("show",), (HTML,), statuses=(302,), private=False),
    "iviewer.image_data": Operation(),
    "iviewer.image_data_of_roi": Operation(),
    "iviewer.image_data_of_shape": Operation(),
    "iviewer.times": Operation(),
    "iviewer.well_images": Operation(("one well", "offset", "limit")),
    "iviewer.intensity": Operation(("one image", "place z", "place t", "x", "y", "place c")),
    "iviewer.rois_by_plane": Operation(("offset", "limit")),
    "iviewer.plane_shape_counts": Operation(),
    "iviewer.place_of_roi": Operation(),
    "iviewer.place_of_shape": Operation(),
    "iviewer.shape_stats": Operation(("shape ids", "place z", "place t", "cs")),
    "iviewer.save_projection": Operation(
        ("one image", "projection", "first section", "last section", "dataset"), bodies=_FORM
    ),
    "iviewer.persist_rois": Operation(bodies=(JSON,)),
    "iviewer.paths_to_object": Operation(("one image", "roi", "shape", "page_size")),
    "figure.figure": Operation(("image",), (HTML,)),
    "figure.file": Operation(
        answers=("text/javascript",), statuses=(416,), private=False, ranges=True
    ),
    "figure.image_data": Operation(),
    "figure.render_scaled_region": Operation(("scaled region", "max_size", *_UNTURNED), PICTURES),
    "figure.too_large_a_projection": Operation(answers=(PNG,)),
    "figure.roi_count": Operation(("shapes",)),
    "figure.roi_rectangles": Operation(("offset", "limit")),
    "figure.timestamps": Operation(("image",)),
    "figure.z_scale": Operation(("image",)),
    "figure.pixels_type": Operation(("image",)),
    "figure.images_details": Operation(("images of a list",)),
    "figure.unit_conversion": Operation(),
    "figure.list_web_figures": Operation(),
    "figure.load_web_figure": Operation(),
    "figure.save_web_figure": Operation(
        ("figureJSON", "fileId"), ("text/plain",), _FORM, statuses=(409, 507)
    ),
    "figure.delete_web_figure": Operation(("fileId",), ("text/plain",), _FORM),
    "figure.make_web_figure": Operation(bodies=_FORM),
    "figure.chgrp": Operation(bodies=_FORM),
    "pixels.tile": Operation(
        ("tile x", "tile y", "tile w", "tile h", "resolution", "tile format"),
        (BYTES, "image/tiff"),
    ),
    "pixels.discovery": Operation(private=False),
    "login.versions": Operation(private=False),
    "login.links": Operation(private=False),
    "login.token": Operation(private=False),
    "login.servers": Operation(private=False),
    "login.api_login": Operation(
        ("username", "password", "server"), bodies=(*_FORM, JSON), statuses=(415,), private=False
    ),
    "login.login_form": Operation(("url",), (HTML,), private=False),
    "login.login_page": Operation(
        ("username", "password", "server", "url"), (HTML,), _FORM, (302,), private=False
    ),
    "login.logout": Operation((), (JSON,), _FORM, (302,), private=False),
    "login.keepalive_ping": Operation(answers=("text/plain",), private=False),
}
