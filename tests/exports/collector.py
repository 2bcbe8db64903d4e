"""A syslog receiver over real mutual TLS, in a thread: it reads, or hangs, or goes away."""

import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path

from tests.exports.grammar import Message, frames, parse
from tests.ports import free_port


class Collector:
    """`messages` are those that it has read, over all connections. While `reading` is not set, it reads nothing."""

    def __init__(self, tls: Path, password: bytes, port: int | None = None) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_cert_chain(tls / "gateway.crt", tls / "gateway.key", password)
        self._context.load_verify_locations(tls / "ca.crt")
        self.port = free_port() if port is None else port  # once it is closed, nobody else is there
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)  # what it does not read, soon waits there
        self.reading = threading.Event()
        self.reading.set()
        self.messages: list[Message] = []
        self.connections = 0
        self.said_goodbye = 0
        self._open: list[ssl.SSLSocket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def seqs(self, log: str) -> list[int]:
        return [int(each.params["seq"]) for each in list(self.messages) if each.params["tenant"] == log]

    def drop(self) -> None:
        """Break every connection."""
        while self._open:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._open.pop(), socket.SHUT_RDWR)

    def close(self) -> None:
        self.reading.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.drop()
        for each in self._threads:
            each.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._listening.accept()
                try:
                    connection = self._context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False)
                except OSError:
                    plain.close()
                    continue
                self.connections += 1
                self._open.append(connection)
                self._threads.append(threading.Thread(target=self._read, args=(connection,)))
                self._threads[-1].start()

    def _read(self, connection: ssl.SSLSocket) -> None:
        rest = b""
        with contextlib.suppress(OSError), connection:
            while True:
                while not self.reading.is_set():
                    time.sleep(0.01)
                if not (data := connection.recv(65536)):
                    self.said_goodbye += 1
                    return
                found, rest = frames(rest + data)
                self.messages += map(parse, found)
