"""How a setting is declared, and the kinds of values that settings have."""

import os
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

PREFIX = "BLITZRENDER_"

CORES = os.cpu_count() or 1

Port = Annotated[int, Field(ge=1, le=65535)]
PortOrAny = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1)]
CountOrNone = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
PerSecondOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]
SecondsOrNone = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def in_group(group: str) -> Callable[..., Any]:
    """Give the function that declares the settings of a group of the reference."""

    def setting(default: Any, text: str, default_text: str | None = None) -> Any:
        """Declare a setting; `default_text` describes a default that depends on the machine."""
        shown = default_text or ("not set" if default is None else str(default))
        return Field(
            default=default, description=text, json_schema_extra={"group": group, "default": shown}
        )

    return setting
