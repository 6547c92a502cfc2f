"""Debian's nginx with `configs/nginx.conf`, as a child with ports and folders of its own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from bench.certificates import Pair, self_signed
from bench.node import ROOT, free_port
from bench.polling import wait_until

NGINX = Path("/usr/sbin/nginx")
SHIPPED = ROOT / "configs" / "nginx.conf"
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 10.0


class Nginx:
    """Use it as a context manager. `folder` takes the certificate, the cache and the logs."""

    def __init__(
        self, folder: Path, *, gateway_port: int, changes: Mapping[str, str] | None = None
    ) -> None:
        """`changes` to the shipped file besides those that are needed: its words and ours."""
        self.port, self.plain_port = free_port(), free_port()
        self.pair: Pair = self_signed(folder)
        self._errors = folder / "error.log"
        self._config = folder / "nginx.conf"
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "cache").mkdir()
        adapted = self._adapted(folder, gateway_port, changes or {})
        self._config.write_text(adapted, encoding="utf-8")

    @property
    def url(self) -> str:
        """Where it speaks HTTPS."""
        return f"https://localhost:{self.port}"

    def _adapted(self, folder: Path, gateway_port: int, changes: Mapping[str, str]) -> str:
        """The shipped file with what an operator would change, and no more."""
        text = SHIPPED.read_text(encoding="utf-8")
        for shipped, ours in {
            "user www-data;": "daemon off; user root;" if os.geteuid() == 0 else "daemon off;",
            "worker_processes auto;": "worker_processes 1;",
            "worker_rlimit_nofile 65536;": "",
            "pid /run/nginx.pid;": f"pid {folder}/nginx.pid;",
            "/var/log/nginx/error.log warn": f"{self._errors} warn",
            "worker_connections 16384;": "worker_connections 1024;",
            "/var/cache/nginx/comptoir/": f"{folder}/cache/",
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{gateway_port};",
            "listen 80;": f"listen 127.0.0.1:{self.plain_port};",
            "listen [::]:80;": "",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "listen [::]:443 ssl http2 sndbuf=256k;": "",
            "/etc/comptoir/tls/fullchain.pem": str(self.pair.certificate),
            "/etc/comptoir/tls/privkey.pem": str(self.pair.key),
            **changes,
        }.items():
            if shipped not in text:
                raise LookupError(f"{SHIPPED.name} has no {shipped!r}")
            text = text.replace(shipped, ours)
        return text

    def __enter__(self) -> Self:
        with self._errors.open("ab") as output:
            self._process = subprocess.Popen(
                [NGINX, "-e", self._errors, "-c", self._config],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            wait_until(self._listens, START_TIMEOUT_S, "nginx listens")
        except TimeoutError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)

    def log(self) -> str:
        """What it complained of."""
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def _listens(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"nginx ended: {self.log()}")
        line = f" 0100007F:{self.port:04X} "
        return line in Path("/proc/net/tcp").read_text(encoding="ascii")
