"""What lies in deploy/ fits the service that it is for."""

import json
import re
from pathlib import Path

from app.operations.metrics import describe_metrics

DEPLOY = Path(__file__).parent.parent / "deploy"


def test_the_dashboard_asks_for_metrics_and_labels_that_there_are():
    dashboard = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
    labels: dict[str, set[str]] = {}
    for name, kind, _, names in describe_metrics():
        ends = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
        for end in ends:
            labels[name + end] = {*names, *(["le"] if end == "_bucket" else [])}
    asked = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            text = target["expr"]
            metrics = re.findall(r"blitzrender_\w+", text)
            assert metrics, text
            asked |= set(metrics)
            for metric in metrics:
                assert metric in labels, metric
            used = {
                label.strip()
                for group in re.findall(r"by \(([^)]*)\)", text)
                for label in group.split(",")
            } | set(re.findall(r"(\w+)=~?\"", text))
            shown = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            for metric in metrics:
                assert used | shown <= labels[metric], (text, target["legendFormat"])
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    # Every metric is somewhere on it.
    for name, kind, *_ in describe_metrics():
        series = {f"{name}_bucket", f"{name}_sum"} if kind == "histogram" else {name}
        assert series & asked, name
