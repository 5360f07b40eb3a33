"""Prometheus metrics of this process: kept in a registry of their own, served on a port, written to a file."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

from gca_scanpy._log import debug
from gca_scanpy._settings import Settings
from gca_scanpy._telemetry.figures import HISTOGRAM_SECONDS, METERS, Figure, Meter
from gca_scanpy.errors import InputError, MetricsWarning, warn

_VERBS = {"counter": "inc", "gauge": "set", "histogram": "observe", "summary": "observe"}


class Exporter:
    """The metrics of a process. Any number of threads may add to them.

    Parameters
    ----------
    client
        The module ``prometheus_client``.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._registry = client.CollectorRegistry()
        self._meters = {meter.name: _made(client, meter, self._registry) for meter in METERS}
        self._lock = threading.Lock()
        self._ports: set[tuple[str, int]] = set()
        self._warned: set[Path] = set()

    def serve(self, address: str, port: int) -> None:
        """Open a port, once in this process; one that cannot be opened is warned of."""
        with self._lock:
            if (address, port) in self._ports:
                return
            self._ports.add((address, port))
        try:
            self._client.start_http_server(port, addr=address, registry=self._registry)
        except (OSError, UnicodeError) as error:  # UnicodeError: the address is no host name
            message = (
                f"metrics cannot be served on {address}:{port} ({_reason(error)}); the run goes on without them. "
                "Where another program or run has the port, set GCA_METRICS_PORT to another"
            )
            warn(message, MetricsWarning)
        else:
            debug("metrics served", address=address, port=port)

    def add(self, figures: Iterable[Figure]) -> None:
        """Add what a run came to."""
        for figure in figures:
            verb, meter = self._meters[figure.meter]
            getattr(meter if figure.label is None else meter.labels(figure.label), verb)(figure.amount)

    def write(self, path: Path) -> None:
        """Write all metrics to a file, beside its place and then renamed; where that fails it is warned of, once."""
        try:
            with self._lock:  # else a thread could put an older state in the place of a newer one
                self._client.write_to_textfile(str(path), self._registry)
        except OSError as error:
            if path not in self._warned:
                self._warned.add(path)
                warn(f"metrics cannot be written to {path} ({_reason(error)}); the run goes on", MetricsWarning)


_LOCK = threading.Lock()
_OWN: list[Exporter] = []


def exporter(settings: Settings) -> Optional[Exporter]:
    """The exporter of this process, its port open; None where the settings ask for no metrics.

    Raises
    ------
    InputError
        Where they do, and prometheus-client is not installed.
    """
    if settings.metrics_port is None and settings.metrics_textfile is None:
        return None
    with _LOCK:
        if not _OWN:
            _OWN.append(Exporter(_client()))
    if settings.metrics_port is not None:
        _OWN[0].serve(settings.metrics_address, settings.metrics_port)
    return _OWN[0]


def _client() -> Any:
    try:
        import prometheus_client
    except ImportError as error:
        msg = (
            "GCA_METRICS_PORT or a metrics textfile is set, and metrics need prometheus-client: "
            "python -m pip install 'gca-scanpy[observability]'"
        )
        raise InputError(msg) from error
    return prometheus_client


def _made(client: Any, meter: Meter, registry: Any) -> tuple[str, Any]:
    """The client's object for a meter, and the verb that adds to it."""
    options = {"buckets": HISTOGRAM_SECONDS} if meter.kind == "histogram" else {}
    labels = () if meter.label is None else (meter.label,)
    made = getattr(client, meter.kind.capitalize())(meter.name, meter.help, labels, registry=registry, **options)
    return _VERBS[meter.kind], made


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
