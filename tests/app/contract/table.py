"""The contract: every address of OMERO.web's webgateway, and what it answers in four kinds of case.

An address is written with places for ids, such as `{image}`. What succeeds is asked with ids of
the asker's own things; what is missing with an id that nothing has; what may not be seen with ids
of somebody else's private things.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

JPEG, GIF, PNG = "image/jpeg", "image/gif", "image/png"
JSON, SCRIPT, HTML = "application/json", "application/javascript", "text/html; charset=utf-8"
TO_KEEP, TIFF, ZIP = "application/force-download", "image/tiff", "application/zip"
CALLBACK = (400, "callback=a.b")


@dataclass(frozen=True)
class Row:
    """One address below /webgateway/.

    `malformed` is the status of a malformed request, and what makes it malformed: parameters to
    add, a whole path, a form in place of `form`, or None for another method. `missing` is the
    status where a thing does not exist or may not be seen, `elsewhere` a path for addresses that
    name no thing. `nobody` is what is told who is not logged in, `looking` who sees the thing and
    has no more rights than that.
    """

    path: str
    media_type: str
    malformed: tuple[int, str | Mapping[str, str] | None]
    missing: int = 404
    elsewhere: str | None = None
    nobody: int = 401
    looking: int = 200
    succeeds: int = 200
    method: str = "GET"
    form: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Tell rows apart in the names of tests."""
        return f"{self.method} {self.path} {' '.join(self.form.values())}".strip()


def _post(path: str, media_type: str, malformed: object, **more: object) -> Row:
    # Who brings no key is a browser's page, and has no token.
    options = {"method": "POST", "nobody": 403, "looking": 403} | more
    return Row(path, media_type, malformed, **options)  # type: ignore[arg-type]


_FULL = "c=1|0:9$F00&m=c"
_IMAGES = (
    Row("render_image/{image}/", JPEG, (400, "q=x")),
    Row("render_image/{image}/1/", JPEG, (400, "format=bmp")),
    Row("render_image/{image}/1/1/", JPEG, (400, "rot=7")),
    Row("render_image_region/{image}/0/0/?tile=0,0,0,32,32", JPEG, (400, "tile=x")),
    Row("render_image_region/{image}/0/0/?region=0,0,9,9", JPEG, (400, "region=1,2")),
    Row(f"render_image_rdef/{{image}}/?{_FULL}", JPEG, (400, "m=x")),
    Row(f"render_image_rdef/{{image}}/1/?{_FULL}", JPEG, (400, "c=1")),
    Row(f"render_image_rdef/{{image}}/1/1/?{_FULL}", JPEG, (400, "maps=x")),
    Row(f"render_image_region_rdef/{{image}}/0/0/?tile=0,0,0&{_FULL}", JPEG, (400, "c=1|0:9")),
    Row("render_split_channel/{image}/0/0/", JPEG, (400, "size=-1")),
    Row("render_row_plot/{image}/0/0/5/", GIF, (400, "gamma=x")),
    Row("render_row_plot/{image}/0/0/5/2/", GIF, (400, "auto=x")),
    Row("render_col_plot/{image}/0/0/5/", GIF, (400, "gamma=x")),
    Row("render_col_plot/{image}/0/0/5/2/", GIF, (400, "auto=x")),
    Row("render_roi_thumbnail/{roi}/", JPEG, (400, "gamma=0")),
    Row("render_shape_thumbnail/{shape}/", JPEG, (400, "q=x")),
    Row("render_shape_mask/{mask}/", PNG, (400, "flip=x")),
    Row("histogram_json/{image}/channel/0/", JSON, (400, "bins=x")),
    Row("histogram_json/{image}/channel/1/whatever/", JSON, (400, "theZ=-1")),
)
_THUMBNAILS = (
    Row("render_thumbnail/{image}/", JPEG, (400, "z=x")),
    Row("render_thumbnail/{image}/50/", JPEG, (400, "t=-1")),
    Row("render_thumbnail/{image}/50/40/", JPEG, (400, "rdefId=x")),
    Row("render_birds_eye_view/{image}/", JPEG, (400, "z=x")),
    Row("render_birds_eye_view/{image}/50/", JPEG, (400, "z=1.5")),
    Row("get_thumbnail/{image}/", JSON, (400, "z=x")),
    Row("get_thumbnail/{image}/50/", JSON, CALLBACK),
    Row("get_thumbnail/{image}/50/40/", JSON, (400, "t=x")),
    Row("get_thumbnails/?id={image}", JSON, (400, "id=x"), missing=200),
    Row("get_thumbnails/50/?id={image}", JSON, (400, "id=x"), missing=200),
)
_METADATA = (
    Row("", HTML, (405, None), elsewhere="nothing/", nobody=200),
    Row("proj/list/", JSON, CALLBACK, elsewhere="proj/"),
    Row("proj/{project}/detail/", JSON, CALLBACK),
    Row("proj/{project}/children/", JSON, CALLBACK, missing=200),
    Row("dataset/{dataset}/detail/", JSON, CALLBACK),
    Row("dataset/{dataset}/children/", JSON, CALLBACK),
    Row("well/{well}/children/", JSON, (400, "run=x")),
    Row("wellData/{well}/", JSON, CALLBACK),
    Row("plate/{plate}/", JSON, (400, "layout=x")),
    Row("plate/{plate}/0/", JSON, (400, "size=x")),
    Row("plate/{plate}/0/{run}/", JSON, CALLBACK),
    Row("imgData/{image}/", JSON, (400, "callback=a-b")),
    Row("imgData/{image}/size.width/", JSON, (400, "callback=")),
    Row("get_rois_json/{image}/", JSON, CALLBACK, missing=200),
    Row("get_shape_json/{roi}/{shape}/", JSON, (404, "get_shape_json/{roi}/x/")),
    Row("luts/", JSON, CALLBACK, elsewhere="luts/7/"),
    Row("luts_png/", PNG, (405, None), elsewhere="luts_png/7/"),
    Row("open_with/", JSON, CALLBACK, elsewhere="open_with/7/", nobody=200),
    Row("search/?text={word}", JSON, (400, "start=x"), missing=200),
    Row("original_file_paths/{image}/", JSON, CALLBACK),
    # The image server has no tables; tests of their own ask one that has.
    Row("annotations/Plate/{plate}/", JSON, CALLBACK, missing=200),
    Row("table/{file}/query/?query=*", JSON, CALLBACK, missing=200),
    Row("table/Plate/{plate}/query/?query=*", JSON, CALLBACK, missing=200),
    Row("table/{file}/metadata/", JSON, CALLBACK, missing=200),
    Row("table/{file}/obj_id_bitmask/?query=*", JSON, (404, "table/x/obj_id_bitmask/"),
        succeeds=404, looking=404),
    Row("table/{file}/rows/?query=*", JSON, CALLBACK, missing=200),
    Row("table/{file}/slice/?rows=0&columns=0", JSON, CALLBACK, missing=200),
)  # fmt: skip
_SETTINGS = (
    _post(f"saveImgRDef/{{image}}/?{_FULL}", SCRIPT, (400, "c=1"), missing=200),
    Row("getImgRDef/", JSON, CALLBACK, elsewhere="getImgRDef/7/"),
    Row("get_image_rdefs_json/{image}/", JSON, CALLBACK, missing=200),
    Row("compatImgRDef/{image}/", SCRIPT, CALLBACK, missing=200),
    Row("copyImgRDef/?fromid={image}", JSON, (400, "fromid=x"), missing=200),
    _post("copyImgRDef/?fromid={image}", JSON, (400, {"toids": "x"}), missing=200, looking=200,
          form={"toids": "{twin}"}),
    _post("resetRDef/", JSON, (400, {"toids": "x"}), form={"toids": "{image}"}),
    _post("applyOwnersRDef/", JSON, (400, {"toids": "1", "to_type": "x"}),
          form={"toids": "{image}"}),
)  # fmt: skip
_DOWNLOADS = (
    Row("render_ome_tiff/i/{image}/", TIFF, (400, "selection=x"), looking=403),
    Row("render_ome_tiff/d/{dataset}/", ZIP, (400, "selection=x"), looking=403),
    Row("render_movie/{image}/z/0/?format=gif", GIF, (400, "fps=x"), looking=403),
    Row("render_movie/{image}/t/0/?format=gif", GIF, (400, "size=x"), looking=403),
    Row("download_as/{image}/", TO_KEEP, (400, "format=bmp"), looking=403),
    Row("download_as/?image={image}", TO_KEEP, (400, "download_as/"), looking=403),
    Row("archived_files/download/{image}/", TO_KEEP, (404, "archived_files/download/x/"),
        looking=403),
    Row("archived_files/download/?image={image}", TO_KEEP, (400, "image=x"), looking=403),
)  # fmt: skip
#: Pages of OMERO.web itself.
_LEFT_TO_OMERO_WEB = (
    Row("su/{user}/", JSON, (404, "su/"), succeeds=404, looking=404, nobody=404),
    Row("img_detail/{image}/", HTML, (404, "img_detail/x/"), succeeds=302, missing=302,
        looking=302, nobody=302),
)  # fmt: skip

ROWS = (
    *_IMAGES, *_THUMBNAILS, *_METADATA, *_SETTINGS, *_DOWNLOADS, *_LEFT_TO_OMERO_WEB,
)  # fmt: skip
