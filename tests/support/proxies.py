"""Runs Apache and Caddy with the configurations of the guide, and stops them again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers import missing

START_TIMEOUT_S = 20.0
_MODULES = Path("/usr/lib/apache2/modules")
_APACHE_MODULES = (
    "mpm_event", "authz_core", "headers", "filter", "deflate", "proxy", "proxy_http",
)  # fmt: skip


@contextlib.contextmanager
def apache(site: str, folder: Path, port: int) -> Iterator[None]:
    """Run Apache with a virtual host, whose port 80 becomes `port`, while the block lasts."""
    program = shutil.which("apache2", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or not _MODULES.is_dir():
        missing("Apache is not installed (Debian package apache2-bin)")
    main = folder / "apache.conf"
    modules = "".join(
        f"LoadModule {name}_module {_MODULES}/mod_{name}.so\n" for name in _APACHE_MODULES
    )
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{modules}{user}Listen 127.0.0.1:{port}\nServerName localhost\n"
        f"PidFile {folder}/apache.pid\nErrorLog {folder}/apache.log\n"
        f"DefaultRuntimeDir {folder}\n{site.replace('*:80', f'*:{port}')}"
    )
    with _running([str(program), "-f", str(main), "-DFOREGROUND"], folder, port):
        yield


@contextlib.contextmanager
def caddy(site: str, folder: Path, port: int) -> Iterator[None]:
    """Run Caddy with a site, whose name becomes `http://:port`, while the block lasts."""
    program = shutil.which("caddy")
    if program is None:
        missing("Caddy is not installed (Debian package caddy)")
    main = folder / "Caddyfile"
    body = site[site.index("{") :]
    main.write_text(f"{{\n    admin off\n}}\nhttp://:{port} {body}")
    command = [str(program), "run", "--adapter", "caddyfile", "--config", str(main)]
    with _running(command, folder, port):
        yield


@contextlib.contextmanager
def _running(command: list[str], folder: Path, port: int) -> Iterator[None]:
    log = folder / "proxy.log"
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            env=os.environ | homes,
        )
    try:
        until = time.monotonic() + START_TIMEOUT_S
        while not _listens(port):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    return False
