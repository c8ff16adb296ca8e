"""Logs as one JSON object a line: the time, the level, who says it, what, and whatever `extra` brings."""

import logging
import sys
import time
from contextvars import ContextVar
from typing import Any

import msgspec

REQUEST: ContextVar[str | None] = ContextVar("request", default=None)
"""The name of the request that a job came from, for everything that is logged while it runs."""


class AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        name = getattr(record, "request_id", None) or REQUEST.get()
        told |= {"request_id": name} if name else {}
        told |= getattr(record, "told", {})
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()


def log_as_json(level: int = logging.INFO) -> None:
    """Of this process, to its standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AsJson())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("uvicorn.access", "alembic", "botocore", "s3fs", "aiobotocore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
