"""The packages that Blitzrender runs with, as an SBOM in CycloneDX's JSON.

An environment holds more than that (what the tests need, what setting up needs), so of all that is
installed only what the requirements lead to is told. Runs in the environment of script/audit.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft7Validator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parent.parent
NEEDED = "requirements.txt"
OPTIONAL = "requirements-otel.txt"
#: Installed without what it depends on.
ALONE = "requirements-viewer.txt"
_ROOT = "blitzrender"
_ICE = "zeroc-ice"
_PLACES = "import sysconfig; print(*map(sysconfig.get_path, ('purelib', 'platlib')), sep='\\n')"
_ICE_VERSION = "import Ice; print(Ice.stringVersion())"

#: What packages lead to, each by its canonical name.
Graph = dict[str, set[str]]


class SbomError(Exception):
    """An environment that is not as the requirements say, or an SBOM that breaks the schema."""


def make_sbom(python: Path) -> dict[str, Any]:
    """Give the SBOM of what runs in the environment of an interpreter. Raises SbomError."""
    sbom = _everything(python)
    components = {canonicalize_name(one["name"]): one for one in sbom["components"]}
    if _ICE not in components:
        components[_ICE] = _distribution_ice(python)
    required = _reached(python, list(_requirements(NEEDED)))
    missing = required.keys() - components.keys()
    if missing:
        raise SbomError(f"not installed: {', '.join(sorted(missing))}; script/setup installs it")
    extras = [one for one in _requirements(OPTIONAL) if canonicalize_name(one.name) in components]
    alone = [name for one in _requirements(ALONE) if (name := canonicalize_name(one.name))]
    graph = _reached(python, extras) | {name: set() for name in alone} | required
    told = {name: components[name] for name in sorted(graph) if name in components}
    for name, component in told.items():
        component["scope"] = "required" if name in required else "optional"
    refs = {name: component["bom-ref"] for name, component in told.items()}
    direct = [canonicalize_name(one.name) for one in (*_requirements(NEEDED), *extras)]
    sbom["components"] = list(told.values())
    sbom["metadata"]["component"] = {"bom-ref": _ROOT, "type": "application", "name": _ROOT}
    sbom["dependencies"] = [
        {"ref": _ROOT, "dependsOn": _refs(refs, [*direct, *alone])},
        *({"ref": refs[name], "dependsOn": _refs(refs, graph[name])} for name in told),
    ]
    _check(sbom)
    return sbom


def packages_of(sbom: dict[str, Any]) -> list[str]:
    """Give the packages as pip pins them, `name==version`."""
    return sorted(f"{one['name']}=={one['version']}" for one in sbom["components"])


def _everything(python: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--spec-version", "1.6"]
    # The same packages give the same text.
    command += ["--output-format", "JSON", "--output-reproducible", "--no-validate", str(python)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SbomError(f"cyclonedx-py failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def _requirements(file: str) -> Iterator[Requirement]:
    for line in (PROJECT / file).read_text("utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text:
            yield Requirement(text)


def _reached(python: Path, roots: Iterable[Requirement]) -> Graph:
    """Give all that requirements lead to, extras only where somebody asks for them.

    Markers are looked at with this interpreter, of which script/audit makes its own.
    """
    places = [*dict.fromkeys(_say(python, _PLACES).splitlines())]
    installed: dict[str, Distribution] = {
        canonicalize_name(one.metadata["Name"]): one for one in distributions(path=places)
    }
    graph: Graph = {}
    left = [(canonicalize_name(one.name), "", *sorted(one.extras)) for one in roots]
    seen = set()
    while left:
        name, *extras = asked = left.pop()
        if asked in seen:
            continue
        seen.add(asked)
        leads_to = graph.setdefault(name, set())
        for text in (name in installed and installed[name].requires) or ():
            wanted = Requirement(text)
            if wanted.marker is None or any(
                wanted.marker.evaluate({"extra": extra}) for extra in extras
            ):
                leads_to.add(canonicalize_name(wanted.name))
                left.append((canonicalize_name(wanted.name), "", *sorted(wanted.extras)))
    return graph


def _refs(refs: dict[str, str], names: Iterable[str]) -> list[str]:
    return sorted(refs[name] for name in set(names) if name in refs)


def _distribution_ice(python: Path) -> dict[str, Any]:
    """Tell of an Ice that is the distribution's, of which pip knows nothing."""
    version = _say(python, _ICE_VERSION).strip()
    return {
        "bom-ref": f"{_ICE}=={version}",
        "type": "library",
        "name": _ICE,
        "version": version,
        "purl": f"pkg:pypi/{_ICE}@{version}",
        "properties": [{"name": "blitzrender:installed-by", "value": "the distribution"}],
    }


def _say(python: Path, code: str) -> str:
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise SbomError(f"{python}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def _check(sbom: dict[str, Any]) -> None:
    # Parsing each package's addresses by grammar takes ten seconds, and says nothing of use.
    Draft7Validator.FORMAT_CHECKER.checkers.pop("iri-reference", None)
    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(sbom))
    if fault is not None:
        raise SbomError(f"the SBOM breaks the schema of CycloneDX: {fault}")
