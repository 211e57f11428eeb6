"""Reads the stored cases of tests/golden as the engine's own values."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window

FOLDER = Path(__file__).parents[2] / "golden"


@cache
def cases(section: str) -> list[dict[str, Any]]:
    """Give the cases of one section of the index."""
    return json.loads((FOLDER / "index.json").read_text())[section]


@cache
def arrays(name: str) -> dict[str, np.ndarray]:
    """Give all arrays of one stored file."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        return {key: stored[key] for key in stored.files}


def lookup_tables() -> dict[str, np.ndarray]:
    """Give the stored lookup tables by lower-case name."""
    return {name.lower(): table for name, table in arrays("luts").items()}


def definition_of(case: dict[str, Any]) -> RenderingDefinition:
    """Give a render case's settings; a model that is not known counts as greyscale."""
    return RenderingDefinition(
        model=Model.RGB if case["model"] == "rgb" else Model.GREYSCALE,
        bindings=tuple(
            ChannelBinding(
                active=channel["active"],
                window=Window(*map(float, channel["window"])),
                color=Color(*channel["color"]),
                lut=channel["lut"],
                family=channel["family"],
                coefficient=float(channel["coefficient"]),
                noise_reduction=channel["noise_reduction"],
                reverse_intensity=channel["reverse_intensity"],
            )
            for channel in case["channels"]
        ),
        cd_start=case["cd_start"],
        cd_end=case["cd_end"],
        bit_resolution=case["bit_resolution"],
    )


def stats_of(case: dict[str, Any]) -> tuple[tuple[float, float] | None, ...]:
    """Give the stored statistics of each channel of a render case."""
    return tuple(
        (float(channel["stats"][0]), float(channel["stats"][1])) if channel["stats"] else None
        for channel in case["channels"]
    )
