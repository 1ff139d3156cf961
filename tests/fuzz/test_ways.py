"""What lies between the gateway and a provider, gone mad: HTTP/2 frames and proxies' answers, spoilt in every way.

Whatever comes is an event or one of the faults that end the connection; and what a lane is given is HTTP/1.1 that ends
exactly where the provider ended it, so that a fragment never looks whole.
"""

from __future__ import annotations

import ssl
from typing import Final, cast

from hpack import Encoder
from hyperframe import frame as frames

from lectr_core.hot.lane import Flow
from lectr_core.hot.multiplex import FAULTS, Session
from lectr_core.wire import heads
from lectr_core.wire.framing import response_body
from lectr_core.wire.heads import parse_request_head
from lectr_core.wire.proxying import Connect, ProxyRefused, Socks5
from tests.fuzz.mutate import pieces, spoilt, turns

REQUEST: Final = parse_request_head(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
MARKS: Final = (
    b"\0\0\0\1\5\0\0\0\1",
    b"\0\0\0\0\1\0\0\0\1",
    b"\0\0\x08\7\0\0\0\0\0",
    b"\0\0\0\4\0\0\0\0\0",
    b"\r\n",
    b"\xff" * 9,
)


def conversation() -> list[bytes]:
    """Frames of a server that answers streams 1 and 3, with everything that may come between."""
    table = Encoder()
    end = ["END_HEADERS"]
    made = [
        frames.SettingsFrame(0, {3: 100}),
        frames.HeadersFrame(3, table.encode([(b":status", b"103"), (b"link", b"x")]), flags=end),
        frames.HeadersFrame(1, table.encode([(b":status", b"200"), (b"x", b"y")]), flags=end),
        frames.DataFrame(1, b"hello"),
        frames.PingFrame(0, b"12345678"),
        frames.HeadersFrame(3, table.encode([(b":status", b"200"), (b"content-length", b"4")]), flags=end),
        frames.DataFrame(3, b"ab"),
        frames.WindowUpdateFrame(0, 7),
        frames.GoAwayFrame(0, 3, 0),
        frames.DataFrame(1, b"more"),
        frames.HeadersFrame(1, table.encode([(b"checked", b"1")]), flags=[*end, "END_STREAM"]),
        frames.DataFrame(3, b"cd", flags=["END_STREAM"]),
        frames.RstStreamFrame(3, 8),
    ]
    return [bytes(one.serialize()) for one in made]


def whole(given: bytes) -> bool:
    """Whether what a lane was given is a whole answer; it must be the beginning of one in any case."""
    while True:
        end = heads.head_end(given)
        if not end:
            assert not given
            return False
        head, given = heads.parse_response_head(given[:end]), given[end:]
        if head.status >= 200:
            break
    body = response_body(head, b"POST")
    used, _ = body.take(given) if given else (0, [])
    assert used == len(given), "nothing stands behind an answer"
    return body.done


def hear(sent: list[bytes]) -> list[Flow]:
    """A session that has asked twice and hears this. The socket is never touched."""
    session = Session(cast(ssl.SSLSocket, None))
    session.greet()
    flows = [session.begin(REQUEST), session.begin(REQUEST)]
    try:
        for piece in sent:
            session.hear(piece)
    except FAULTS:
        pass
    return flows


def test_the_conversation_as_it_is_gives_two_whole_answers() -> None:
    flows = hear(conversation())
    assert [(flow.ended, whole(bytes(flow.to_lane))) for flow in flows] == [(True, True)] * 2
    assert bytes(flows[0].to_lane).endswith(b"5\r\nhello\r\n4\r\nmore\r\n0\r\nchecked: 1\r\n\r\n")


def test_spoilt_frames_are_events_or_faults_and_no_fragment_looks_whole() -> None:
    ended = cut = 0
    for chance in turns("frames of HTTP/2", 2.0):
        sent = conversation()
        if chance.random() < 0.5:
            sent = [chance.choice(sent) if chance.random() < 0.3 else one for one in sent]
        data = spoilt(b"".join(sent), MARKS, chance) if chance.random() < 0.7 else b"".join(sent)
        for flow in hear(pieces(data, chance)):
            if flow.cut:
                cut += 1
            # What has a length may be all there before the provider ends the stream.
            assert whole(bytes(flow.to_lane)) is flow.ended or flow.cut or not flow.chunked, data
            ended += flow.ended
    assert ended
    assert cut


def test_spoilt_answers_of_proxies_are_grants_or_refusals() -> None:
    granted = refused = 0
    for chance in turns("answers of proxies"):
        asking: Connect | Socks5
        if chance.random() < 0.5:
            asking, said = Connect("one.test", 443, b"a:b"), b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"
        else:
            asking, said = Socks5("one.test", 443, b"a:b"), b"\x05\x02\x01\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34"
        asking.begin()
        steps = [said] if isinstance(asking, Connect) else [said[:2], said[2:4], said[4:]]
        try:
            for step in steps:
                for piece in pieces(spoilt(step, (b"\r\n", b"\0", b"\xff\xff"), chance, 1), chance):
                    if not asking.granted:  # from there on it is the connection itself
                        asking.take(piece)
        except ProxyRefused:
            assert not asking.granted
            refused += 1
        granted += asking.granted
    assert granted
    assert refused
