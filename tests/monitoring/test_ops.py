"""The dashboard and the alert rules name the metrics that there are, and all of them."""

import json
import re
from typing import Any

import aiohttp
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.app import App
from bot.client import HeroBot
from bot.monitoring.server import open_monitoring
from bot.settings import ROOT
from tests.support.engine_process import EngineProcess

OPS = ROOT / "ops"
DASHBOARD: dict[str, Any] = json.loads((OPS / "grafana" / "dashboards" / "herosmith.json").read_text())
RULES: list[dict[str, Any]] = yaml.safe_load((OPS / "rules.yml").read_text())["groups"][0]["rules"]
_METRIC = re.compile(r"\b(?:herosmith|engine|process)_[a-z0-9_]+")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}


def expressions() -> list[str]:
    """Return the expressions of all panels and rules."""
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    return panels + [rule["expr"] for rule in RULES]


def families(text: str) -> dict[str, set[str]]:
    """Return the names of the series of each metric at a /metrics.

    The library adds by itself when each counter began (_created): Prometheus sees restarts by the counters'
    values.
    """
    return {
        family.name: {family.name + suffix for suffix in _SUFFIXES.get(family.type, ("",))}
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    }


async def exposed(url: str) -> dict[str, set[str]]:
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        return families(await response.text())


@pytest.fixture
async def everything(app: App, engine: EngineProcess) -> dict[str, set[str]]:
    """Return the metrics of a bot, a worker and an engine."""
    found: dict[str, set[str]] = {}
    async with HeroBot(app) as bot, open_monitoring(app, bot, port=0) as address:
        found |= await exposed(f"{address}/metrics")
    async with open_monitoring(app, port=0) as address:
        of_worker = await exposed(f"{address}/metrics")
        assert set(of_worker) < set(found)
    return found | await exposed(engine.url.removesuffix("/v1") + "/metrics")


async def test_panels_and_rules_name_metrics_that_exist(everything: dict[str, set[str]]) -> None:
    series = set().union(*everything.values())
    named = set(_METRIC.findall("\n".join(expressions())))
    assert named - series == set()


async def test_every_metric_is_named_by_a_panel_or_a_rule(everything: dict[str, set[str]]) -> None:
    named = set(_METRIC.findall("\n".join(expressions())))
    assert [name for name, series in everything.items() if not series & named] == []


async def test_metrics_are_named_by_prometheus_conventions(everything: dict[str, set[str]]) -> None:
    own = [name for name in everything if name.startswith("herosmith_")]
    assert len(own) > 20
    for name in own:
        assert re.fullmatch(r"herosmith_[a-z]+(_[a-z]+)*", name)
        assert not name.endswith(("_milliseconds", "_ms", "_count", "_total_total"))


def test_every_rule_says_what_happened_and_what_to_do() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    assert all(rule["annotations"]["summary"] and rule["annotations"]["action"] for rule in RULES)
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_page_lists_every_metric_of_ours(everything: dict[str, set[str]]) -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(herosmith_[a-z_]+)`", page))
    series = {
        next(iter(names)) if names == {f"{name}_total"} else name
        for name, names in everything.items()
        if name.startswith("herosmith_")
    }
    assert listed == series


def test_panels_do_not_lie_on_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_grafana_is_provisioned_with_the_dashboards_source() -> None:
    provisioning = OPS / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel}
    assert used == {source["uid"]}
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "herosmith.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
