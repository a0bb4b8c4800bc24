"""A hub at a real socket; its peers are sockets of the test."""

import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from mlterm.core import protocol
from mlterm.core.protocol import FRAME_LIMIT, Frame, FrameReader, Kind, pack
from mlterm.system import channel
from mlterm.system.hub import Hub, Peer
from tests.support import wait_until

MEBIBYTE = 1024 * 1024
HELLO = protocol.hello(False, 24, 80)


class Viewer:
    """The other end of a peer."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.setblocking(False)
        self._reader = FrameReader()
        self.frames: list[Frame] = []
        self.gone = False

    def read(self) -> list[Frame]:
        """Take in what there is; every frame so far."""
        try:
            while data := self.connection.recv(65536):
                self.frames.extend(self._reader.feed(data))
            self.gone = True
        except BlockingIOError:
            pass
        except ConnectionError:
            self.gone = True
        return self.frames


class Room:
    """A hub, its selector and those who come."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.selector = stack.enter_context(selectors.DefaultSelector())
        self.server, self.path = channel.listen("0123456789abcdef")
        self.hub = Hub(self.selector, self.server)
        stack.callback(self._close)

    def knock(self) -> Viewer:
        connection = socket.socket(socket.AF_UNIX)
        self._stack.enter_context(connection)
        connection.connect(str(self.path))
        return Viewer(connection)

    def join(self, *, greeted: bool = True) -> tuple[Viewer, Peer]:
        viewer = self.knock()
        self.hub.accept()
        peer = self.hub.peers[-1]
        peer.greeted = greeted
        return viewer, peer

    def serve(self) -> list[Frame]:
        """One round of the keeper's loop: what the peers said."""
        said: list[Frame] = []
        for key, events in self.selector.select(0):
            if isinstance(key.data, Peer):
                if events & selectors.EVENT_WRITE:
                    self.hub.flush(key.data)
                if events & selectors.EVENT_READ:
                    said.extend(self.hub.receive(key.data))
            else:
                self.hub.accept()
        return said

    def _close(self) -> None:
        for peer in list(self.hub.peers):
            self.hub.drop(peer)
        self.hub.server.close()


@pytest.fixture
def room(runtime: Path) -> Iterator[Room]:
    with ExitStack() as stack:
        yield Room(stack)


def test_frames_are_heard(room: Room) -> None:
    viewer, peer = room.join(greeted=False)
    viewer.connection.sendall(HELLO + pack(Kind.INPUT, b"x"))
    assert [frame.kind for frame in room.serve()] == [Kind.HELLO, Kind.INPUT]
    assert room.hub.peers == [peer]


def test_half_a_frame_is_waited_for(room: Room) -> None:
    viewer, _ = room.join()
    viewer.connection.sendall(HELLO[:5])
    assert room.serve() == []
    viewer.connection.sendall(HELLO[5:])
    assert [frame.kind for frame in room.serve()] == [Kind.HELLO]


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 7, b"\xff" * 100_000, HELLO + b"\x01\x63\0\0\0\0\0"],
    ids=["http", "zeros", "ones", "an unknown kind"],
)
def test_garbage_ends_its_own_connection_only_and_is_told_why(room: Room, garbage: bytes) -> None:
    (bad, _), (good, peer) = room.join(), room.join()
    with suppress(BlockingIOError):
        bad.connection.sendall(garbage)
    wait_until(lambda: room.serve() is not None and len(room.hub.peers) == 1, "the drop")
    assert room.hub.peers == [peer]
    room.hub.broadcast(pack(Kind.NOTICE, b"still here"))
    assert [frame.payload for frame in good.read()] == [b"still here"]
    kinds = [frame.kind for frame in bad.read()]
    assert bad.gone
    assert kinds == [Kind.REFUSED]


def test_whoever_leaves_is_forgotten(room: Room) -> None:
    (leaver, _), (_, peer) = room.join(), room.join()
    leaver.connection.close()
    room.serve()
    assert room.hub.peers == [peer]
    assert len(room.selector.get_map()) == 2


def test_half_a_frame_and_then_nobody_is_no_error(room: Room) -> None:
    viewer, _ = room.join()
    viewer.connection.sendall(HELLO[:3])
    viewer.connection.close()
    assert room.serve() == []
    room.serve()
    assert room.hub.peers == []


def test_sending_to_whoever_has_left_ends_that_connection_only(room: Room) -> None:
    (leaver, _), (stayer, peer) = room.join(), room.join()
    leaver.connection.close()
    room.hub.broadcast(pack(Kind.NOTICE, b"1"))
    room.hub.broadcast(pack(Kind.NOTICE, b"2"))
    assert [frame.payload for frame in stayer.read()] == [b"1", b"2"]
    assert room.hub.peers == [peer]


def test_only_who_has_introduced_themselves_is_told_anything(room: Room) -> None:
    viewer, _ = room.join(greeted=False)
    room.hub.broadcast(pack(Kind.NOTICE, b"secret"))
    room.hub.tell_offset(100)
    assert viewer.read() == []


def test_a_long_queue_arrives_whole_and_in_order(room: Room) -> None:
    viewer, peer = room.join()
    pieces = [bytes([number]) * FRAME_LIMIT for number in range(10)]
    for piece in pieces:
        room.hub.send(peer, pack(Kind.DATA, piece))
    assert peer.out, "the socket took more than a person's terminal would"

    def arrived() -> bool:
        room.serve()
        return len(viewer.read()) == len(pieces)

    wait_until(arrived, "all frames")
    assert [frame.payload for frame in viewer.frames] == pieces
    assert room.selector.get_key(peer.connection).events == selectors.EVENT_READ


def test_whoever_never_reads_is_dropped_and_holds_up_nobody(room: Room) -> None:
    (sleeper, slow), (reader, quick) = room.join(), room.join()
    most = 0
    for number in range(100):
        room.hub.broadcast(pack(Kind.DATA, bytes([number]) * FRAME_LIMIT))
        most = max(most, len(slow.out))
        wait_until(lambda: room.serve() is not None and reader.read() and not quick.out, "a reader")
    assert [frame.payload[0] for frame in reader.frames] == list(range(100))
    assert room.hub.peers == [quick]
    assert most <= 2 * MEBIBYTE
    sleeper.read()
    assert sleeper.gone


def test_one_is_slow_while_enough_waits_to_be_sent(room: Room) -> None:
    (viewer, slow), (_, quick) = room.join(), room.join()
    sent = 0
    while not room.hub.is_slow(slow):
        room.hub.send(slow, pack(Kind.DATA, bytes(FRAME_LIMIT)))
        sent += 1
    assert len(slow.out) <= MEBIBYTE // 2
    assert slow in room.hub.peers
    assert not room.hub.is_slow(quick)
    wait_until(lambda: room.serve() is not None and len(viewer.read()) == sent, "all frames")
    assert not room.hub.is_slow(slow)


def test_nothing_more_is_sent_to_one_who_is_gone(room: Room) -> None:
    _, peer = room.join()
    room.hub.drop(peer)
    assert room.hub.is_slow(peer)


def offsets(viewer: Viewer) -> list[int]:
    return [protocol.read_offset(f.payload) for f in viewer.read() if f.kind is Kind.OUTPUT]


def test_whoever_does_not_look_is_woken_once(room: Room) -> None:
    viewer, peer = room.join()
    for offset in range(1, 10_000):
        room.hub.tell_offset(offset)
    assert offsets(viewer) == [1]
    peer.awaited = False  # it says that it has seen that
    room.hub.tell_offset(9_999)
    room.hub.tell_offset(9_999)
    assert offsets(viewer) == [1, 9_999]


def test_one_who_does_not_look_costs_the_others_no_wakeup(room: Room) -> None:
    (asleep, _), (awake, peer) = room.join(), room.join()
    for offset in (10, 20, 30):
        room.hub.tell_offset(offset)
        peer.awaited = False
    assert (offsets(asleep), offsets(awake)) == ([10], [10, 20, 30])


def test_nobody_is_woken_for_what_they_know(room: Room) -> None:
    viewer, peer = room.join()
    peer.told = 50
    room.hub.tell_offset(50)
    room.hub.tell_offset(40)
    assert viewer.read() == []


def test_before_unwritten_output_everybody_is_told_at_once(room: Room) -> None:
    viewer, _ = room.join()
    room.hub.tell_offset(10)
    room.hub.tell_offset(20, at_once=True)
    assert offsets(viewer) == [10, 20]


def test_nothing_is_taken_from_whoever_is_paused(room: Room) -> None:
    (typist, paused), (other, _) = room.join(), room.join()
    room.hub.pause(paused)
    typist.connection.sendall(pack(Kind.INPUT, b"typist"))
    other.connection.sendall(pack(Kind.INPUT, b"other"))
    assert [frame.payload for frame in room.serve()] == [b"other"]
    assert room.serve() == []
    room.hub.resume_all()
    assert [frame.payload for frame in room.serve()] == [b"typist"]


def test_whoever_is_paused_is_still_sent_to(room: Room) -> None:
    viewer, peer = room.join()
    room.hub.pause(peer)
    pieces = [bytes([number]) * FRAME_LIMIT for number in range(8)]
    for piece in pieces:
        room.hub.send(peer, pack(Kind.DATA, piece))
    wait_until(lambda: room.serve() is not None and len(viewer.read()) == 8, "all frames")
    assert [frame.payload for frame in viewer.frames] == pieces


def test_one_who_is_paused_may_leave(room: Room) -> None:
    viewer, peer = room.join()
    room.hub.pause(peer)
    viewer.connection.close()
    room.hub.send(peer, pack(Kind.NOTICE, b"x"))
    room.hub.resume_all()
    room.serve()
    assert room.hub.peers == []
    assert len(room.selector.get_map()) == 1


def test_a_dropped_peer_may_be_dropped_and_sent_to_again(room: Room) -> None:
    _, peer = room.join()
    room.hub.drop(peer)
    room.hub.drop(peer)
    room.hub.send(peer, pack(Kind.NOTICE, b"x"))
    assert room.hub.peers == []


def test_where_nobody_waits_at_the_door_nobody_comes_in(room: Room) -> None:
    room.hub.accept()
    assert room.hub.peers == []


def test_there_is_room_for_many_and_an_end_to_it(room: Room) -> None:
    viewers = [room.join()[0] for _ in range(64)]
    late = room.knock()
    room.hub.accept()
    late.read()
    assert late.gone
    assert len(room.hub.peers) == 64
    room.hub.broadcast(pack(Kind.NOTICE, b"x"))
    assert all(len(viewer.read()) == 1 for viewer in viewers)


def test_a_new_door_replaces_the_old_and_those_inside_stay(room: Room) -> None:
    inside, _ = room.join()
    server, room.path = channel.listen("0123456789abcdef")
    room.hub.replace_server(server)
    later, _ = room.join()
    room.hub.broadcast(pack(Kind.NOTICE, b"x"))
    assert len(inside.read()) == len(later.read()) == 1


@pytest.mark.root
def test_another_user_is_sent_away(room: Room) -> None:
    if os.geteuid() != 0:
        pytest.skip("another user can be become only by root")
    for path in (room.path.parent.parent, room.path.parent, room.path):
        path.chmod(0o777)
    code = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX)\n"
        "s.connect(sys.argv[1]); print('READY', flush=True); print(s.recv(10))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(room.path)], stdout=subprocess.PIPE
    ) as stranger:
        assert stranger.stdout is not None
        assert stranger.stdout.readline() == b"READY\n"
        room.serve()
        assert room.hub.peers == []
        assert stranger.stdout.read() == b"b''\n"


NO_DESCRIPTORS = """
import os, resource, selectors, socket, sys
from mlterm.system.hub import Hub

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
server.setblocking(False)
selector = selectors.DefaultSelector()
hub = Hub(selector, server)
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
lowest = os.dup(0)
os.close(lowest)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
hub.accept()
print(len(hub.peers), len(selector.select(0)))
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
hub.listen_again()
print(len(selector.select(0)))
hub.accept()
print(len(hub.peers))
"""


def test_without_a_free_descriptor_the_door_is_shut_until_there_is_one(runtime: Path) -> None:
    """The caller's limit (ulimit -n) is the keeper's too; it must not die of it."""
    done = subprocess.run(
        [sys.executable, "-c", NO_DESCRIPTORS, str(runtime / "s")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "0 0\n1\n1\n", done.stderr
