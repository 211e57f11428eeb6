"""Settings: the pages for people."""

from pydantic import BaseModel

from app.settings.kinds import in_group

setting = in_group("pages")


class PagesSettings(BaseModel):
    """The pages for people."""

    iviewer: bool = setting(
        True,
        "Whether OMERO.iviewer, where it is installed (`script/setup viewer`), is served at "
        "`/iviewer/` and opens images from the list.",
    )
    figure: bool = setting(
        True,
        "Whether OMERO.figure, where it is installed (`script/setup viewer`), is served at "
        "`/figure/` and offered in the list of images.",
    )
