"""Settings: what one request may ask for at most."""

from pydantic import BaseModel

from app.settings.kinds import Count, in_group

setting = in_group("limits")


class LimitsSettings(BaseModel):
    """What one request may ask for at most."""

    max_output_pixels: Count = setting(50_000_000, "Pixels of the largest picture that is made.")
    max_raw_bytes: Count = setting(
        512 * 1024**2, "Bytes of raw pixels that one picture may need at a time."
    )
    max_projection_bytes: Count = setting(
        256 * 1024**2,
        "Bytes of raw pixels that one projection may read: sections x region x channels.",
    )
    max_settings_bytes: Count = setting(
        65536, "Bytes of the rendering settings that are sent to be kept under a handle."
    )
    max_histogram_bins: Count = setting(65536, "Bins of the finest histogram.")
    thumbnail_batch_limit: Count = setting(
        50, "Thumbnails that one get_thumbnails request may ask for."
    )
