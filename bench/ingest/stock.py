"""``python -m bench.ingest.stock``: the peer of the ingest bench, a WHIP endpoint on stock aiortc.

An ``RTCPeerConnection`` as aiortc documents it, with its own jitter buffer and its own REMB, on
uvloop; H.264 is preferred, no STUN server is asked. It notes of each decoded picture when it came,
its label and the number painted into it, and at which label beeps begin. With ``--no-decode`` the
frames that its jitter buffer has put together are counted and let go: no decoder, and no decoder
thread either, so that its CPU time is that of receiving alone.

The first line on standard output is ``{"url": …}``; SIGTERM ends it, and the last line is what was
noted of each publish in turn, by the name in its path, and how many frames were let go.
"""

import argparse
import asyncio
import json
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aiortc.rtcrtpreceiver
import av
import numpy as np
import uvloop
from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpreceiver import RTCRtpReceiver

from bench.faults.relay import HOST
from bench.ingest.figures import BeepFinder
from mediaserver.demo import timecode
from mediaserver.demo.host import offer_loopback

MAX_OFFER_BYTES = 64 * 1024


@dataclass(slots=True)
class Notes:
    """What one publish gave."""

    pictures: list[tuple[float, float, int]] = field(default_factory=list)
    """Time of arrival (Unix, s), label (s), painted number."""
    beeps: BeepFinder = field(default_factory=BeepFinder)
    """By their labels (s)."""

    def plain(self) -> dict[str, Any]:
        """For the last line."""
        return {"pictures": self.pictures, "beeps": self.beeps.onsets_s}


class Stock:
    """The endpoint and its peer connections."""

    def __init__(self) -> None:
        self._notes: dict[str, list[Notes]] = defaultdict(list)
        self._peers: set[RTCPeerConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """The routes of WHIP that a publisher needs."""
        app = web.Application(client_max_size=MAX_OFFER_BYTES)
        app.router.add_post("/live/{name}/whip", self._publish)
        app.router.add_delete("/live/{name}/whip/1", self._end)
        return app

    def plain(self) -> dict[str, Any]:
        """Everything noted."""
        publishes = {name: [each.plain() for each in all_] for name, all_ in self._notes.items()}
        return {"publishes": publishes, "let_go": _Sink.frames}

    async def close(self) -> None:
        """Close every peer connection."""
        await asyncio.gather(*(peer.close() for peer in self._peers))
        for task in self._tasks:
            task.cancel()

    async def _publish(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.add(peer)
        self._notes[name].append(notes := Notes())
        peer.on("track", lambda track: self._follow(track, notes))
        offer = RTCSessionDescription(sdp=await request.text(), type="offer")
        await peer.setRemoteDescription(offer)
        for transceiver in peer.getTransceivers():
            if transceiver.kind == "video":
                transceiver.setCodecPreferences(_h264())
        await peer.setLocalDescription(await peer.createAnswer())
        return web.Response(
            status=201,
            text=peer.localDescription.sdp,
            content_type="application/sdp",
            headers={"Location": f"/live/{name}/whip/1"},
        )

    async def _end(self, _: web.Request) -> web.Response:
        return web.Response()

    def _follow(self, track: MediaStreamTrack, notes: Notes) -> None:
        task = asyncio.ensure_future(_receive(track, notes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _receive(track: MediaStreamTrack, notes: Notes) -> None:
    """Note what comes. aiortc labels both tracks from 0, their first packet."""
    label_s = 0.0
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        now_s = time.time()
        if not isinstance(frame, av.VideoFrame | av.AudioFrame) or frame.time is None:
            continue
        label_s = unwrapped_s(frame.time, label_s, time_base=frame.time_base)
        if isinstance(frame, av.VideoFrame):
            code = timecode.read(timecode.luma_of(frame))
            if code is not None:
                notes.pictures.append((now_s, label_s, code.counter))
            continue
        channels = len(frame.layout.channels)
        mono = frame.to_ndarray().reshape(-1, channels)[:, 0].astype(np.float32) / 32768
        notes.beeps.take(label_s, mono, frame.sample_rate)


def unwrapped_s(label_s: float, before_s: float, *, time_base: Fraction | None) -> float:
    """A label beside the one before it. aiortc takes every step back, as after a packet that was
    sent again late, for a wrap of 32 bits, and all labels from then on are hours too large: the
    peer is forgiven that. Pure."""
    wrap_s = float((time_base or Fraction(1, 90_000)) * 2**32)
    return label_s - round((label_s - before_s) / wrap_s) * wrap_s


def _h264() -> list[RTCRtpCodecCapability]:
    capabilities = RTCRtpReceiver.getCapabilities("video")
    if capabilities is None:
        raise RuntimeError("this aiortc knows no video")
    return [codec for codec in capabilities.codecs if codec.mimeType in ("video/H264", "video/rtx")]


class _Sink:
    """In the place of a receiver's queue to its decoder."""

    frames = 0
    """Let go so far, by all."""

    def put(self, _: object) -> None:
        """Count it and let it go."""
        _Sink.frames += 1


def _decode_nothing() -> None:
    """Take the decoder out of every receiver made from now on."""
    make = RTCRtpReceiver.__init__

    def without(self: RTCRtpReceiver, *arguments: Any, **keywords: Any) -> None:
        make(self, *arguments, **keywords)
        if not hasattr(self, "_RTCRtpReceiver__decoder_queue"):
            raise RuntimeError("this aiortc has its decoder's queue elsewhere")
        self._RTCRtpReceiver__decoder_queue = _Sink()

    RTCRtpReceiver.__init__ = without  # type: ignore[method-assign]
    aiortc.rtcrtpreceiver.decoder_worker = lambda *_: None


async def run() -> None:
    """Serve until SIGTERM or SIGINT."""
    stock, ended = Stock(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    runner = web.AppRunner(stock.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    print(json.dumps({"url": f"http://{HOST}:{runner.addresses[0][1]}"}), flush=True)
    await ended.wait()
    notes = stock.plain()
    await stock.close()
    await runner.cleanup()
    print(json.dumps(notes), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest.stock", description=__doc__)
    parser.add_argument("--no-decode", action="store_true")
    options = parser.parse_args(arguments)
    if options.no_decode:
        _decode_nothing()
    offer_loopback()
    uvloop.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
