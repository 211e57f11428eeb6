"""`python -m imageserver FOLDER`: serve a folder of images over OMERO's API.

Prints one line that begins with `ready` when it answers, and ends on SIGTERM and SIGINT. With
`--with-parent` it also ends when its standard input closes or its parent process goes away.
"""

import argparse
import ipaddress
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from imageserver.accounts import UsersFileError
from imageserver.catalog import Catalog
from imageserver.server import ImageServer, Options

PASSWORD_VARIABLE = "BLITZRENDER_IMAGESERVER_PASSWORD"
DEFAULT_PASSWORD = "local"
DEFAULT_PORT, DEFAULT_SSL_PORT = 4063, 4064
_PARENT_CHECK_S = 1.0

log = logging.getLogger("blitzrender.imageserver")


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; give the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level.upper(), format="%(levelname)s %(message)s")
    problem = _problem(options)
    if problem:
        parser.error(problem)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if options.with_parent:
        _watch_parent(stop)
    cache_dir = Path(options.cache_dir)
    try:
        catalog = Catalog(options.folder, cache_dir, confined=options.users is not None)
    except NotADirectoryError as error:
        parser.error(str(error))
    try:
        catalog.start()
        return _serve(catalog, cache_dir, options, stop)
    finally:
        catalog.close()


def _serve(
    catalog: Catalog, cache_dir: Path, options: argparse.Namespace, stop: threading.Event
) -> int:
    try:
        server = ImageServer(catalog, cache_dir, _server_options(options))
    except UsersFileError as error:
        print(f"imageserver: {error}", file=sys.stderr)
        return 1
    try:
        try:
            server.start()
        except OSError as error:
            print(f"imageserver: {error.strerror}", file=sys.stderr)
            return 1
        # A small folder is complete at once; a large one shows more as it is read.
        catalog.wait_scanned(options.scan_wait)
        places = (f"{name}={host}:{port}" for name, (host, port) in server.endpoints.items())
        print("ready", *places, flush=True)
        stop.wait()
        return 0
    finally:
        server.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m imageserver", description=__doc__)
    parser.add_argument("folder", help="the folder to serve")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, help="tcp port (4063), 0 for any free one")
    parser.add_argument(
        "--ssl-port", type=int, help="ssl port (4064 when --port is not given, else none)"
    )
    parser.add_argument("--ws-port", type=int, help="WebSocket port (none)")
    parser.add_argument(
        "--manager-port",
        type=int,
        help="loopback port of the session manager and the permissions verifier, for a Glacier2 "
        "router in front (none)",
    )
    parser.add_argument(
        "--insecure-router",
        default="",
        metavar="PROXY",
        help="what the clients of a router in front may go on with after logging in over ssl",
    )
    parser.add_argument(
        "--cache-dir",
        default=str(Path.home() / ".cache" / "blitzrender" / "imageserver"),
        help="folder for the index, reduced levels and the certificate",
    )
    parser.add_argument("--user", default="local", help="name of the one user (local)")
    parser.add_argument(
        "--users",
        type=Path,
        metavar="FILE",
        help="users, groups, and what belongs to whom, instead of one user to whom everything "
        "belongs (none)",
    )
    parser.add_argument(
        "--session-timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="end sessions that nobody used for this long (600)",
    )
    parser.add_argument(
        "--refusal-delay",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="answer a wrong password only after this long (2)",
    )
    parser.add_argument(
        "--scan-wait", type=float, default=2.0, metavar="SECONDS", help="see the folder first (2)"
    )
    parser.add_argument("--threads", type=int, default=32, help="calls answered at a time (32)")
    parser.add_argument("--with-parent", action="store_true", help="end when the parent does")
    parser.add_argument(
        "--log-level", default="warning", choices=("debug", "info", "warning", "error")
    )
    parser.epilog = (
        f"The password is read from the environment variable {PASSWORD_VARIABLE}; without it, it "
        f"is “{DEFAULT_PASSWORD}”, which is allowed on loopback addresses only."
    )
    return parser


def _problem(options: argparse.Namespace) -> str | None:
    has_password = options.users is not None or os.environ.get(PASSWORD_VARIABLE)
    if not _is_loopback(options.host) and not has_password:
        return f"listening on {options.host} needs a password in {PASSWORD_VARIABLE}"
    if options.session_timeout < 1 or options.threads < 2:
        return "--session-timeout has to be at least 1 and --threads at least 2"
    return None


def _server_options(options: argparse.Namespace) -> Options:
    ssl_port = options.ssl_port
    if options.port is None and ssl_port is None:
        ssl_port = DEFAULT_SSL_PORT
    return Options(
        host=options.host,
        port=DEFAULT_PORT if options.port is None else options.port,
        ssl_port=ssl_port,
        ws_port=options.ws_port,
        manager_port=options.manager_port,
        user=options.user,
        password=os.environ.get(PASSWORD_VARIABLE) or DEFAULT_PASSWORD,
        session_timeout_s=options.session_timeout,
        refusal_delay_s=options.refusal_delay,
        threads=options.threads,
        insecure_router=options.insecure_router,
        users=options.users,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _watch_parent(stop: threading.Event) -> None:
    """Stop when standard input ends, or when another process becomes the parent."""
    parent = os.getppid()

    def watch_input() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop.set()

    def watch_process() -> None:
        while not stop.wait(_PARENT_CHECK_S):
            if os.getppid() != parent:
                stop.set()

    threading.Thread(target=watch_input, name="parent-input", daemon=True).start()
    threading.Thread(target=watch_process, name="parent-process", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
