"""The ways from a viewer to the images: the application asks its server directly, or through a
router as OMERO has one, or it runs as a whole service with NGINX in front.

BLITZRENDER_TESTS_VIA says which one the tests of this folder take: `direct`, `router-tcp`,
`router-tls` (with a certificate that is verified) or `nginx`.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import omero_certificate
from tests.support.glacier2 import start_glacier2

WAYS = ("direct", "router-tcp", "router-tls", "nginx")
VARIABLE = "BLITZRENDER_TESTS_VIA"
VIA = os.environ.get(VARIABLE, WAYS[0])
assert VIA in WAYS, f"{VARIABLE} is none of {WAYS}"
#: Who asks where nobody logs in: through a router all have one OMERO user, as the public has.
WHO = "public" if VIA.startswith("router") else "local"


@dataclass(frozen=True)
class _Server:
    """What a router needs to know of the server behind it."""

    ports: dict[str, int]
    certificate: Path


@contextlib.contextmanager
def router_to(manager_port: int, way: str = VIA) -> Iterator[dict[str, object] | None]:
    """Run a router before a server, if the way leads through one; give an application's settings.

    None = it does not.
    """
    if not way.startswith("router"):
        yield None
        return
    with tempfile.TemporaryDirectory() as made:
        certificate = omero_certificate(Path(made))
        server = _Server({"manager": manager_port}, certificate.pem)
        with start_glacier2(server, tls=certificate.properties) as router:
            transport = "tcp" if way == "router-tcp" else "ssl"
            yield {
                "omero_host": "localhost",
                "omero_port": router.ports[transport],
                "omero_transport": transport,
                "omero_tls_verify": way == "router-tls",
                "omero_tls_ca_file": str(certificate.pem) if way == "router-tls" else None,
            }
