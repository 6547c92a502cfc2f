"""Certificates for tests and benches: signed by themselves, made when they are needed."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A certificate's file and its key's."""

    certificate: Path
    key: Path

    def client(self) -> ssl.SSLContext:
        """What trusts this certificate alone."""
        return ssl.create_default_context(cafile=str(self.certificate))


def self_signed(
    folder: Path, name: str = "comptoir", *, begins_in_days: int = -1, days: int = 90
) -> Pair:
    """Make ``NAME.pem`` and ``NAME-key.pem`` for localhost, in the place of what was there."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begins = datetime.now(UTC) + timedelta(days=begins_in_days)
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pair = Pair(certificate=folder / f"{name}.pem", key=folder / f"{name}-key.pem")
    pair.certificate.write_bytes(made.public_bytes(Encoding.PEM))
    pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pair.key.chmod(0o600)
    return pair
