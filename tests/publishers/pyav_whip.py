"""Publish a moving picture and a tone with the `whip` muxer of FFmpeg 8.1, as PyAV has it.

``pyav_whip.py URL KEY FOLDER``. Publishes in real time until its standard input ends. FOLDER gets a
certificate: the one that FFmpeg makes itself with GnuTLS is on the curve P-224, which OpenSSL 4
refuses, as browsers' DTLS does.
"""

import itertools
import select
import sys
import time
from pathlib import Path

import av
from aiortc import RTCCertificate
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.bar import FPS, HEIGHT, SAMPLE_RATE, WIDTH, picture, sound

VIDEO_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "g": str(FPS)}


def certificate(folder: Path) -> dict[str, str]:
    """The muxer's options that name a P-256 certificate of ours and its key."""
    made = RTCCertificate.generateCertificate()
    private = made._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    paths = {"cert_file": folder / "cert.pem", "key_file": folder / "key.pem"}
    paths["cert_file"].write_bytes(made._cert.public_bytes(Encoding.PEM))
    paths["key_file"].write_bytes(private)
    return {option: str(path) for option, path in paths.items()}


def publish(url: str, key: str, folder: str) -> None:
    """Until standard input ends; the muxer then deletes its session."""
    options = {"authorization": key, **certificate(Path(folder))}
    with av.open(url, "w", format="whip", options=options) as out:
        video = out.add_stream("libx264", rate=FPS, options=VIDEO_OPTIONS)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio = out.add_stream("libopus", rate=SAMPLE_RATE, layout="stereo")
        out.start_encoding()
        began = time.monotonic()
        for n in itertools.count():
            out.mux(video.encode(picture(n)))
            out.mux(audio.encode(sound(n)))
            late = time.monotonic() - (began + (n + 1) / FPS)
            if select.select([sys.stdin], [], [], max(0.0, -late))[0]:
                return


if __name__ == "__main__":
    publish(*sys.argv[1:4])
