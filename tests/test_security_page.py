"""The page on security names a test for each threat, and those tests exist."""

import re
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def test_each_threat_has_a_measure_and_tests_that_exist():
    page = (PROJECT / "docs" / "security.md").read_text("utf-8")
    rows = re.findall(r"^\| (?!threat|---)(.+) \| (.+) \| (.+) \|$", page, re.M)
    assert len(rows) > 25
    sources = "".join(path.read_text("utf-8") for path in (PROJECT / "tests").glob("**/test_*.py"))
    existing = set(re.findall(r"^ *(?:async )?def (test_\w+)\(", sources, re.M))
    for threat, _, named in rows:
        names = re.findall(r"`(\w+)`", named)
        assert names, threat
        assert set(names) <= existing, (threat, set(names) - existing)
