"""Writes the SBOM and looks for known weaknesses in what it lists: see script/audit."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.sbom import SbomError, make_sbom, packages_of

#: Seconds that the database may take for one answer.
_ANSWER_S = 5


#: In the last line of what pip-audit says when its database cannot be reached.
_AWAY = re.compile(r"connect|Connection|[Tt]imeout|timed out|ServiceError|redirecting")


class NoDatabase(Exception):
    """No database of weaknesses answers; the text says what was heard."""


class AuditError(Exception):
    """pip-audit failed for another reason."""


def weaknesses(packages: Sequence[str], options: Sequence[str] = ()) -> list[str]:
    """Give a line for each known weakness of packages, `name==version`.

    `options` are further ones of pip-audit. Raises NoDatabase or AuditError.
    """
    with tempfile.TemporaryDirectory() as folder:
        pinned, found = Path(folder) / "pinned.txt", Path(folder) / "found.json"
        pinned.write_text("\n".join(packages) + "\n", "utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(pinned), "--no-deps"]
        command += ["--disable-pip", "--format", "json", "--output", str(found)]
        command += ["--progress-spinner", "off", "--timeout", str(_ANSWER_S), *options]
        done = subprocess.run(command, capture_output=True, text=True)
        if not found.exists():
            said = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1][:160]
            raise (NoDatabase if _AWAY.search(said) else AuditError)(said)
        told = json.loads(found.read_text("utf-8"))["dependencies"]
    if all("skip_reason" in one for one in told):
        raise NoDatabase(told[0]["skip_reason"] if told else "nothing to look for")
    return [
        f"{one['name']} {one['version']}: {weakness['id']}"
        + (f", mended in {', '.join(weakness['fix_versions'])}" if weakness["fix_versions"] else "")
        for one in told
        for weakness in one.get("vulns", ())
    ]


def main(arguments: Sequence[str]) -> int:
    """Give the exit status: 1 = a known weakness, or something failed that needs no network."""
    python, place, *options = arguments
    try:
        sbom = make_sbom(Path(python))
    except SbomError as error:
        print(f"audit: {error}")
        return 1
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(sbom, indent=1) + "\n", "utf-8")
    packages = packages_of(sbom)
    print(f"audit: {len(packages)} packages are listed in {path}")
    try:
        # One alone first: without a network that is all there is to wait for.
        weaknesses(packages[:1], options)
        found = weaknesses(packages, options)
    except NoDatabase as error:
        print(f"audit: not compared with known weaknesses, as no database answers ({error})")
        return 0
    except AuditError as error:
        print(f"audit: pip-audit failed: {error}")
        return 1
    for line in found:
        print(f"audit: {line}")
    print(f"audit: known weaknesses: {len(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
