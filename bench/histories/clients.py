"""Those who order while the ledger is killed: each has one request out at a time, and sends it
again with the same key in the ledger's next life where no answer came."""

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.histories.history import Entry, Request

ANSWER_S = 20.0
"""No answer in that time is a failure of the harness, not a history."""


class Nursery:
    """`with Nursery(folder) as nursery:` ledgers are forked from a process that is loaded once."""

    def __init__(self, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self._socket = folder / "nursery"
        self._environment = {**os.environ, **(environment or {})}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.histories.ledger", str(self._socket)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment,
        )  # fmt: skip
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("the nursery did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()
        self._socket.unlink(missing_ok=True)

    def begin(self, location: str, **more: Any) -> "Life":
        """A new ledger over the database at `location`; it is not open yet."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(ANSWER_S)
        connection.connect(str(self._socket))
        return Life(connection, {"location": location, **more})


class Life:
    """One ledger, from its fork to its kill."""

    def __init__(self, connection: socket.socket, told: dict[str, Any]) -> None:
        self._connection = connection
        self._begun = b""
        self._answers: deque[Any] = deque()
        self.pid = int(self._read_line())
        self.say([told])

    def say(self, values: list[Any]) -> None:
        """Send lines; a ledger that is dead does not hear them."""
        lines = b"".join(json.dumps(value).encode() + b"\n" for value in values)
        try:
            self._connection.sendall(lines)
        except (BrokenPipeError, ConnectionResetError):
            return

    def answer(self, timeout_s: float) -> Any:
        """The next answer; None if none came in time. Raises `EOFError` at the end."""
        deadline = time.monotonic() + timeout_s
        while not self._answers:
            left_s = max(0.0, deadline - time.monotonic())
            if not select.select([self._connection], [], [], left_s)[0]:
                return None
            self._receive()
        return json.loads(self._answers.popleft())

    def kill(self) -> list[Any]:
        """End it with -9: what it had still said."""
        os.kill(self.pid, signal.SIGKILL)
        try:
            while True:
                self._receive()
        except EOFError:
            return [json.loads(line) for line in self._answers]
        finally:
            self._connection.close()

    def _read_line(self) -> bytes:
        while not self._answers:
            self._receive()
        line: bytes = self._answers.popleft()
        return line

    def _receive(self) -> None:
        try:
            received = self._connection.recv(1 << 16)
        except ConnectionResetError:
            received = b""
        if not received:
            raise EOFError
        *whole, self._begun = (self._begun + received).split(b"\n")
        self._answers.extend(whole)


class Crowd:
    """The clients, and the history that they make."""

    def __init__(self, *, seed: int, clients: int, products: tuple[str, ...]) -> None:
        self._luck = random.Random(seed)
        self._products = products
        self._keys = count()
        self._waiting: list[Request] = [self._wish(n) for n in range(clients)]
        self._asked: deque[Request] = deque()
        """In the order in which they are answered."""
        self.history: list[Entry] = []

    def live(self, life: Life, *, opening_s: float, alive_s: float) -> None:
        """Order for `alive_s`, then kill the ledger; kill it too if `opening_s` was not enough."""
        try:
            if life.answer(opening_s) == "ready":
                self._order_until(time.monotonic() + alive_s, life)
        except EOFError:
            raise RuntimeError("the ledger died by itself") from None
        self.hang_up(life)

    def hang_up(self, life: Life) -> None:
        """Kill the ledger, hear what it had still said, and note what is unanswered."""
        for answer in life.kill():
            if answer != "ready":
                self._heard(answer)
        for request in self._asked:
            self.history.append(Entry(kind="unknown", request=request))
            self._waiting.append(request)
        self._asked.clear()

    def order_while(
        self, life: Life, go_on: Callable[[], bool], *, at_most_s: float = 3600.0
    ) -> None:
        """Order for as long as `go_on` says so. The ledger is open, and lives on."""
        deadline = time.monotonic() + at_most_s
        while go_on() and time.monotonic() < deadline:
            self._order_until(time.monotonic() + 0.02, life)

    @contextmanager
    def ordering(self, life: Life) -> Iterator[None]:
        """Order for as long as the body takes, on a thread of its own; then kill the ledger."""
        assert life.answer(ANSWER_S) == "ready"
        over = threading.Event()
        thread = threading.Thread(target=self.order_while, args=(life, lambda: not over.is_set()))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self.hang_up(life)

    def finish(self, life: Life) -> None:
        """Send what was never answered once more, and hear every answer."""
        assert life.answer(ANSWER_S) == "ready"
        self._ask(life)
        while self._asked:
            answer = life.answer(ANSWER_S)
            assert answer is not None, "no answer"
            self._heard(answer)
        life.kill()

    def _order_until(self, deadline: float, life: Life) -> None:
        self._ask(life)
        while (left_s := deadline - time.monotonic()) > 0:
            answer = life.answer(left_s)
            if answer is None:
                return
            self._heard(answer)
            if len(self._waiting) >= self._luck.randint(1, 8):
                self._ask(life)

    def _ask(self, life: Life) -> None:
        said = []
        for request in self._waiting:
            self.history.append(Entry(kind="invoke", request=request))
            self._asked.append(request)
            said.append(request.to_plain())
        self._waiting.clear()
        life.say(said)

    def _heard(self, answer: Any) -> None:
        """Write an answer down; its client wants something else then, or the same again."""
        request = self._asked.popleft()
        if "ok" in answer:
            self.history.append(Entry(kind="ok", request=request, number=answer["ok"]))
        elif "fail" in answer:
            self.history.append(Entry(kind="fail", request=request, reason=answer["fail"]))
        else:
            self.history.append(Entry(kind="unknown", request=request, reason=answer["said"]))
            self._waiting.append(request)
            return
        self._waiting.append(self._wish(int(request.viewer.removeprefix("viewer-"))))

    def _wish(self, client: int) -> Request:
        return Request(
            viewer=f"viewer-{client}",
            key=f"key-{next(self._keys)}",
            product=self._luck.choice(self._products),
            quantity=self._luck.randint(1, 3),
        )
