"""Telemetry: JSON lines on stdout and Prometheus metrics. It may be lost; the log may not.

Only keys on the allow-list are printed, an exception shows its type and places but never its text or local variables,
and a metric's labels are names from the configuration.
"""

import contextlib
import logging
import os
import socket
import sys
import traceback
from collections import Counter as Counts
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from structlog.typing import FilteringBoundLogger

from gateway.errors import Reason
from gateway.messages import Ending, RecordOutcome

ALLOWED: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "tenant",
        "connector",
        "source",
        "destination",
        "operation",
        "route",
        "message_id",
        "code",
        "codes",
        "path",
        "count",
        "counts",
        "seconds",
        "bytes",
        "listener",
        "host",
        "port",
        "status",
        "error",
        "places",
        "problem",
        "problems",
        "cause",
        "attempt",
        "size",
        "row",
        "version",
        "directories",
        "export",
        "pid",
    }
)


def _allowed_only(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in event.items() if key in ALLOWED}


class _Libraries(logging.Handler):
    """What libraries log: which of them, and the type and places of an exception. Their texts may quote a peer."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One line without the library's own text."""
        error = record.exc_info[1] if record.exc_info else None
        name = type(error).__name__ if error is not None else record.levelname
        self._log.warning("library", problem=record.name, error=name, places=places(error) if error else [])


def mute_libraries(log: FilteringBoundLogger) -> None:
    """For the whole process: the standard library's logging and uncaught exceptions go to `log`, without texts."""
    logging.basicConfig(handlers=[_Libraries(log)], level=logging.WARNING, force=True)

    def uncaught(kind: type[BaseException], error: BaseException, trace: object) -> None:
        del trace
        log.error("bug", error=kind.__name__, problem="uncaught", places=places(error))

    sys.excepthook = uncaught


def configure(stream: TextIO | None = None) -> FilteringBoundLogger:
    """A logger that writes one JSON object a line to `stream` (stdout)."""
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stdout),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allowed_only,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )
    return logger


def tell_supervisor(state: bytes) -> None:
    """Systemd's notify protocol (sd_notify(3)), where something listens: so that a start that fails is seen to fail."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, contextlib.suppress(OSError):
            notify.sendto(state, "\0" + path[1:] if path.startswith("@") else path)


def places(error: BaseException) -> list[str]:
    """Where an exception was raised: file name, line and function of each frame; no text, no values."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


class Telemetry:
    """What the gateway tells about itself, beside the log."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self.log = log
        self.registry = CollectorRegistry()
        self._arrivals = Counter(
            "renkei_arrivals_total",
            "Arrivals by entrance and result code.",
            ("tenant", "connector", "operation", "code"),
            registry=self.registry,
        )
        self._not_admitted = Counter(
            "renkei_records_refused_at_edge_total",
            "Records that the edge of their own system refused: they were never sealed.",
            ("tenant", "connector", "operation", "code"),
            registry=self.registry,
        )
        self._unproven = Counter(
            "renkei_proofs_refused_total",
            "Arrivals refused not_attested, by the reason, which the peer is not told.",
            ("tenant", "connector", "reason"),
            registry=self.registry,
        )
        self._records = Counter(
            "renkei_records_total",
            "Records by how an attempt, or giving up, ended for them.",
            ("destination", "outcome", "code"),
            registry=self.registry,
        )
        self._delivery = Histogram(
            "renkei_delivery_duration_seconds",
            "Time of one attempt, from its fact to its outcome's fact.",
            ("destination",),
            registry=self.registry,
        )
        self._bugs = Counter(
            "renkei_bugs_total", "Failures that no contract allows.", ("error",), registry=self.registry
        )
        self._breaker = Gauge(
            "renkei_breaker_open",
            "1 while deliveries to a destination wait until a probe gets through.",
            ("tenant", "destination"),
            registry=self.registry,
        )
        self.facts = Gauge("renkei_log_facts", "Facts in the central log.", ("tenant",), registry=self.registry)
        self.waiting = Gauge(
            "renkei_messages_waiting", "Messages with records that have not ended.", ("tenant",), registry=self.registry
        )
        self.held = Gauge(
            "renkei_held", "Messages that wait to be released by people.", ("tenant",), registry=self.registry
        )
        self.findings = Gauge(
            "renkei_findings_open", "Findings of reviews that nobody has closed.", ("tenant",), registry=self.registry
        )
        self.review_due = Gauge(
            "renkei_review_due_timestamp_seconds",
            "When the log or the users are to be reviewed next, in epoch seconds.",
            ("tenant", "subject"),
            registry=self.registry,
        )
        self.lapsed = Gauge(
            "renkei_routes_lapsed",
            "Routes that carry nothing today: a legal basis, row or assessment is not in force.",
            ("tenant",),
            registry=self.registry,
        )
        self.healthy = Gauge(
            "renkei_log_writable", "1 while the tenant's log can be written.", ("tenant",), registry=self.registry
        )
        self.export_behind = Gauge(
            "renkei_export_behind",
            "Facts that an export has not come past yet.",
            ("export", "tenant"),
            registry=self.registry,
        )

        of_witness = ("tenant", "witness")
        self._cosigned = Gauge(
            "renkei_log_cosigned_facts",
            "Facts of a log that a witness cosigned last.",
            of_witness,
            registry=self.registry,
        )
        self._cosigned_at = Gauge(
            "renkei_log_cosigned_timestamp_seconds",
            "When it did, in epoch seconds.",
            of_witness,
            registry=self.registry,
        )
        self.directory = Gauge(
            "renkei_directory_version",
            "The version of the directory of public keys that this process uses.",
            ("tenant",),
            registry=self.registry,
        )

    def arrived(self, tenant: str, connector: str, operation: str, code: str) -> None:
        """An arrival was answered; `operation` must come from a locked interface."""
        self._arrivals.labels(tenant, connector, operation, code).inc()

    def refused(self, tenant: str, connector: str, operation: str | None, message_id: str, code: str) -> None:
        """A whole arrival was refused, by its edge or by the hub; `operation` is None or of a locked interface."""
        told = {"tenant": tenant, "connector": connector, "message_id": message_id, "code": code}
        self.log.warning("message.refused", **told, **({"operation": operation} if operation is not None else {}))

    def not_admitted(
        self, tenant: str, connector: str, operation: str, message_id: str, codes: Collection[str]
    ) -> None:
        """Records were refused at their own edge; `operation` and `codes` must come from a locked interface."""
        counts = Counts(codes)
        for code, count in counts.items():
            self._not_admitted.labels(tenant, connector, operation, code).inc(count)
        if counts:
            told = {"tenant": tenant, "connector": connector, "message_id": message_id, "operation": operation}
            self.log.warning("records.refused", **told, counts=dict(counts))

    def unproven(self, tenant: str, connector: str, message_id: str, reason: Reason) -> None:
        """Nothing was attested of a person, though the route wants it, or what was shown does not hold."""
        self._unproven.labels(tenant, connector, reason).inc()
        told = {"tenant": tenant, "connector": connector, "message_id": message_id, "cause": reason}
        self.log.warning("proof.refused", **told)

    def delivered(self, destination: str, seconds: float) -> None:
        """An attempt is over."""
        self._delivery.labels(destination).observe(seconds)

    def ended(self, tenant: str, destination: str, message_id: str, outcomes: Collection[RecordOutcome]) -> None:
        """What an attempt, or giving up, came to for each record. Somebody must look into disputes and dead letters."""
        for (ending, code), count in Counts((each.ending, each.code) for each in outcomes).items():
            self._records.labels(destination, ending or "deferred", code or "").inc(count)
            told = {"tenant": tenant, "destination": destination, "message_id": message_id, "code": code}
            if code == "dispute":
                self.log.error("dispute", **told, count=count)
            elif ending is Ending.DEAD:
                self.log.warning("message.dead", **told, count=count)

    def breaker(self, tenant: str, destination: str, *, is_open: bool) -> None:
        """A destination cannot be reached any more, or was reached again."""
        self._breaker.labels(tenant, destination).set(is_open)
        if is_open:
            self.log.warning("breaker.opened", tenant=tenant, destination=destination)
        else:
            self.log.info("breaker.closed", tenant=tenant, destination=destination)

    def cosigned(self, tenant: str, witness: str, facts: int, at: int) -> None:
        """A witness cosigned so many facts of a log, at that time in epoch seconds."""
        self._cosigned.labels(tenant, witness).set(facts)
        self._cosigned_at.labels(tenant, witness).set(at)

    def forget_witnesses(self) -> None:
        """Others are asked from now on."""
        self._cosigned.clear()
        self._cosigned_at.clear()

    def bug(self, error: BaseException | None, problem: str, **known: str) -> None:
        """Something failed in a way that no contract allows: its type and places go out, its text does not."""
        name = type(error).__name__ if error is not None else "contract"
        self._bugs.labels(name).inc()
        self.log.error("bug", error=name, problem=problem, places=places(error) if error is not None else [], **known)
