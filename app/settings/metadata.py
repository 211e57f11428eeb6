"""Settings: what metadata answers look like."""

from typing import Any, Literal

from pydantic import BaseModel

from app.settings.kinds import Count, in_group

setting = in_group("metadata")


class MetadataSettings(BaseModel):
    """What metadata answers look like."""

    plate_layout: Literal["expand", "shrink", "trim"] = setting(
        "expand",
        "Grid of a plate where a request names none: `expand` to a size that plates are made in, "
        "`shrink` to the rows and columns with wells, or `trim` after the last of them.",
    )
    open_with: tuple[dict[str, Any], ...] = setting(
        (),
        "Other programs that clients offer to open things with, as a list of objects with `id` and "
        "`url`, and optionally `supported_objects`, `target`, `script_url` and `label`.",
        "none",
    )
    search_limit: Count = setting(
        1000, "Results of one search; a request for more, or for all, gets so many."
    )
    max_table_download_rows: Count = setting(
        10000, "Rows of a table that one request gives; a query that meets more is refused."
    )
    max_table_slice_size: Count = setting(
        1_000_000, "Cells of a table that one request gives, and rows that one searches."
    )
