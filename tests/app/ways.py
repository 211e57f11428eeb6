"""The ways from the application to its server: direct, or through a router as OMERO has one.

BLITZRENDER_TESTS_VIA says which one the tests of this folder take: `direct`, `router-tcp` or
`router-tls` (with a certificate that is verified).
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import omero_certificate
from tests.support.glacier2 import start_glacier2

WAYS = ("direct", "router-tcp", "router-tls")
VARIABLE = "BLITZRENDER_TESTS_VIA"
VIA = os.environ.get(VARIABLE, WAYS[0])
assert VIA in WAYS, f"{VARIABLE} is none of {WAYS}"


@dataclass(frozen=True)
class _Server:
    """What a router needs to know of the server behind it."""

    ports: dict[str, int]
    certificate: Path


@contextlib.contextmanager
def way_to(manager_port: int) -> Iterator[dict[str, object] | None]:
    """Give the settings with which an application takes the way to a server; None = direct."""
    if VIA == "direct":
        yield None
        return
    with tempfile.TemporaryDirectory() as made:
        certificate = omero_certificate(Path(made))
        server = _Server({"manager": manager_port}, certificate.pem)
        with start_glacier2(server, tls=certificate.properties) as router:
            transport = "tcp" if VIA == "router-tcp" else "ssl"
            yield {
                "omero_host": "localhost",
                "omero_port": router.ports[transport],
                "omero_transport": transport,
                "omero_tls_verify": VIA == "router-tls",
                "omero_tls_ca_file": str(certificate.pem) if VIA == "router-tls" else None,
                "omero_user": "local",
                "omero_password": "local",
            }
