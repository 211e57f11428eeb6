"""README and docs as examples: what stands in their blocks, and how to run it.

Blocks of commands are run by bash as they are written. Only ports, folders and host names are
replaced by those of the test, and what would change the machine does nothing or what stands in
for it.
"""

import os
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
PAGES = tuple(sorted([PROJECT / "README.md", *PROJECT.glob("docs/**/*.md")]))
_TIMEOUT_S = 100.0
#: What would change the machine. A caller's own functions come after these.
_STAND_INS = "\n".join(
    f"{name}() {{ :; }}"
    for name in ("apt-get", "useradd", "systemctl", "a2enmod", "a2dissite", "a2ensite")
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `kind` is the word after the fence, empty for commands."""

    page: str
    kind: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Give the lines that are no comments."""
        return [line for line in self.text.splitlines() if line and not line.startswith("#")]


def blocks(kind: str | None = None, pages: Sequence[str] = ()) -> list[Block]:
    """Give the blocks of a kind, None = of all kinds, in the named pages or in all."""
    return [
        block
        for page in PAGES
        for block in _blocks_of(page)
        if kind in (None, block.kind) and (not pages or block.page in pages)
    ]


def _blocks_of(page: Path) -> Iterator[Block]:
    name = str(page.relative_to(PROJECT))
    text = page.read_text("utf-8")
    for kind, inner in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield Block(name, kind, inner)


def script(text: str, places: Mapping[str, str], functions: str = "") -> str:
    """Give a bash script of commands, with each key of `places` replaced by its value.

    `script/server` takes the place of the shell, so that signals reach it.
    """
    for old, new in places.items():
        text = text.replace(old, new)
    text = re.sub(r"^((?:BLITZRENDER_\w+=\S+ )*)script/server", _exec_server, text, flags=re.M)
    return f"set -euo pipefail\n{_STAND_INS}\n{functions}\n{text}"


def _exec_server(found: re.Match) -> str:
    variables = str(found[1]).strip()
    return f"exec env {variables} script/server" if variables else "exec script/server"


def run(
    text: str,
    folder: Path,
    places: Mapping[str, str],
    *,
    functions: str = "",
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a block in `folder`; give what it printed, raise AssertionError if it failed."""
    done = subprocess.run(
        ["bash", "-c", script(text, places, functions)],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    assert done.returncode == 0, (text, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def entry_points(group: str) -> str:
    """Give the file that a package's build makes of the entry points which extending.md shows."""
    tables = [tomllib.loads(block.text) for block in blocks("toml", ["docs/extending.md"])]
    [found] = [
        t["project"]["entry-points"][group] for t in tables if group in t["project"]["entry-points"]
    ]
    return "".join([f"[{group}]\n", *(f"{name} = {place}\n" for name, place in found.items())])
