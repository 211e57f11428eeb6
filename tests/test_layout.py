"""The rule of dependence: which part of the project may import what."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
PARTS = ("app", "cache", "imageserver", "render")
LONGEST_MODULE = 450

MODULES = sorted(path for part in PARTS for path in (PROJECT / part).rglob("*.py"))
OURS = {*PARTS, "tests", "benchmarks", "wsgi"}
#: What pure rendering may use besides Python's own library.
ENGINE_MAY = {"numpy", "numba", "llvmlite", "PIL", "imagecodecs"}
ENGINE_MAY_OF_OURS = ("render.engine", "render.values", "render.errors")
#: Of the Ice side it shares only the Slice files; it draws with the same engine.
IMAGESERVER_MAY_OF_OURS = ("render.blitz.slices", *ENGINE_MAY_OF_OURS)
#: Python's modules that do I/O, which pure rendering has no business with.
ENGINE_MUST_NOT = {"socket", "subprocess", "urllib", "http", "sqlite3", "shutil", "pathlib"}
ICE = {"Ice", "IceImport", "Glacier2", "IcePy", "omero"}
FLASK = {"flask", "werkzeug", "jinja2"}


def name(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def imports(path: Path) -> Iterator[str]:
    """Give the full names of all modules that a module imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} has a relative import"
            yield node.module or ""
            # `from render.blitz import source` imports a module too.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top(module: str) -> str:
    return module.partition(".")[0]


def below(path: Path, *folders: str) -> bool:
    return any(path.is_relative_to(PROJECT / folder) for folder in folders)


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_keep_to_the_layers(path):
    wanted = set(imports(path))
    tops = {top(module) for module in wanted}
    if not below(path, "app"):
        assert not tops & FLASK
        assert "app" not in tops
    if not below(path, "render/blitz", "imageserver"):
        assert not tops & ICE
    if below(path, "cache"):
        assert not tops & {"render", "imageserver"}
    if below(path, "render"):
        assert not tops & {"cache", "imageserver"}
    if below(path, "imageserver"):
        ours = {module for module in wanted if top(module) in OURS - {"imageserver"}}
        assert all(module.startswith(IMAGESERVER_MAY_OF_OURS) for module in ours), ours
    if below(path, "app"):
        assert "imageserver" not in tops
    if below(path, "render/engine"):
        others = tops - sys.stdlib_module_names - ENGINE_MAY - {"render"}
        assert not others
        assert not tops & ENGINE_MUST_NOT
        ours = {module for module in wanted if top(module) == "render"}
        assert all(module.startswith(ENGINE_MAY_OF_OURS) for module in ours), ours


@pytest.mark.parametrize("path", sorted((PROJECT / "app" / "routes").glob("*.py")), ids=name)
def test_routes_hold_no_try(path):
    tree = ast.parse(path.read_text("utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Try)]


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_modules_stay_readable(path):
    lines = path.read_text("utf-8").count("\n")
    assert lines < LONGEST_MODULE, f"{name(path)} has {lines} lines: does it hold two subjects?"


def test_only_the_settings_read_the_environment():
    for path in MODULES:
        if below(path, "app") and not below(path, "app/settings"):
            assert "os.environ" not in path.read_text("utf-8"), name(path)
