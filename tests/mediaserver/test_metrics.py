"""One page of metrics out of many processes."""

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mediaserver.metrics import ChildMetrics, NodeMetrics, exposition


def _child(value: int) -> bytes:
    registry = CollectorRegistry()
    counter = Counter("comptoir_parts", "Parts", ["rendition"], registry=registry)
    counter.labels(rendition="720p").inc(value)
    return generate_latest(registry)


def test_each_process_keeps_its_own_series_under_one_family() -> None:
    texts = {"gateway-0": _child(3), "gateway-1": _child(4)}
    page = exposition([ChildMetrics(lambda: texts)]).decode()
    families = {family.name: family for family in text_string_to_metric_families(page)}
    totals = {
        (sample.labels["process"], sample.labels["rendition"]): sample.value
        for sample in families["comptoir_parts"].samples
        if sample.name == "comptoir_parts_total"
    }
    assert totals == {("gateway-0", "720p"): 3, ("gateway-1", "720p"): 4}
    assert page.count("# HELP comptoir_parts_total") == 1


def test_a_child_that_sends_nonsense_costs_only_itself() -> None:
    texts = {"gateway-0": b"{{{", "gateway-1": _child(4)}
    page = exposition([ChildMetrics(lambda: texts)]).decode()
    assert "gateway-1" in page


def test_shows_are_counted_by_state() -> None:
    node = NodeMetrics(
        states=lambda: ["live", "live", "idle"],
        workers=lambda: {"idle": 1, "busy": 2},
        gateways=lambda: 1,
    )
    page = exposition([node]).decode()
    assert 'comptoir_shows{process="main",state="live"} 2.0' in page
    assert 'comptoir_shows{process="main",state="away"} 0.0' in page
    assert 'comptoir_workers{process="main",use="busy"} 2.0' in page
