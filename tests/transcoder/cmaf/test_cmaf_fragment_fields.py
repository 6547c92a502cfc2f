"""Runs whose samples differ in length and kind, written and read back."""

from hypothesis import given
from hypothesis import strategies as st

from transcoder.cmaf.fragment import NON_SYNC_FLAGS, SYNC_FLAGS, TrackRun, fragment
from transcoder.cmaf.runs import read_fragments

samples = st.lists(
    st.tuples(st.binary(max_size=9), st.integers(1, 2**32 - 1), st.booleans()),
    min_size=1,
    max_size=8,
)


@given(tracks=st.lists(st.tuples(samples, st.booleans(), st.booleans()), min_size=1, max_size=3))
def test_each_samples_length_and_kind_are_read_back(
    tracks: list[tuple[list[tuple[bytes, int, bool]], bool, bool]],
) -> None:
    runs = []
    expected = []
    for number, (given_samples, irregular, keyed) in enumerate(tracks):
        each = given_samples
        durations = [ticks if irregular else each[0][1] for _, ticks, _ in each]
        syncs = [sync if keyed or index == 0 else False for index, (_, _, sync) in enumerate(each)]
        flags = [SYNC_FLAGS if sync else NON_SYNC_FLAGS for sync in syncs]
        runs.append(
            TrackRun(
                track=number + 1,
                decode_time=7,
                sample_duration=durations[0],
                default_flags=NON_SYNC_FLAGS,
                first_flags=flags[0],
                samples=[data for data, _, _ in each],
                durations=durations if irregular else None,
                flags=flags if keyed else None,
            )
        )
        expected.append([(d, t, s) for (d, _, _), t, s in zip(each, durations, syncs, strict=True)])
    data = fragment(3, runs)
    (read,) = read_fragments(data)
    found = [
        [(data[s.offset : s.offset + s.size], s.duration, s.sync) for s in run.samples]
        for run in read.runs
    ]
    assert found == expected
