"""BR: blocking reload, and what is refused."""

from collections.abc import Iterator

from mediaserver.check.fetch import Reply
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Observation, Probe

rules = Rules()

_AT_ONCE_S = 1.0
_WAKE_S = 0.25


def _at_once_s(seen: Observation) -> float:
    return _AT_ONCE_S + 2 * seen.rtt_s


def _answered(probes: list[Probe], what: str) -> Iterator[str]:
    """Those that were answered with a playlist must list what they asked for."""
    for probe in probes:
        if probe.playlist is None:
            yield f"{probe.reply.name} {probe.reply.fault}."
        elif probe.target is not None and not probe.playlist.lists(*probe.target):
            yield (
                f"{probe.reply.name} was answered before {what}: it ends at {probe.playlist.edge}."
            )


def _refused(seen: Observation, probes: list[Probe], *, at_once: bool) -> Iterator[str]:
    for probe in probes:
        if probe.reply.status != 400:
            yield f"{probe.reply.name} {probe.reply.fault}; 400 is wanted."
        elif at_once and probe.reply.took_s > _at_once_s(seen):
            yield f"{probe.reply.name} was refused only after {probe.reply.took_s:.1f} s."


@rules.must("BR-01", "bis 6.2.5.2")
def waits_for_the_part(seen: Observation) -> Iterator[str]:
    """_HLS_msn with _HLS_part waits until that part is listed."""
    needed((r for each in seen.renditions for r in each.reloads if r.target), "no reload")
    for rendition in seen.renditions:
        for reload in rendition.reloads:
            if reload.target is None:
                continue
            if reload.playlist is None:
                yield f"{rendition.name}: {reload.reply.name} {reload.reply.fault}."
            elif not reload.playlist.ended and not reload.playlist.lists(*reload.target):
                yield (
                    f"{rendition.name}: {reload.reply.name} was answered before the part was "
                    f"listed: it ends at {reload.playlist.edge}."
                )
                break


@rules.must("BR-02", "bis 6.2.5.2")
def waits_for_the_whole_segment(seen: Observation) -> Iterator[str]:
    """_HLS_msn alone waits for the whole segment."""
    probes = seen.probe("whole")
    needed(probes, "nothing was on air")
    yield from _answered(probes, "the segment was whole")


@rules.must("BR-03", "bis 6.2.5.2")
def past_the_end_is_the_next_segment(seen: Observation) -> Iterator[str]:
    """A part index past the end of its segment means part 0 of the next."""
    probes = seen.probe("past the end")
    needed(probes, "no segment was about to end")
    for probe in probes:
        if probe.playlist is None or probe.target is None:
            yield f"{probe.reply.name} {probe.reply.fault}."
            continue
        msn, part = probe.target
        longer = any(s.msn == msn and len(s.parts) > (part or 0) for s in probe.playlist.segments)
        if not longer and not probe.playlist.ended and not probe.playlist.lists(msn + 1, 0):
            yield f"{probe.reply.name} was answered before part 0 of segment {msn + 1}."


@rules.must("BR-04", "bis 6.2.5.2 (SHOULD), project")
def far_segments_are_refused(seen: Observation) -> Iterator[str]:
    """_HLS_msn too far in the future is answered with 400 at once."""
    probes = seen.probe("far segment")
    needed(probes, "nothing was on air")
    yield from _refused(seen, probes, at_once=True)


@rules.should("BR-05", "bis 6.2.5.2")
def far_parts_are_refused(seen: Observation) -> Iterator[str]:
    """_HLS_part beyond the Advance Part Limit is answered with 400 at once."""
    probes = seen.probe("far part")
    needed(probes, "nothing was on air")
    yield from _refused(seen, probes, at_once=True)


@rules.must("BR-06", "bis 6.2.5.2")
def a_part_needs_a_segment(seen: Observation) -> Iterator[str]:
    """_HLS_part without _HLS_msn is answered with 400."""
    probes = seen.probe("part alone")
    needed(probes, "nothing was on air")
    yield from _refused(seen, probes, at_once=False)


@rules.must("BR-07", "project (RFC 9110 15.5.1)")
def malformed_directives_are_refused(seen: Observation) -> Iterator[str]:
    """Malformed directives are answered with 400."""
    probes = seen.probe("malformed")
    needed(probes, "nothing was on air")
    yield from _refused(seen, probes, at_once=False)


@rules.must("BR-08", "bis 6.2.5.2")
def the_past_is_answered_at_once(seen: Observation) -> Iterator[str]:
    """A past _HLS_msn is answered at once with the whole playlist."""
    probes = seen.probe("past segment")
    needed(probes, "nothing was on air")
    for probe in probes:
        if probe.playlist is None:
            yield f"{probe.reply.name} {probe.reply.fault}."
        elif probe.playlist.skip or not probe.playlist.segments:
            yield f"{probe.reply.name} was not answered with the whole playlist."
        elif probe.reply.took_s > _at_once_s(seen):
            yield f"{probe.reply.name} was answered only after {probe.reply.took_s:.1f} s."


@rules.must("BR-09", "bis 6.2.6 (SHOULD), RFC 9110 15.5.5, project")
def the_unknown_is_not_found(seen: Observation) -> Iterator[str]:
    """An unknown rendition or media file is answered with 404."""
    probes = seen.probe("unknown")
    needed(probes, "nothing was asked for")
    for probe in probes:
        if probe.reply.status not in (404, 410):
            yield f"{probe.reply.name} {probe.reply.fault}; 404 is wanted."


@rules.must("BR-10", "RFC 9110 15.6, project")
def nothing_breaks(seen: Observation) -> Iterator[str]:
    """Never a 5xx, a dropped connection or a hang."""
    for reply in seen.replies:
        if reply.status >= 500 or reply.status == 0:
            yield f"{reply.name} {reply.fault}."


@rules.should("BR-11", "bis 6.2.5.2, project")
def wakes_in_time(seen: Observation) -> Iterator[str]:
    """A reload is answered when its part exists, at most 250 ms after the hinted bytes."""
    judged = False
    for rendition in seen.renditions:
        hinted: dict[tuple[int, int | None], Reply] = {
            h.edge: h.reply for h in rendition.hinted if h.reply.ok
        }
        for reload in rendition.reloads:
            part = hinted.get(reload.target) if reload.target else None
            if part is None or reload.playlist is None:
                continue
            judged = True
            late_s = reload.reply.done_s - part.done_s
            if late_s > _WAKE_S:
                yield (
                    f"{rendition.name}: {reload.reply.name} came {late_s * 1000:.0f} ms after its "
                    "part."
                )
    if not judged:
        raise NotSeen("no hinted part came")


@rules.must("BR-12", "bis B.1, project")
def equal_requests_are_all_answered(seen: Observation) -> Iterator[str]:
    """Twenty equal blocking requests at once are all answered with the part."""
    probes = seen.probe("equal")
    needed(probes, "nothing was on air")
    yield from _answered(probes, "the part was listed")


@rules.should("BR-13", "project")
def unknown_parameters_are_ignored(seen: Observation) -> Iterator[str]:
    """Unknown query parameters are ignored."""
    probes = seen.probe("unknown parameter")
    needed(probes, "nothing was on air")
    yield from _answered(probes, "")
