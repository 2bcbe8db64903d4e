"""Copies to a syslog receiver over TLS (RFC 5425).

Syslog has no acknowledgement. What the receiver's machine acknowledges counts as taken, and after a connection that
broke the last facts are sent again: its program may have lost what it had not read.
"""

import contextlib
import fcntl
import select
import socket
import ssl
import struct
import termios
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from gateway.hub.exports.copy import Copy
from gateway.hub.exports.destination import PATIENCE_SECONDS

_LOOK_SECONDS: Final = 0.005
_GOODBYE_SECONDS: Final = 1.0


class Receiver:
    """`tls` may be exchanged; it counts from the next connection on."""

    again = 1000

    def __init__(self, host: str, port: int, tls: ssl.SSLContext, frame: Callable[[Copy], bytes]) -> None:
        self._address = (host, port)
        self.tls = tls
        self._frame = frame
        self._connection: ssl.SSLSocket | None = None

    def hand(self, copies: Sequence[Copy]) -> None:
        """Raises TimeoutError if the receiver takes nothing for a while."""
        if self._connection is None:
            self._connection = self._connect()
        _require_open(self._connection)
        self._connection.sendall(b"".join(map(self._frame, copies)))
        _await_acknowledged(self._connection)
        _require_open(self._connection)

    def interrupt(self) -> None:
        """The socket alone: its TLS belongs to the thread that uses it."""
        if (connection := self._connection) is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def forget(self, log: str, before: date) -> None:
        """What a receiver has is its own to keep."""

    def close(self) -> None:
        """With a close_notify (RFC 5425 §4.4), if the receiver still hears."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError, ValueError), connection:
                connection.settimeout(_GOODBYE_SECONDS)
                connection.unwrap()

    def _connect(self) -> ssl.SSLSocket:
        plain = socket.create_connection(self._address, PATIENCE_SECONDS)
        try:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return self.tls.wrap_socket(plain, server_hostname=self._address[0])
        except BaseException:
            plain.close()
            raise


def _require_open(connection: ssl.SSLSocket) -> None:
    """A receiver says nothing; but it may have closed, and what is sent then is lost. Raises ConnectionResetError."""
    heard = select.poll()  # select(2) knows no file descriptors above 1023
    heard.register(connection, select.POLLIN)
    connection.settimeout(0)
    try:
        said = connection.recv(1) if connection.pending() or heard.poll(0) else None
    except ssl.SSLWantReadError:
        return  # of TLS itself, such as a session's ticket
    finally:
        connection.settimeout(PATIENCE_SECONDS)
    if said == b"":
        raise ConnectionResetError("closed by the receiver")


def _await_acknowledged(connection: ssl.SSLSocket) -> None:
    """Until nothing that was sent waits in this machine. Raises TimeoutError if that does not become less."""
    least, until = _unacknowledged(connection), time.monotonic() + PATIENCE_SECONDS
    while least:
        time.sleep(_LOOK_SECONDS)
        if (now := _unacknowledged(connection)) < least:
            least, until = now, time.monotonic() + PATIENCE_SECONDS
        elif time.monotonic() >= until:
            raise TimeoutError("the receiver takes nothing")


def _unacknowledged(connection: ssl.SSLSocket) -> int:
    """Bytes that the other machine has not acknowledged (tcp(7), SIOCOUTQ)."""
    found: int = struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    return found
