"""Who may read the metrics."""

import hmac

from flask import Request

from app.networks import is_in
from app.settings import Settings
from render.errors import Forbidden


def check_metrics_access(request: Request, settings: Settings) -> None:
    """Raise Forbidden unless the request comes from an allowed network or brings the token."""
    token = settings.metrics_token
    if token is not None:
        given = request.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {token.get_secret_value()}".encode()):
            return
    # A proxy on this host must not open the page to the world: all addresses on the way count.
    addresses = [request.remote_addr or "", request.headers.get("X-Real-IP", "")]
    addresses += request.headers.get("X-Forwarded-For", "").split(",")
    told = [address.strip() for address in addresses if address.strip()]
    if not told or not all(is_in(address, settings.metrics_allowed) for address in told):
        raise Forbidden("metrics are for the networks in metrics_allowed, or with metrics_token")
