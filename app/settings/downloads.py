"""Settings: downloads."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.kinds import Count, CountOrNone, in_group

setting = in_group("downloads")


class DownloadsSettings(BaseModel):
    """How much downloads may take, and of what."""

    downloads_max: Count = setting(
        400, "Downloads that one worker process sends at a time; one more is answered 503."
    )
    downloads_max_per_viewer: Count = setting(
        100, "Downloads that one worker process sends to one viewer at a time; one more: 503."
    )
    downloads_buffer_max_bytes: Count = setting(
        8 * 1024**2,
        "Bytes that all downloads of one worker process together hold on their way to slow "
        "clients; the more downloads, the smaller the blocks.",
    )
    download_max_bytes_per_s: CountOrNone = setting(
        0, "Bytes per second at which one download is sent at most; 0 = as fast as it goes."
    )
    download_pause_s: Annotated[float, Field(ge=0, le=0.5)] = setting(
        0.01,
        "While somebody waits for a picture, and 0.1 s after, downloads of a worker process read "
        "one block (at most 512 KiB) in this time, in turns; 0 = downloads give way to nobody.",
    )
    download_max_zip_bytes: Count = setting(
        1024**3, "Bytes of original files that one ZIP archive may hold; above it: 403."
    )
    max_export_bytes: Count = setting(
        64 * 1024**3,
        "Bytes of pixels that one export may have (render_ome_tiff, export); above it: 413.",
    )
    download_max_images: Count = setting(
        1000, "Images that one download of several may name; above it: 400."
    )
