"""The parameters of queries and forms: what each is called, what it may be, what it says."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.movies.params import FORMAT_ALIASES
from render.engine.encode import ARRAY_CONTENT_TYPES, available_formats
from render.movie import FORMATS
from render.values import ProjectionKind

_NUMBER = {"type": "string", "pattern": "^[0-9]{0,18}$"}
_WHOLE = {"type": "string", "pattern": "^-?[0-9]{1,9}$"}
_TEXT: dict[str, Any] = {"type": "string"}
_IDS = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}}
_BINARY = {"type": "string", "format": "binary"}
_FLAG = {"type": "string", "enum": ["true", "false"]}


@dataclass(frozen=True)
class Parameter:
    """One parameter; `place` is `query` or `form`. Several of one name differ in `key`."""

    name: str
    schema: dict[str, Any]
    text: str
    place: str = "query"
    example: object = None
    key: str = field(default="")

    def described(self) -> dict[str, Any]:
        """Give the parameter of a query as OpenAPI writes it."""
        told: dict[str, Any] = {
            "name": self.name,
            "in": "query",
            "description": self.text,
            "schema": self.schema,
        }
        if self.example is not None:
            told["example"] = self.example
        return told


def _by_key(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    return {parameter.key or parameter.name: parameter for parameter in parameters}


_FORMATS = [*available_formats(), *ARRAY_CONTENT_TYPES, "jpg", "tiff"]

PARAMETERS = _by_key(
    [
        Parameter(
            "c",
            _TEXT,
            "Channels, counted from 1: `[-]<channel>[|<start>:<end>][$<colour or LUT>]`, …; one "
            "that is not listed is off.",
            example="1|100:1500$FF0000,-2,3|0:255$cool.lut",
        ),
        Parameter(
            "maps",
            _TEXT,
            "A JSON array with inversion and quantization of each entry of `c`.",
            example='[{"inverted": {"enabled": true}}]',
        ),
        Parameter("m", {"type": "string", "enum": ["g", "c"]}, "Greyscale or colour model."),
        Parameter(
            "p",
            _TEXT,
            "Projection: `intmax`, `intmean` or `intsum`, with a range `|<first>:<last>`.",
            example="intmax|0:3",
        ),
        Parameter("axis", {"type": "string", "enum": ["z", "t"]}, "What a projection runs over."),
        Parameter("inclusive", _FLAG, "Whether mean and sum take the last section too."),
        Parameter("q", {"type": "number", "minimum": 0, "maximum": 1}, "JPEG quality."),
        Parameter("format", {"type": "string", "enum": _FORMATS}, "Format of the answer."),
        Parameter("auto", _TEXT, "Windows by percentile of the values.", example="0.1:99.9|plane"),
        Parameter(
            "gamma", {"type": "number", "minimum": 0.01, "maximum": 100}, "Bends all curves."
        ),
        Parameter("flip", {"type": "string", "enum": ["h", "v", "hv", "vh"]}, "Mirrors first."),
        Parameter(
            "rot", {"type": "string", "enum": ["0", "90", "180", "270"]}, "Then turns clockwise."
        ),
        Parameter("settings", _TEXT, "The handle of settings that were sent before."),
        Parameter("ia", {"type": "string", "enum": ["0", "1"]}, "Accepted, without an effect."),
        Parameter(
            "tile",
            _TEXT,
            "`<level>,<column>,<row>[,<width>,<height>]`; level 0 is full size.",
            example="0,0,0,256,256",
        ),
        Parameter(
            "region", _TEXT, "`<x>,<y>,<width>,<height>` at full size.", example="10,20,300,200"
        ),
        Parameter("size", _NUMBER, "The longest side of the composed picture.", key="pane size"),
        Parameter("z", _NUMBER, "The section, counted from 0."),
        Parameter("t", _NUMBER, "The timepoint, counted from 0."),
        Parameter("rdefId", _NUMBER, "Draw under the stored settings with this id."),
        Parameter("id", _IDS, "Images, repeated.", example=[1, 2]),
        Parameter("theZ", _NUMBER, "The section, counted from 0."),
        Parameter("theT", _NUMBER, "The timepoint, counted from 0."),
        Parameter("bins", _WHOLE, "Bins of the histogram.", example="256"),
        Parameter("usePixelsTypeRange", _FLAG, "Whether bins span all that the type can hold."),
        Parameter("color", _TEXT, "Six or eight hexadecimal digits.", key="mask colour"),
        Parameter("color", _TEXT, "The name of the outline's colour.", key="outline colour"),
        Parameter(
            "callback",
            {"type": "string", "pattern": "^[a-zA-Z_$][0-9a-zA-Z_$]*$"},
            "Wraps JSON in a call of this function.",
            example="show",
        ),
        Parameter("getDefaults", _FLAG, "Tell the settings of an image that has none."),
        Parameter("rgb", _FLAG, "Tell all colours of each lookup table."),
        Parameter("tiled", _FLAG, "Tell of each image whether it is read by tiles."),
        Parameter("run", _NUMBER, "Only images of this plate acquisition."),
        Parameter("layout", {"type": "string", "enum": ["expand", "shrink", "trim"]}, "The grid."),
        Parameter(
            "size", _NUMBER, "The size that thumbnails' addresses name.", key="thumbnail size"
        ),
        Parameter("text", _TEXT, "Words that are looked for.", example="cells"),
        Parameter("ctx", {"type": "string", "enum": ["imgs"]}, "Only images."),
        Parameter("author", _TEXT, "Only what this user owns."),
        Parameter("start", _NUMBER, "How many to pass over."),
        Parameter("limit", _NUMBER, "How many at most."),
        Parameter("offset", _NUMBER, "How many rows to pass over."),
        Parameter("grabData", _FLAG, "Tell of images all that `imgData` tells."),
        Parameter("parents", _FLAG, "Tell the dataset of each image, too."),
        Parameter("key", _TEXT, "Only this part of each image's data."),
        Parameter("query", _TEXT, "A condition on rows; `*` is all of them.", example="*"),
        Parameter(
            "col_names", {"type": "array", "items": {"type": "string"}}, "Columns, repeated."
        ),
        Parameter("col_name", _TEXT, "The column that holds ids."),
        Parameter("rows", _TEXT, "Rows such as `1,2,5-10`.", example="0-5"),
        Parameter("columns", _TEXT, "Columns such as `1,2,5-10`.", example="0,1"),
        Parameter("image", _IDS, "Images, repeated.", example=[1]),
        Parameter("well", _IDS, "Wells, repeated, of each the field at `index`."),
        Parameter("index", _NUMBER, "Which field of each well."),
        Parameter("zipname", _TEXT, "What the archive is called."),
        Parameter("compress", _FLAG, "Whether the archive is deflated."),
        Parameter("selection", _TEXT, "Only these images.", example="1,2"),
        Parameter("dryrun", _TEXT, "If not empty, only tell how many images there are.", example=1),
        Parameter(
            "region",
            _TEXT,
            "`<x>,<y>,<width>,<height>` in pixels of the level.",
            example="10,20,300,200",
            key="stack region",
        ),
        Parameter("level", _NUMBER, "The resolution level; 0 is full size."),
        Parameter("z", _TEXT, "A section, or the first and last.", example="0:4", key="stack z"),
        Parameter("t", _TEXT, "A timepoint, or the first and last.", example="0", key="stack t"),
        Parameter("c", _TEXT, "Channels, counted from 1.", example="1,2", key="stack channels"),
        Parameter(
            "format",
            {"type": "string", "enum": ["npy", "tif", "tiff"]},
            "Format of the answer.",
            key="stack format",
        ),
        Parameter(
            "format",
            {"type": "string", "enum": [*FORMATS, *filter(None, FORMAT_ALIASES)]},
            "What kind of file the movie is.",
            key="movie format",
        ),
        Parameter("fps", {"type": "string", "pattern": "^[0-9]{1,2}$"}, "Frames per second."),
        Parameter(
            "size", _NUMBER, "The longest side; nothing is enlarged.", "query", "64", "movie size"
        ),
        Parameter(
            "region",
            _TEXT,
            "`<x>,<y>,<width>,<height>` at full size; the whole plane without it.",
            example="10,20,300,200",
            key="movie region",
        ),
        Parameter(
            "range",
            _TEXT,
            "`<first>:<last>` along the axis, counted from 0; backwards if the first is larger.",
            example="0:3",
        ),
        Parameter("scalebar", _TEXT, "`true`, or the length in micrometres.", example="10"),
        Parameter("timestamp", _FLAG, "Whether each frame says where it stands."),
        Parameter("async", _FLAG, "Whether to answer at once where to ask for the result."),
        Parameter("imageId", _NUMBER, "The image that the settings in the request are those of."),
        Parameter("fromid", _NUMBER, "The image whose settings are copied."),
        Parameter("z", _WHOLE, "The default section, counted from 1.", key="default z"),
        Parameter("t", _WHOLE, "The default timepoint, counted from 1.", key="default t"),
        Parameter("toids", _IDS, "What gets the settings, repeated.", place="form"),
        Parameter("to_type", _TEXT, "What `toids` are, such as `dataset`.", place="form"),
        Parameter(
            "kind", {"type": "string", "enum": ["warm"]}, "What is to be done.", "form", "warm"
        ),
        Parameter("dataset", _NUMBER, "Of which images.", "form", key="warm dataset"),
        Parameter("project", _NUMBER, "Of whose datasets' images.", "form", key="warm project"),
        Parameter("levels", _NUMBER, "How many of the smallest levels.", "form", "2"),
        Parameter("mapAnnotation", _TEXT, "Pairs, as JSON.", "form", '[["stain", "DAPI"]]'),
        Parameter("annId", _IDS, "Annotations that get these pairs, repeated.", "form"),
        Parameter("ns", _TEXT, "The namespace of new annotations.", "form", key="new namespace"),
        Parameter("duplicate", _FLAG, "Whether each object gets one of its own.", "form"),
        Parameter("files", _IDS, "File annotations to attach to these, too, repeated.", "form"),
        Parameter("annotation_file", _BINARY, "The file.", "form"),
        Parameter("name", _TEXT, "The new name.", "form", "slide 1"),
        Parameter("channel0", _TEXT, "The first channel's name; `channel1`, … follow.", "form"),
        Parameter("confirm_apply", _TEXT, "Whether all images of `parentId` are meant.", "form"),
        Parameter("parentId", _TEXT, "A dataset or plate.", "form", "dataset-1"),
        Parameter("figureJSON", _TEXT, "The figure.", place="form", example='{"panels": []}'),
        Parameter("fileId", _NUMBER, "The saved figure.", place="form"),
        Parameter("username", _TEXT, "The OMERO user.", place="form"),
        Parameter("password", _TEXT | {"format": "password"}, "The user's password.", place="form"),
        Parameter("server", _NUMBER, "The number of the OMERO.server.", place="form"),
        Parameter("url", _TEXT, "Where to go on to, on this host."),
        Parameter("owner", _NUMBER, "Only what this person owns."),
        Parameter("group", _TEXT, "Only what is in this group; -1 is all.", example="-1"),
        Parameter("orphaned", _FLAG, "Only what lies in nothing."),
        Parameter("childCount", _FLAG, "Tell how much lies in each."),
        Parameter("normalize", _FLAG, "Tell owners and groups once, beside the objects."),
        Parameter("project", _NUMBER, "Only what lies in this project."),
        Parameter("dataset", _NUMBER, "Only what has to do with this dataset."),
        Parameter("screen", _NUMBER, "Only what lies in this screen."),
        Parameter("plate", _NUMBER, "Only what has to do with this plate."),
        Parameter("plateacquisition", _NUMBER, "Only wells with a field of this run."),
        Parameter("experimenter", _NUMBER, "Only groups of this person."),
        Parameter("experimentergroup", _NUMBER, "Only people in this group."),
        Parameter("image", _NUMBER, "Only what this image lies in.", key="parent image"),
        Parameter("well", _NUMBER, "Only what this well lies in.", key="parent well"),
        Parameter("image", _NUMBER, "The image.", key="one image"),
        Parameter("image", _TEXT, "Images.", key="images of a list", example="1,2"),
        Parameter("id", _NUMBER, "The well.", key="one well"),
        Parameter("images", _TEXT, "Images, the first of which is opened.", example="1,2"),
        Parameter("roi", _NUMBER, "The image with this region."),
        Parameter("shape", _NUMBER, "The image with this shape."),
        Parameter("shapes", _FLAG, "Count shapes, too."),
        Parameter("show", _TEXT, "What to open.", example="image-1"),
        Parameter("page_size", _NUMBER, "How many images a page of a dataset has."),
        Parameter("x", {"type": "number"}, "The column, or the middle of the view.", example=5),
        Parameter("y", {"type": "number"}, "The row, or the middle of the view.", example=5),
        Parameter("v", _TEXT, "The version of the file, which never changes then."),
        Parameter("zm", _NUMBER, "The zoom in percent."),
        Parameter("z", _NUMBER, "The section, counted from 0.", key="place z", example="0"),
        Parameter("t", _NUMBER, "The timepoint, counted from 0.", key="place t", example="0"),
        Parameter("c", _TEXT, "Channels, counted from 0.", key="place c", example="0"),
        Parameter(
            "projection",
            {"type": "string", "enum": [kind.value for kind in ProjectionKind]},
            "What is kept of the values.",
        ),
        Parameter("start", _NUMBER, "The first section, counted from 0.", key="first section"),
        Parameter("end", _NUMBER, "The last section.", key="last section"),
        Parameter("project", _IDS, "Projects, repeated.", key="projects"),
        Parameter("dataset", _IDS, "Datasets, repeated.", key="datasets"),
        Parameter("screen", _IDS, "Screens, repeated.", key="screens"),
        Parameter("plate", _IDS, "Plates, repeated.", key="plates"),
        Parameter("acquisition", _IDS, "Plate acquisitions, repeated."),
        Parameter("run", _IDS, "The same, by another name."),
        Parameter(
            "type",
            {"type": "string", "enum": ["tag", "file", "comment", "rating", "map", "custom"]},
            "Only annotations of this type.",
            key="annotation type",
        ),
        Parameter("ns", _TEXT, "Only annotations in this namespace."),
        Parameter("id", _NUMBER, "The dataset.", key="one dataset"),
        Parameter("experimenter_id", _TEXT, "Only what this person owns; -1 is all.", example="-1"),
        Parameter("page", _NUMBER, "Which page, counted from 1."),
        Parameter("x", _NUMBER, "The first column.", key="tile x"),
        Parameter("y", _NUMBER, "The first row.", key="tile y"),
        Parameter("w", _NUMBER, "How wide the region is.", key="tile w", example="64"),
        Parameter("h", _NUMBER, "How high the region is.", key="tile h", example="64"),
        Parameter("resolution", _NUMBER, "The resolution, counted from the smallest one."),
        Parameter(
            "format",
            {"type": "string", "enum": ["tif"]},
            "Format of the answer; bare values without it.",
            key="tile format",
        ),
        Parameter("cs", _TEXT, "Channels, counted from 0; all without it.", example="0"),
        Parameter("ids", _TEXT, "Shapes.", key="shape ids", example="1,2"),
        Parameter(
            "region",
            _TEXT,
            "`<x>,<y>,<width>,<height>` at full size, which may reach beyond the image.",
            key="scaled region",
            example="-10,-10.5,300,200",
        ),
        Parameter("max_size", _NUMBER, "What the picture's longer side stays below."),
    ]
)
