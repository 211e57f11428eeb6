"""Settings: what may be asked for at most, at once and within a time."""

from pydantic import BaseModel

from app.settings.kinds import Count, PerSecondOrNone, in_group

setting = in_group("limits")


class LimitsSettings(BaseModel):
    """What one request, one viewer and one address may ask for at most."""

    max_output_pixels: Count = setting(50_000_000, "Pixels of the largest picture that is made.")
    max_raw_bytes: Count = setting(
        512 * 1024**2, "Bytes of raw pixels that one picture may need at a time."
    )
    max_projection_bytes: Count = setting(
        256 * 1024**2,
        "Bytes of raw pixels that one projection may read: sections x region x channels.",
    )
    max_statistics_bytes: Count = setting(
        256 * 1024**2,
        "Bytes of raw pixels that the statistics of the shapes of one request may read.",
    )
    max_settings_bytes: Count = setting(
        65536, "Bytes of the rendering settings that are sent to be kept under a handle."
    )
    max_regions_bytes: Count = setting(
        8 * 1024**2, "Bytes of the regions of interest that one request may save."
    )
    max_annotation_bytes: Count = setting(
        1024**2, "Bytes of the form that annotates with pairs, or gives names; above it: 413."
    )
    max_upload_bytes: Count = setting(
        256 * 1024**2,
        "Bytes of a file that is attached to something; above it: 413. On its way it lies in the "
        "system's folder for temporary files.",
    )
    uploads_max: Count = setting(
        8, "Files that one worker process takes in at a time; one more is answered 503."
    )
    max_figure_bytes: Count = setting(
        4 * 1024**2, "Bytes of the file of a figure that is saved or opened."
    )
    max_histogram_bins: Count = setting(65536, "Bins of the finest histogram.")
    thumbnail_batch_limit: Count = setting(
        50, "Thumbnails that one get_thumbnails request may ask for."
    )
    viewer_requests_per_s: PerSecondOrNone = setting(
        0.0,
        "Requests that one login may make in each worker process, on average; one more is answered "
        "429. 0 = any number.",
    )
    address_requests_per_s: PerSecondOrNone = setting(
        0.0,
        "Requests that may come from one address to each worker process, on average; one more is "
        "answered 429. 0 = any number.",
    )
    requests_burst: Count = setting(
        300, "Requests that may come at once before those averages count, such as a screen's tiles."
    )
