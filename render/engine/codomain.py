"""What happens to a level after quantisation: reverse intensity, and gamma as a curve."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from render.errors import BadRequest
from render.values import ChannelBinding, RenderingDefinition


def reverse(levels: NDArray[np.uint8], cd_start: int, cd_end: int) -> NDArray[np.uint8]:
    """Turn levels round within the output interval: `cd_end - level`.

    Not 255 - level: with 50..200 the result runs from 0 to 150, as in OMERO's renderer.
    """
    return (cd_end - np.clip(levels, cd_start, cd_end).astype(np.int16)).astype(np.uint8)


def with_gamma(definition: RenderingDefinition, gamma: float) -> RenderingDefinition:
    """Give the definition with every channel's curve bent by `gamma` (above 1 brightens).

    A gamma is a polynomial curve with the coefficient 1/gamma, so it works at full precision and
    needs no arithmetic of its own. Raises BadRequest where the curve is neither linear nor
    polynomial, or gamma is not a finite number above 0.
    """
    if not 0 < gamma < float("inf"):
        raise BadRequest(f"gamma must be a number above 0, not {gamma:g}", parameter="gamma")
    if gamma == 1:
        return definition
    return definition.with_bindings(
        tuple(
            _bent(binding, gamma) if binding.active else binding for binding in definition.bindings
        )
    )


def _bent(binding: ChannelBinding, gamma: float) -> ChannelBinding:
    if binding.family == "linear":
        return replace(binding, family="polynomial", coefficient=1 / gamma)
    if binding.family == "polynomial":
        return replace(binding, coefficient=binding.coefficient / gamma)
    raise BadRequest(
        f"gamma goes with the families linear and polynomial, not with '{binding.family}'",
        parameter="gamma",
    )
