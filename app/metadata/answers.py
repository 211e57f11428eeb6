"""What the metadata URLs tell, as values that JSON can carry."""

from typing import Any

from app.call import Call
from app.imaging.effective import default_definition, stored_definition
from app.imaging.lookup_tables import lookup_table, lookup_table_files
from app.imaging.lut_strip import strip_index, strip_names
from app.metadata.container_data import container_data, image_data_of
from app.metadata.image_data import ViewerDefaults, geometry, image_data, look_up, outline
from render.blitz.records import ServerSettings
from render.errors import Forbidden, NotFound, RenderFailed, SourceFailed, SourceNotReady, TooLarge
from render.values import DTYPES, ImageInfo

#: What OMERO.server itself says when it does not know better.
_DEFAULT_BACK_OFF_S = 1.0


def describe_image(call: Call, image_id: int, key: str | None, reset: bool) -> Any:
    """Give the `imgData` object, or what lies in it at the dotted path `key`.

    With `reset` the rendering settings are the default ones. An image that cannot be rendered is
    told as far as possible, as OMERO.web does; then `key` is not looked at.
    """
    try:
        data, complete = _image_data(call, call.image_info(image_id), reset)
    except NotFound as error:
        if call.viewer.kind == "public" and not call.settings.one_viewer:
            # Tells clients that logging in may help.
            raise Forbidden(f"Image:{image_id} is not open to the public") from error
        raise NotFound(f"Image:{image_id} not found") from error
    except SourceNotReady as error:
        back_off_s = error.retry_after_s or _DEFAULT_BACK_OFF_S
        return {"ConcurrencyException": {"backOff": int(1000 * back_off_s)}}
    return look_up(data, key) if complete and key is not None else data


def viewer_defaults(server: ServerSettings) -> ViewerDefaults:
    """Read what the server says to viewers; what makes no sense counts as not said."""
    level = server.client.get("viewer.initial_zoom_level", "")
    interpolate = server.client.get("viewer.interpolate_pixels", "true")
    return ViewerDefaults(
        initial_zoom_level=int(level) if level.removeprefix("-").isdecimal() else 0,
        interpolate_pixels=interpolate.strip().lower() == "true",
    )


def describe_lookup_tables(call: Call, with_colors: bool) -> dict[str, Any]:
    """List the lookup tables; `with_colors` adds each one's 256 colours, null without a table."""
    files = lookup_table_files(call)
    names = [f"{file.path}{file.name}" for file in files]
    tables = []
    for row, (file, name) in enumerate(zip(files, names, strict=True)):
        table: dict[str, Any] = {
            "id": file.id,
            "path": file.path,
            "name": file.name,
            "size": file.size_bytes,
            "png_index": strip_index(name),
            "png_index_new": row,
        }
        if with_colors:
            colors = lookup_table(call, file)
            table["rgb"] = None if colors is None else colors.tolist()
        tables.append(table)
    return {
        "luts": tables,
        "png_luts": strip_names(),
        "png_luts_new": [*names, "gradient.png"],
    }


def describe_projects(call: Call) -> list[dict[str, Any]]:
    """List the projects that the viewer sees."""
    projects = call.session.projects(call.deadline)
    return [
        {"id": project.id, "name": project.name, "description": project.description or ""}
        for project in projects
    ]


def describe_datasets(call: Call, project_id: int) -> list[dict[str, Any]]:
    """List the datasets of a project; none when there is no such project, as in OMERO.web."""
    try:
        datasets = call.session.datasets(project_id, call.deadline)
    except NotFound:
        return []
    return [
        container_data("Dataset", dataset) | {"child_count": dataset.child_count}
        for dataset in datasets
    ]


def describe_images(
    call: Call, dataset_id: int, prefix: str, with_sizes: bool
) -> list[dict[str, Any]]:
    """List the images of a dataset; raise NotFound when there is no such dataset."""
    images = call.session.images(dataset_id, call.deadline)
    items = [image_data_of(image, prefix) for image in images]
    if with_sizes:
        server = call.session.server_settings(call.deadline)
        limit = server.max_plane_width * server.max_plane_height
        for item, image in zip(items, images, strict=True):
            width, height = image.size_x or 0, image.size_y or 0
            item |= {"size": {"width": width, "height": height}, "tiled": width * height > limit}
    return items


def describe_container(call: Call, kind: str, container_id: int) -> dict[str, Any]:
    """Tell what a `Project` or `Dataset` is called; raise NotFound when there is none."""
    return container_data(kind, call.session.container(kind, container_id, call.deadline))


def describe_original_files(call: Call, image_id: int) -> dict[str, Any]:
    """Tell the paths of an image's files; nothing of an image without a fileset."""
    fileset = call.session.fileset(image_id, call.deadline)
    if fileset is None:
        return {}
    return {
        "repo": [f"{file.folder}{file.name}" for file in fileset.files],
        "client": [file.client_path for file in fileset.files],
        "fileset": {"id": fileset.id},
    }


def _image_data(call: Call, info: ImageInfo, reset: bool) -> tuple[dict[str, Any], bool]:
    """Give what can be told of an image, and whether that is all."""
    if info.pixel_type not in DTYPES:
        return outline(info), False
    defaults = viewer_defaults(call.session.server_settings(call.deadline))
    try:
        definition = default_definition(call, info) if reset else stored_definition(call, info)
        return image_data(info, definition, defaults), True
    except (SourceFailed, RenderFailed, TooLarge) as error:
        return outline(info) | geometry(info, defaults) | {"Exception": error.detail}, False
