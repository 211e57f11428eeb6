"""Settings: what is kept, where, and for how long."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, field_validator

from app.settings.kinds import Count, CountOrNone, Seconds, SecondsOrNone, in_group

setting = in_group("cache")


class CacheSettings(BaseModel):
    """What is kept, where, and for how long."""

    cache_dir: Path = setting(
        Path("~/.cache/blitzrender"),
        "Folder for rendered pictures and for what the embedded image server derives.",
    )
    cache_max_bytes: CountOrNone = setting(
        4 * 1024**3, "Bytes of rendered pictures kept on disk; 0 = keep none."
    )
    cache_thumbnails_max_bytes: CountOrNone = setting(
        512 * 1024**2, "Bytes of thumbnails kept on disk, beside the pictures; 0 = keep none."
    )
    cache_json_max_bytes: CountOrNone = setting(
        64 * 1024**2,
        "Bytes of answers kept on disk that take long to work out (histograms); 0 = keep none.",
    )
    cache_max_entries: Count = setting(
        500_000, "Number of pictures kept on disk, of thumbnails, and of other answers, each."
    )
    cache_timeout_s: Seconds = setting(
        30 * 86400.0,
        "How long anything is kept on disk, and up to a fifth longer, so that what was stored "
        "together does not expire together.",
    )
    cache_write_behind_max_bytes: CountOrNone = setting(
        32 * 1024**2,
        "Bytes of pictures that may wait in each process to be written to disk; with more, new "
        "ones are not kept there.",
    )
    cache_redis_url: SecretStr | None = setting(
        None,
        "Redis that several hosts keep rendered pictures in together, beside each one's own files, "
        "and through which they tell each other at once whose stored settings changed: "
        "`redis://[user:password@]host:port/number`, `rediss://…` or `unix://path?db=number`; "
        "not set = none.",
    )
    settings_max_entries: Count = setting(
        100_000, "Number of rendering settings that are kept under a handle."
    )
    settings_timeout_s: Seconds = setting(
        30 * 86400.0,
        "How long rendering settings are kept under a handle; sending them again begins anew.",
    )
    hot_pictures_max_bytes: CountOrNone = setting(
        32 * 1024**2,
        "Bytes of rendered pictures that each process keeps in memory as well; 0 = none.",
    )
    raw_tiles_max_bytes: CountOrNone = setting(
        64 * 1024**2, "Bytes of raw tiles that each process keeps in memory; 0 = none."
    )
    raw_tiles_shared_max_bytes: CountOrNone = setting(
        256 * 1024**2,
        "Bytes of raw tiles in memory that all worker processes of a service share, where there "
        "is more than one; 0 = none. It is taken as it is filled.",
    )
    read_ahead_tiles: Annotated[int, Field(ge=0, le=4)] = setting(
        0,
        "How many tiles away from the one a viewer asked for last raw tiles are read ahead, while "
        "no request is reading; 0 = none.",
    )
    read_ahead_sections: Annotated[int, Field(ge=0, le=16)] = setting(
        0, "How many of the next z-sections and timepoints are read ahead likewise; 0 = none."
    )
    image_info_max_age_s: SecondsOrNone = setting(
        5.0,
        "How long a process remembers, per viewer, what the server said of an image: its sizes, "
        "its stored rendering settings and that the viewer may see it; 0 = ask each time.",
    )
    image_info_max_entries: Count = setting(
        2000, "Number of images that a process remembers in this way."
    )
    change_poll_s: SecondsOrNone = setting(
        0.0,
        "How often one process of each host asks the server's event log for images that others "
        "changed, to see it sooner than after image_info_max_age_s; 0 = never.",
    )
    change_poll_user: str | None = setting(
        None,
        "OMERO user in whose name the event log is asked.",
        "omero_user, or the embedded image server's user",
    )
    change_poll_password: SecretStr | None = setting(None, "Password of change_poll_user.")

    @field_validator("cache_redis_url")
    @classmethod
    def _check_redis_url(cls, url: SecretStr | None) -> SecretStr | None:
        schemes = ("redis://", "rediss://", "unix://")
        if url is not None and not url.get_secret_value().startswith(schemes):
            raise ValueError(f"should begin with {' or '.join(schemes)}")
        return url
