"""Prometheus metrics of the fleet, besides those that every engine has."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.cluster.fleet import Fleet


class FleetCollector(Collector):
    """Reads the fleet at each scrape."""

    def __init__(self, fleet: Fleet) -> None:
        """Prepare."""
        self._fleet = fleet

    def collect(self) -> Iterator[Metric]:
        replicas = GaugeMetricFamily(
            "engine_cluster_replicas", "Replicas that answer, by node", labels=["node"]
        )
        usable = self._fleet.usable
        for node in sorted({each.node.name for each in usable}):
            replicas.add_metric([node], sum(each.node.name == node for each in usable))
        yield replicas
        yield CounterMetricFamily(
            "engine_cluster_replicas_lost", "Replicas that died", value=self._fleet.lost
        )
        yield CounterMetricFamily(
            "engine_cluster_answers_moved",
            "Answers that another replica gave because the first died before their first word",
            value=self._fleet.moved,
        )
        yield CounterMetricFamily(
            "engine_cluster_answers_broken_off",
            "Answers that broke off because their replica died",
            value=self._fleet.failed,
        )
