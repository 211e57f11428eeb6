"""What images, containers and lookup tables are, as JSON or JSONP."""

from flask import Blueprint, Response, request

from app.http import data_response
from app.metadata.answers import (
    describe_container,
    describe_datasets,
    describe_image,
    describe_images,
    describe_lookup_tables,
    describe_original_files,
    describe_projects,
)
from app.metadata.search import SearchRequest, find
from app.web import current_call, current_settings, forget_share, query, under_both_prefixes

blueprint = Blueprint("metadata", __name__)
blueprint.url_value_preprocessor(forget_share)


@under_both_prefixes(blueprint, "/imgData/<number:image_id>/")
@blueprint.get("/webgateway/imgData/<number:image_id>/<key>/")
def img_data(image_id: int, key: str | None = None) -> Response:
    """Tell all about an image that viewers need, or the part of it at a dotted path."""
    defaults = query().get("getDefaults") == "true"
    return data_response(describe_image(current_call(), image_id, key, defaults), query())


@under_both_prefixes(blueprint, "/luts/")
def luts() -> Response:
    """List the lookup tables; `rgb=true` adds their colours."""
    with_colors = query().get("rgb") == "true"
    return data_response(describe_lookup_tables(current_call(), with_colors), query())


@blueprint.get("/webgateway/proj/list/")
def projects() -> Response:
    """List all projects."""
    return data_response(describe_projects(current_call()), query())


@blueprint.get("/webgateway/proj/<number:project_id>/children/")
def datasets(project_id: int) -> Response:
    """List the datasets of a project."""
    return data_response(describe_datasets(current_call(), project_id), query())


@blueprint.get("/webgateway/proj/<number:project_id>/detail/")
def project(project_id: int) -> Response:
    """Tell what a project is called."""
    return data_response(describe_container(current_call(), "Project", project_id), query())


@blueprint.get("/webgateway/dataset/<number:dataset_id>/detail/")
def dataset(dataset_id: int) -> Response:
    """Tell what a dataset is called."""
    return data_response(describe_container(current_call(), "Dataset", dataset_id), query())


@blueprint.get("/webgateway/dataset/<number:dataset_id>/children/")
def images(dataset_id: int) -> Response:
    """List the images of a dataset; `tiled` adds their sizes."""
    sizes = bool(query().get("tiled"))
    listing = describe_images(current_call(), dataset_id, request.script_root, sizes)
    return data_response(listing, query())


@blueprint.get("/webgateway/search/")
def search() -> Response:
    """Find projects, datasets and images by words."""
    call = current_call()
    wanted = SearchRequest.parse(query(), call.settings.search_limit)
    return data_response(find(call, wanted, request.script_root), query())


@blueprint.get("/webgateway/original_file_paths/<number:image_id>/")
def original_file_paths(image_id: int) -> Response:
    """Tell where the files of an image lie, and where they came from."""
    return data_response(describe_original_files(current_call(), image_id), query())


@blueprint.get("/webgateway/open_with/")
def open_with() -> Response:
    """List the programs that things can be opened with; open to everybody."""
    settings = current_settings()
    return data_response({"open_with_options": list(settings.open_with)}, query())
