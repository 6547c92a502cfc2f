"""One page of metrics for a node: main's own, and what each other process last sent it.

Every sample gets the label ``process``, so that two gateways stay two series.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from transcoder.ladder_state import LadderState

log = structlog.get_logger()


class ChildMetrics(Collector):
    """The last metrics of each child, merged family by family."""

    def __init__(self, texts: Callable[[], Mapping[str, bytes]]) -> None:
        self._texts = texts

    def collect(self) -> Iterator[Metric]:
        """Every family once, with the samples of all processes."""
        merged: dict[str, Metric] = {}
        for process, text in self._texts().items():
            for family in _families(process, text):
                into = merged.setdefault(
                    family.name, Metric(family.name, family.documentation, family.type, family.unit)
                )
                for sample in family.samples:
                    labels = {**sample.labels, "process": process}
                    into.samples.append(sample._replace(labels=labels))
        yield from merged.values()


class NodeMetrics(Collector):
    """What main itself knows."""

    def __init__(
        self,
        *,
        states: Callable[[], Iterable[str]],
        workers: Callable[[], Mapping[str, int]],
        gateways: Callable[[], int],
        viewers: Callable[[], Mapping[str, int]] = dict,
        broken_profiles: Callable[[], Mapping[str, bool]] = dict,
        ladders: Callable[[], Mapping[str, LadderState]] = dict,
    ) -> None:
        self._states = states
        self._workers = workers
        self._gateways = gateways
        self._viewers = viewers
        self._broken_profiles = broken_profiles
        self._ladders = ladders

    def collect(self) -> Iterator[Metric]:
        """Shows by state, workers by use, gateways; viewers, profiles and ladder by show."""
        shows = _gauge("comptoir_shows", "Shows by state", "state")
        states = list(self._states())
        for state in ("idle", "live", "away", "ended"):
            shows.add_metric(["main", state], states.count(state))
        workers = _gauge("comptoir_workers", "Transcoder workers", "use")
        for use, count in self._workers().items():
            workers.add_metric(["main", use], count)
        gateways = _gauge("comptoir_gateways", "Gateways connected to main")
        gateways.add_metric(["main"], self._gateways())
        viewers = _gauge("comptoir_viewers", "Viewers on all nodes' gateways", "show")
        for show, count in self._viewers().items():
            viewers.add_metric(["main", show], count)
        broken = _gauge(
            "comptoir_profile_broken", "1: the show's encoder profile cannot be used", "show"
        )
        for show, fault in self._broken_profiles().items():
            broken.add_metric(["main", show], fault)
        yield from (shows, workers, gateways, viewers, broken)
        yield from self._of_ladders()

    def _of_ladders(self) -> Iterator[Metric]:
        step = _gauge("comptoir_ladder_step", "Steps of shedding in force", "show")
        rungs = _gauge("comptoir_ladder_rungs", "Rungs by what they are made of", "show", "role")
        dozing = _gauge("comptoir_ladder_dozing", "Encoded rungs nobody watches", "show")
        for show, state in self._ladders().items():
            step.add_metric(["main", show], state.step)
            roles = [rung.role for rung in state.rungs]
            for role in ("encoded", "passed", "mirror"):
                rungs.add_metric(["main", show, role], roles.count(role))
            dozing.add_metric(["main", show], sum(rung.dozing for rung in state.rungs))
        yield from (step, rungs, dozing)


def _gauge(name: str, sentence: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, sentence, labels=["process", *labels])


def exposition(collectors: Iterable[Collector]) -> bytes:
    """The page, in Prometheus text format."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


def _families(process: str, text: bytes) -> list[Metric]:
    try:
        return list(text_string_to_metric_families(text.decode()))
    except ValueError as exc:
        log.warning("metrics_unreadable", child=process, error=str(exc))
        return []
