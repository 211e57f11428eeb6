"""Settings: what is written about requests."""

from typing import Literal

from pydantic import BaseModel

from app.settings.kinds import in_group

setting = in_group("logs")


class LogsSettings(BaseModel):
    """What is written about requests."""

    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Least level of log lines that are written."
    )
    log_format: Literal["keyvalue", "json"] = setting(
        "keyvalue", "Form of log lines: text with `name=value`, or one JSON object a line."
    )
