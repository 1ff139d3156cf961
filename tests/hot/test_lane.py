"""One lane by itself: no byte of the next request is lost, whichever of two things that happen at once is seen first."""

from __future__ import annotations

import socket

import attrs
import trio
import trio.testing

from lectr_core.hot.lane import Flow, Lane
from lectr_core.wire.heads import RequestHead

REQUEST = b"POST / HTTP/1.1\r\nHost: one.test\r\nContent-Length: 2\r\n\r\n{}"


@attrs.define
class Immediate:
    """A connection that has room for everything."""

    over: bool = False
    flows: list[Flow] = attrs.field(factory=list)

    def begin(self, head: RequestHead) -> Flow:
        self.flows.append(Flow(len(self.flows), head.method, sent=not head.has_body))
        return self.flows[-1]

    def push(self, flow: Flow, content: bytes) -> int:
        return len(content)

    def finish(self, flow: Flow) -> None:
        flow.sent = True

    def credit(self, flow: Flow, taken_bytes: int) -> None:
        pass

    def give_up(self, flow: Flow) -> None:
        pass

    async def room(self) -> None:
        await trio.sleep_forever()


async def test_the_next_request_may_come_with_the_end_of_the_answer() -> None:
    carrier = Immediate()
    theirs, ours = socket.socketpair()
    user = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Lane(carrier, trio.SocketStream(trio.socket.from_stdlib_socket(ours))).serve)
        await user.send_all(REQUEST)
        with trio.fail_after(20):
            for number in range(200):  # the order in which tasks run is left to chance
                while len(carrier.flows) == number or not carrier.flows[number].sent:
                    await trio.sleep(0)
                await trio.testing.wait_all_tasks_blocked()
                flow = carrier.flows[number]
                theirs.send(REQUEST)
                flow.ended = True
                flow.stir.set()
            while len(carrier.flows) == 200:
                await trio.sleep(0)
        await user.aclose()
        nursery.cancel_scope.cancel()


async def test_a_lane_that_nobody_uses_ends_when_it_is_asked_to() -> None:
    theirs, ours = socket.socketpair()
    lane = Lane(Immediate(), trio.SocketStream(trio.socket.from_stdlib_socket(ours)))
    with theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lane.serve)
            await trio.testing.wait_all_tasks_blocked()
            lane.hang_up()
        assert theirs.recv(1) == b""


async def test_asking_a_lane_to_end_that_has_just_ended_is_no_fault() -> None:
    theirs, ours = socket.socketpair()
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
    lane = Lane(Immediate(), stream)
    lane.idle = True
    theirs.close()
    stream.socket.close()
    lane.hang_up()
    assert ours.fileno() == -1
