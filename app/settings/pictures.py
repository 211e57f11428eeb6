"""Settings: what pictures are like where a request does not say."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.kinds import CountOrNone, in_group

setting = in_group("pictures")


class PicturesSettings(BaseModel):
    """What pictures are like where a request does not say."""

    thumbnail_default_side: Annotated[int, Field(ge=1, le=4096)] | None = setting(
        None,
        "Pixels of a thumbnail's longest side where a request names none.",
        "what the server says, else 96",
    )
    jpeg_quality: Annotated[float, Field(ge=0, le=1)] = setting(
        0.85, "JPEG quality, 0 to 1, where a request names none."
    )
    browser_max_age_s: CountOrNone = setting(
        300,
        "How long a browser may show a picture again without asking, when its URL says all "
        "rendering settings.",
    )
