"""The settings of TLS in this server itself, without a proxy in front."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, model_validator

from mediaserver.config_base import Section

MinVersion = Literal["1.2", "1.3"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where the certificate (with those of its issuers after it) and its key are."""

    certificate: Path
    key: Path
    min_version: MinVersion = "1.2"


class TlsConfig(Section):
    """The gateway speaks HTTPS where both files are given."""

    certificate: str = ""
    key: str = ""
    min_version: Annotated[MinVersion, BeforeValidator(str)] = "1.2"

    @model_validator(mode="after")
    def _together(self) -> "TlsConfig":
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key are given together, or neither of them")
        return self

    @property
    def files(self) -> TlsFiles | None:
        """The files; None: HTTP in clear."""
        if not self.certificate:
            return None
        return TlsFiles(
            certificate=Path(self.certificate), key=Path(self.key), min_version=self.min_version
        )
