"""Publish a test picture and a tone with GStreamer's `webrtcbin`, doing WHIP (RFC 9725) by hand.

Run by the system's Python, which has GStreamer's bindings: ``gstreamer_whip.py URL KEY CODEC``.
Publishes until its standard input ends, then sends DELETE. Says each state on standard output.
"""

import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=1200 "
    "! video/x-h264,profile=constrained-baseline ! rtph264pay config-interval=-1 "
    "aggregate-mode=zero-latency ! application/x-rtp,media=video,encoding-name=H264,payload=96",
    "vp8": "vp8enc deadline=1 keyframe-max-dist=30 target-bitrate=1200000 "
    "! rtpvp8pay ! application/x-rtp,media=video,encoding-name=VP8,payload=96",
}
PIPELINE = """
webrtcbin name=whip bundle-policy=max-bundle
videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=30/1
  ! videoconvert ! queue ! {encoder} ! whip.
audiotestsrc is-live=true freq=440 volume=0.5 ! audio/x-raw,rate=48000,channels=2
  ! audioconvert ! queue ! opusenc ! rtpopuspay
  ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! whip.
"""


class Publisher:
    """One publish."""

    def __init__(self, url: str, key: str, codec: str) -> None:
        self.url, self.key, self.resource = url, key, ""
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(PIPELINE.format(encoder=ENCODERS[codec]))
        self.bin = self.pipeline.get_by_name("whip")
        self.bin.connect("on-negotiation-needed", self.negotiate)
        self.bin.connect("notify::ice-gathering-state", self.gathered)
        self.bin.connect("notify::connection-state", self.tell)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.failed)
        for direction in self.directions():
            direction.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)

    def directions(self) -> Iterator[Any]:
        """The transceivers of the pads that the pipeline has asked for."""
        index = 0
        while transceiver := self.bin.emit("get-transceiver", index):
            yield transceiver
            index += 1

    def run(self) -> None:
        """Until standard input ends."""
        GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_HUP | GLib.IO_IN, lambda *_: self.loop.quit())
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.resource:
            self.ask("DELETE", self.resource, None)
        self.pipeline.set_state(Gst.State.NULL)

    def negotiate(self, _bin: Any) -> None:
        """Make the offer; it is sent when its candidates are gathered."""
        promise = Gst.Promise.new_with_change_func(self.offered)
        self.bin.emit("create-offer", None, promise)

    def offered(self, promise: Any) -> None:
        """Apply the offer, which begins the gathering."""
        reply = promise.get_reply()  # owns the offer's memory
        offer = reply.get_value("offer")
        self.bin.emit("set-local-description", offer, Gst.Promise.new())

    def gathered(self, *_: Any) -> None:
        """Send the offer, apply the answer."""
        state = self.bin.get_property("ice-gathering-state")
        if state != GstWebRTC.WebRTCICEGatheringState.COMPLETE or self.resource:
            return
        GLib.idle_add(self.post)

    def post(self) -> bool:
        """The WHIP request, on the main loop."""
        if self.resource:
            return False
        offer = self.bin.get_property("local-description").sdp.as_text()
        with self.ask("POST", self.url, offer.encode()) as response:
            self.resource = response.headers["Location"]
            body = response.read().decode()
        _, sdp = GstSdp.SDPMessage.new_from_text(body)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
        self.bin.emit("set-remote-description", answer, Gst.Promise.new())
        return False

    def ask(self, method: str, url: str, body: bytes | None) -> Any:
        """One request of ours."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/sdp"}
        request = urllib.request.Request(url, data=body, headers=headers, method=method)  # noqa: S310
        return urllib.request.urlopen(request, timeout=15)  # noqa: S310

    def tell(self, *_: Any) -> None:
        """Say how the connection stands."""
        print(self.bin.get_property("connection-state").value_nick, flush=True)

    def failed(self, _bus: Any, message: Any) -> None:
        """End with GStreamer's own sentence."""
        error, detail = message.parse_error()
        print(f"error: {error.message} {detail}", flush=True)
        self.loop.quit()


if __name__ == "__main__":
    Gst.init(None)
    Publisher(*sys.argv[1:4]).run()
