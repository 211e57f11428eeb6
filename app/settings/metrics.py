"""Settings: figures for operators, and who may read them."""

from pydantic import BaseModel, SecretStr

from app.networks import LOOPBACK, Network
from app.settings.kinds import Seconds, in_group

setting = in_group("metrics")


class MetricsSettings(BaseModel):
    """Figures for operators, and who may read them."""

    metrics_allowed: tuple[Network, ...] = setting(
        LOOPBACK,
        "Networks such as `10.1.0.0/16` that may read /metrics; what comes through a proxy needs "
        "the client's address in them too.",
        "this host only",
    )
    metrics_token: SecretStr | None = setting(
        None, "Token that opens /metrics from anywhere, sent as `Authorization: Bearer …`."
    )
    ready_timeout_s: Seconds = setting(
        5.0, "How long /readyz waits for each part before it counts as failing."
    )
