"""The operator's certificate and its key, from PEM files to what a listener shakes hands with.

What is wrong with the files is one sentence (`StartError`) that names the setting and the file, and
never shows what is in it.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from mediaserver.config_tls import TlsFiles
from mediaserver.errors import StartError

SOON = timedelta(days=14)

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_ALPN = ("http/1.1",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A certificate that fits its key."""

    context: ssl.SSLContext
    begins: datetime
    ends: datetime

    def doubts(self, now: datetime) -> str:
        """What browsers will hold against it now or soon; empty where there is nothing."""
        if now < self.begins:
            return f"it is not valid before {self.begins:%Y-%m-%d %H:%M} UTC"
        if now >= self.ends:
            return f"it has expired on {self.ends:%Y-%m-%d}"
        if now >= self.ends - SOON:
            return f"it expires on {self.ends:%Y-%m-%d}"
        return ""


def read_credentials(files: TlsFiles) -> Credentials:
    """The files as they are now. Raises `StartError`.

    ALPN (RFC 7301) offers HTTP/1.1 alone, which is what is spoken here. Renegotiation, which lets
    a client ask for handshake after handshake, is off; TLS 1.3 has none.
    """
    chain = _certificates(files.certificate)
    _bytes("key", files.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[files.min_version]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 1
    context.set_alpn_protocols(_ALPN)
    try:
        # A key with a passphrase would make OpenSSL ask for it at the terminal.
        context.load_cert_chain(files.certificate, files.key, password=lambda: "")
    except (ssl.SSLError, ValueError, OSError) as exc:
        raise StartError(_mismatch(files, exc)) from None
    return Credentials(
        context=context, begins=chain[0].not_valid_before_utc, ends=chain[0].not_valid_after_utc
    )


def doubts_now(credentials: Credentials) -> str:
    """`Credentials.doubts` by the wall clock."""
    return credentials.doubts(datetime.now(UTC))


def _certificates(path: Path) -> Sequence[x509.Certificate]:
    data = _bytes("certificate", path)
    try:
        return x509.load_pem_x509_certificates(data)
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        raise StartError(f"http.tls.certificate: {path} holds no certificate in PEM.") from None


def _bytes(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise StartError(f"http.tls.{name}: {path} cannot be read: {exc.strerror}.") from None


def _mismatch(files: TlsFiles, exc: Exception) -> str:
    reason = (getattr(exc, "reason", None) or "").replace("_", " ").lower()
    if reason in ("key values mismatch", "key type mismatch"):
        return (
            f"http.tls.key: the key in {files.key} does not belong to the certificate in "
            f"{files.certificate}."
        )
    if reason in ("ee key too small", "ca md too weak", "ca key too small"):
        return f"http.tls.certificate: {files.certificate} is too weak for TLS: {reason}."
    return f"http.tls.key: {files.key} holds no private key in PEM without a passphrase."
