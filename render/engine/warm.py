"""Gets everything ready before the first request: loops compiled, encoders loaded."""

import numpy as np

from render.engine.composite import compiled_loops_available, compose
from render.engine.encode import available_formats, encode
from render.engine.histogram import count_values
from render.engine.quantum import PIXEL_TYPES
from render.engine.scale import resize
from render.values import (
    DTYPES,
    ChannelBinding,
    Color,
    Encoding,
    Model,
    RenderingDefinition,
    Window,
)


def warm_up() -> bool:
    """Run each loop and each encoder once; tell whether there are compiled loops.

    Made to be called before a server forks: nothing here starts a thread, and the children
    share the compiled code, which comes from numba's cache on disk where it can.
    """
    picture = np.zeros((4, 4, 4), np.uint8)
    for name in available_formats():
        encode(picture, Encoding(name))
    if not compiled_loops_available():
        return False
    binding = ChannelBinding(True, Window(0, 1), Color(255, 255, 255))
    definition = RenderingDefinition(Model.RGB, (binding,))
    for name, pixel_type in PIXEL_TYPES.items():
        plane = np.zeros((4, 4), DTYPES[name])
        compose([plane], name, definition)
        if pixel_type.uses_table:
            count_values(plane, name)
    resize(picture, 3, 3)
    return True
