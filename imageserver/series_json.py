"""What a file tells of its images, as the text that the index remembers it by.

Images that differ by name only, such as the fields of a plate, are told of once.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from imageserver.readers.base import ChannelMetadata, SeriesMetadata


def series_to_json(series: Sequence[SeriesMetadata]) -> str:
    """Write all images of a file."""
    kinds: dict[SeriesMetadata, int] = {}
    names = [[one.name, kinds.setdefault(replace(one, name=""), len(kinds))] for one in series]
    # Readers may give numbers of numpy's types.
    return json.dumps(
        {"kinds": [asdict(kind) for kind in kinds], "names": names},
        separators=(",", ":"),
        default=lambda value: value.item(),
    )


def series_from_json(text: str) -> tuple[SeriesMetadata, ...]:
    """Read what `series_to_json` wrote."""
    told = json.loads(text)
    kinds = [_series(kind) for kind in told["kinds"]]
    return tuple(replace(kinds[kind], name=name) for name, kind in told["names"])


def _series(told: dict[str, Any]) -> SeriesMetadata:
    levels = tuple((width, height) for width, height in told["levels"])
    channels = tuple(
        ChannelMetadata(
            **{**channel, "color": tuple(channel["color"]) if channel["color"] else None}
        )
        for channel in told["channels"]
    )
    return SeriesMetadata(**{**told, "levels": levels, "channels": channels})
