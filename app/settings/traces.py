"""Settings: spans of requests for OpenTelemetry."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.kinds import in_group

setting = in_group("traces")


class TracesSettings(BaseModel):
    """Spans of requests for OpenTelemetry."""

    traces_endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/]\S*$")] | None = setting(
        None,
        "Address of an OpenTelemetry collector that is sent the spans of requests by OTLP over "
        "HTTP, such as `http://127.0.0.1:4318`; needs the packages of requirements-otel.txt. Not "
        "set = no spans.",
    )
