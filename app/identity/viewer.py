"""The person for whom a request is answered."""

from dataclasses import dataclass, field
from typing import Literal

from render.blitz.source import Credentials


@dataclass(frozen=True)
class Viewer:
    """Who asks. What one viewer may see is never remembered for another.

    `key` tells viewers apart and is never logged; `kind` is what logs and metrics may say.
    """

    key: str = field(repr=False)
    kind: Literal["local", "public", "member"]
    credentials: Credentials = field(repr=False)
