"""Structured logs: events with fields on standard error, one line each, never a secret.

Every process of a node calls `configure` once, first thing. Logs of libraries join ours through
the standard library's root logger at WARNING and above.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from mediaserver.config import LogConfig


def configure(settings: LogConfig, *, process: str) -> None:
    """Send every log of this process to standard error, with its name as the field `process`.

    Tracebacks come without local variables: these may hold a token.
    """

    def name_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    shared: list[Processor] = [
        name_process,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: list[Processor]
    if settings.format == "json":
        transform = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderer = [
            structlog.processors.ExceptionRenderer(transform),
            structlog.processors.JSONRenderer(),
        ]
    else:
        plain = structlog.dev.plain_traceback
        colors = sys.stderr.isatty()
        renderer = [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for noisy in ("aiortc", "aioice", "aiohttp", "alembic", "asyncio", "libav"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
