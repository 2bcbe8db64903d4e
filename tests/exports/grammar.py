"""A parser of RFC 5424 messages in RFC 5425 frames, written from the RFCs' grammar and nothing of ours."""

import re
from dataclasses import dataclass

_HEADER = re.compile(
    rb"<(?P<pri>0|[1-9][0-9]{0,2})>1"
    rb" (?P<at>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2}))"
    rb" (?P<host>-|[!-~]{1,255}) (?P<app>-|[!-~]{1,48}) (?P<proc>-|[!-~]{1,128}) (?P<msgid>-|[!-~]{1,32}) "
)
_NAME = rb"[!#-<>-\\^-~]{1,32}"  # PRINTUSASCII but =, SP, ] and "
_PARAM = re.compile(rb" (" + _NAME + rb')="((?:[^"\\\]]|\\.)*)"', re.DOTALL)
_MOST = 2048  # bytes that every receiver takes (RFC 5425 §4.3.1)


@dataclass(frozen=True)
class Message:
    severity: int
    facility: int
    host: str
    msgid: str
    element: str
    params: dict[str, str]
    text: str


def frames(stream: bytes) -> tuple[list[bytes], bytes]:
    """Whole messages by their octet counts, and what is left."""
    found = []
    while (head := re.match(rb"([1-9][0-9]*) ", stream)) and len(stream) >= head.end() + int(head[1]):
        end = head.end() + int(head[1])
        found.append(stream[head.end() : end])
        stream = stream[end:]
    return found, stream


def parse(message: bytes) -> Message:
    assert len(message) <= _MOST
    header = _HEADER.match(message)
    assert header, "no RFC 5424 header"
    opened = re.compile(rb"\[(" + _NAME + rb")").match(message, header.end())
    assert opened, "no structured data"
    params, at = {}, opened.end()
    while param := _PARAM.match(message, at):
        assert param[1].decode() not in params
        params[param[1].decode()] = re.sub(rb"\\(.)", rb"\1", param[2]).decode("utf-8")
        at = param.end()
    assert message[at : at + 2] == b"] "
    assert message[at + 2 : at + 5] == b"\xef\xbb\xbf"
    priority = int(header["pri"])
    assert priority <= 191
    host, msgid = header["host"].decode(), header["msgid"].decode()
    return Message(priority & 7, priority >> 3, host, msgid, opened[1].decode(), params, message[at + 5 :].decode())
