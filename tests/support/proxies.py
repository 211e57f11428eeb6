"""Runs Apache and Caddy with the configurations of the guide, and stops them again."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import find, missing, require, running

_MODULES = Path("/usr/lib/apache2/modules")
_APACHE_MODULES = (
    "mpm_event", "authz_core", "headers", "filter", "deflate", "proxy", "proxy_http",
)  # fmt: skip


@contextlib.contextmanager
def apache(site: str, folder: Path, port: int) -> Iterator[None]:
    """Run Apache with a virtual host, whose port 80 becomes `port`, while the block lasts."""
    program = find("apache2")
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
    command = [program, "-f", str(main), "-DFOREGROUND"]
    with running(command, [port], log=folder / "proxy.log"):
        yield


@contextlib.contextmanager
def caddy(site: str, folder: Path, port: int) -> Iterator[None]:
    """Run Caddy with a site, whose name becomes `http://:port`, while the block lasts."""
    program = require("caddy", "caddy")
    main = folder / "Caddyfile"
    body = site[site.index("{") :]
    main.write_text(f"{{\n    admin off\n}}\nhttp://:{port} {body}")
    command = [program, "run", "--adapter", "caddyfile", "--config", str(main)]
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    with running(command, [port], log=folder / "proxy.log", environment=homes):
        yield
