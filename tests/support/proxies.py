"""Runs Apache and Caddy with the configurations of the guide, and stops them again."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.processes import require, running

_MODULES = Path("/usr/lib/apache2/modules")
#: What Debian's package enables, of what matters here.
_APACHE_MODULES = ("mpm_event", "authz_core", "alias", "filter")


@contextlib.contextmanager
def apache(site: str, folder: Path, port: int, modules: Sequence[str]) -> Iterator[Path]:
    """Run Apache with a virtual host, whose port 80 becomes `port`, while the block lasts.

    `modules` are those that Debian's package does not enable by itself. Gives its main file.
    """
    program = require("apache2", "apache2-bin")
    main = folder / "apache.conf"
    loaded = "".join(
        f"LoadModule {name}_module {_MODULES}/mod_{name}.so\n"
        for name in (*_APACHE_MODULES, *modules)
    )
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{loaded}{user}Listen 127.0.0.1:{port}\nServerName localhost\n"
        f"PidFile {folder}/apache.pid\nErrorLog {folder}/apache.log\n"
        f"DefaultRuntimeDir {folder}\n{site.replace('*:80', f'*:{port}')}"
    )
    with running([program, "-f", str(main), "-DFOREGROUND"], [port], log=folder / "proxy.log"):
        yield main


@contextlib.contextmanager
def caddy(site: str, folder: Path, port: int) -> Iterator[Path]:
    """Run Caddy with a site, whose name becomes `http://:port`; gives its file."""
    program = require("caddy", "caddy")
    main = folder / "Caddyfile"
    body = site[site.index("{") :]
    main.write_text(f"{{\n    admin off\n}}\nhttp://:{port} {body}")
    command = [program, "run", "--adapter", "caddyfile", "--config", str(main)]
    homes = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(folder))
    with running(command, [port], log=folder / "proxy.log", environment=homes):
        yield main
