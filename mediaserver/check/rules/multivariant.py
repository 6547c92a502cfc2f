"""MV: the multivariant playlist against the media it names."""

import re
from collections.abc import Iterable, Iterator

from mediaserver.check.indexes import Promise, promises
from mediaserver.check.playlist import Variant
from mediaserver.check.rules.base import NotSeen, Rules, needed
from mediaserver.check.seen import Observation, Piece, Rendition

rules = Rules()

_AVERAGE_SLACK = 1.10
_FPS_SLACK = 0.10
_MIN_FPS_SAMPLES = 20


def _pairs(seen: Observation) -> Iterator[tuple[Variant, Rendition]]:
    for rendition in seen.renditions:
        if rendition.variant is not None:
            yield rendition.variant, rendition


def _audio_bps(seen: Observation, variant: Variant) -> float:
    """The peak of the largest audio rendition in the variant's group."""
    group = variant.attributes.quoted("AUDIO")
    if group is None:
        return 0.0
    urls = {m.url for m in seen.multivariant.media if m.attributes.quoted("GROUP-ID") == group}
    return max(
        (_peak_bps(_sizes(r, r.segments.values())) for r in seen.renditions if r.url in urls),
        default=0.0,
    )


def _judgeable(seen: Observation) -> list[Promise]:
    """What the index said of init sections. Raises `NotSeen` where it was never read in time."""
    found = list(promises(seen))
    needed(found, "the ladder changed too often for the index to be read beside it")
    return found


def _sizes(rendition: Rendition, segments: Iterable[Piece]) -> list[tuple[int, float]]:
    """Bytes and seconds of each segment between 0.5 and 1.5 target durations."""
    latest = rendition.latest
    target_s = latest.target_s if latest else 0
    return [
        (len(piece.reply.body), piece.duration_s)
        for piece in segments
        if piece.reply.ok and 0.5 * target_s <= piece.duration_s <= 1.5 * target_s
    ]


def _peak_bps(sizes: Iterable[tuple[int, float]]) -> float:
    return max((size * 8 / duration_s for size, duration_s in sizes), default=0.0)


@rules.must("MV-01", "bis 4.1, 4.4.1.1")
def loads(seen: Observation) -> Iterator[str]:
    """The multivariant playlist loads and can be read."""
    for problem in seen.multivariant.problems:
        yield f"The multivariant playlist is malformed: {problem}."


@rules.must("MV-02", "bis 4.4.6.2, Apple 9.1")
def has_bandwidth_and_codecs(seen: Observation) -> Iterator[str]:
    """Every variant has BANDWIDTH and CODECS."""
    for variant, rendition in _pairs(seen):
        if not variant.attributes.integer("BANDWIDTH"):
            yield f"Variant {rendition.name} has no BANDWIDTH."
        if not variant.attributes.quoted("CODECS"):
            yield f"Variant {rendition.name} has no CODECS."


@rules.must("MV-03", "Apple 9.2, 9.15")
def has_size_and_rate(seen: Observation) -> Iterator[str]:
    """Every video variant has RESOLUTION and FRAME-RATE."""
    for variant, rendition in _pairs(seen):
        if rendition.is_video:
            if _size(variant) is None:
                yield f"Variant {rendition.name} has no RESOLUTION."
            if variant.attributes.number("FRAME-RATE") is None:
                yield f"Variant {rendition.name} has no FRAME-RATE."


def _size(variant: Variant) -> tuple[int, int] | None:
    match = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", variant.attributes.text("RESOLUTION") or "")
    return None if match is None else (int(match[1]), int(match[2]))


@rules.must("MV-04", "bis 4.4.6.2")
def names_the_coded_size(seen: Observation) -> Iterator[str]:
    """RESOLUTION is the picture size in the init section."""
    for promise in _judgeable(seen):
        video = promise.init.of("vide") if promise.init else None
        said = _size(promise.variant)
        if video is not None and video.width and said and said != (video.width, video.height):
            yield (
                f"Variant {promise.rendition.name} says {said[0]}x{said[1]}; its init section has "
                f"{video.width}x{video.height}."
            )


@rules.should("MV-05", "bis 4.4.6.2")
def names_the_frame_rate(seen: Observation) -> Iterator[str]:
    """FRAME-RATE is the measured frame rate."""
    measured = False
    for promise in promises(seen):
        said = promise.variant.attributes.number("FRAME-RATE")
        leads = [lead for piece in promise.parts if (lead := piece.lead)]
        count = sum(len(span.samples) for _, span in leads)
        length_s = sum(span.duration / track.track.timescale for track, span in leads)
        is_video = promise.rendition.is_video
        if not said or not is_video or count < _MIN_FPS_SAMPLES or length_s <= 0:
            continue
        measured = True
        if abs(count / length_s - said) > _FPS_SLACK * said:
            yield (
                f"Variant {promise.rendition.name} says {said:g} frames a second and has "
                f"{count / length_s:.1f}."
            )
    if not measured:
        raise NotSeen("too few frames")


@rules.must("MV-06", "bis 4.4.6.2, RFC 6381")
def names_the_codecs(seen: Observation) -> Iterator[str]:
    """CODECS lists exactly the formats of the init sections."""
    for promise in _judgeable(seen):
        codecs = promise.variant.attributes.quoted("CODECS") or ""
        listed = [each.strip() for each in codecs.split(",")]
        if promise.init is None or not promise.init.tracks or listed == [""]:
            continue
        grouped = promise.variant.attributes.quoted("AUDIO") is not None
        has = [(t.codec.lower(), t.exact) for t in promise.init.tracks]
        for codec, exact in has:
            matches = [c.lower() == codec if exact else c.lower().startswith(codec) for c in listed]
            if not any(matches):
                yield (
                    f"Variant {promise.rendition.name} has {codec} in its init section; CODECS "
                    f"lists {', '.join(listed)}."
                )
        for name in listed:
            prefix = name.lower().split(".")[0]
            if not grouped and not any(codec.split(".")[0] == prefix for codec, _ in has):
                yield (
                    f"Variant {promise.rendition.name} lists {name} in CODECS and has no such "
                    "track."
                )


@rules.must("MV-07", "bis 4.4.6.2, Apple 9.13, 1.29")
def bandwidth_is_a_peak(seen: Observation) -> Iterator[str]:
    """BANDWIDTH is at least the measured peak segment bit rate."""
    found = [(each, _sizes(each.rendition, each.segments)) for each in promises(seen)]
    needed((size for _, sizes in found for size in sizes), "no whole segment")
    for promise, sizes in found:
        said = promise.variant.attributes.integer("BANDWIDTH")
        peak = _peak_bps(sizes) + _audio_bps(seen, promise.variant)
        if said and peak > said:
            yield (
                f"Variant {promise.rendition.name} says BANDWIDTH={said}; a segment has "
                f"{peak:.0f} bit/s."
            )


@rules.must("MV-08", "Apple 9.14, 1.28")
def average_is_an_average(seen: Observation) -> Iterator[str]:
    """AVERAGE-BANDWIDTH is there; the measured average is below 110 % of it."""
    for variant, rendition in _pairs(seen):
        if not variant.attributes.integer("AVERAGE-BANDWIDTH"):
            yield f"Variant {rendition.name} has no AVERAGE-BANDWIDTH."
    for rendition in seen.renditions:
        # Over the whole check, with what was said for each time: one ladder may have lasted for a
        # segment or two.
        bits = told_bits = seconds = 0.0
        for promise in (each for each in promises(seen) if each.rendition is rendition):
            said = promise.variant.attributes.integer("AVERAGE-BANDWIDTH") or 0
            for size, duration_s in _sizes(rendition, promise.segments) if said else ():
                bits += size * 8
                told_bits += said * duration_s
                seconds += duration_s
        if bits > told_bits * _AVERAGE_SLACK:
            yield (
                f"Variant {rendition.name} says AVERAGE-BANDWIDTH={told_bits / seconds:.0f}; its "
                f"segments have {bits / seconds:.0f} bit/s on average."
            )


@rules.must("MV-09", "bis 4.4.6.1, Apple 8.9, 8.10")
def groups_are_whole(seen: Observation) -> Iterator[str]:
    """Where there is EXT-X-MEDIA: it has TYPE, GROUP-ID, NAME and LANGUAGE, and groups exist."""
    needed(
        (*seen.multivariant.media, *(v for v, _ in _pairs(seen) if v.attributes.text("AUDIO"))),
        "no EXT-X-MEDIA",
    )
    groups = {tag.attributes.quoted("GROUP-ID") for tag in seen.multivariant.media}
    for tag in seen.multivariant.media:
        wanted = ["TYPE", "GROUP-ID", "NAME"]
        wanted += ["LANGUAGE"] if tag.attributes.text("TYPE") == "AUDIO" else []
        for name in wanted:
            if not tag.attributes.text(name):
                yield f"An EXT-X-MEDIA has no {name}."
    for variant, rendition in _pairs(seen):
        group = variant.attributes.quoted("AUDIO")
        if group is not None and group not in groups:
            yield f"Variant {rendition.name} names the audio group {group!r}, which is not there."


@rules.should("MV-10", "bis 4.4.2.1, Apple 9.11, 9.12")
def says_that_segments_are_independent(seen: Observation) -> Iterator[str]:
    """EXT-X-INDEPENDENT-SEGMENTS is declared."""
    declared = all(r.latest is None or r.latest.independent for r in seen.video)
    if not seen.multivariant.independent and not declared:
        yield "No EXT-X-INDEPENDENT-SEGMENTS in the multivariant playlist, nor in every video one."


@rules.should("MV-11", "Apple 9.9")
def has_a_ladder(seen: Observation) -> Iterator[str]:
    """There are at least two video bit rates."""
    rates = {v.attributes.integer("BANDWIDTH") for v, r in _pairs(seen) if r.is_video}
    if len(rates) == 1:
        yield "There is one video bit rate only."
