"""The keeper's end of the socket: who is connected, and what waits to be sent to them.

Nothing here can hold the keeper up: sockets do not block, queues are bounded, and a peer
that sends garbage or never reads loses its connection and nothing else. A peer is told
that the output has grown at most once until it says that it has seen it, so that one that
is stopped while the job floods costs nothing.
"""

import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import suppress

from mlterm.core import protocol
from mlterm.core.errors import ProtocolError
from mlterm.core.protocol import Frame, Kind
from mlterm.system import channel

_OUT_LIMIT = 1024 * 1024
_ENOUGH = 256 * 1024
_READ = 64 * 1024
_PEER_LIMIT = 64


class Peer:
    """One connected client."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.reader = protocol.FrameReader()
        self.out = bytearray()
        self.greeted = False
        self.read_only = False
        self.size = (0, 0)
        self.told = 0
        """The offset that it was last told of."""
        self.awaited = False
        """Whether it has yet to say that it has seen that."""
        self.cursor = 0
        """How far it was sent output that is not in the file."""
        self.knows_exit = False
        self.paused = False
        """Whether nothing is taken from it for now."""


class Hub:
    """All peers of one run."""

    def __init__(self, selector: selectors.BaseSelector, server: socket.socket) -> None:
        self._selector = selector
        self.peers: list[Peer] = []
        self.server = server
        self._listening = True
        selector.register(server, selectors.EVENT_READ, self)

    def replace_server(self, server: socket.socket) -> None:
        """Listen on another socket from now on."""
        if self._listening:
            self._selector.unregister(self.server)
        self.server.close()
        self.server, self._listening = server, False
        self.listen_again()

    def listen_again(self) -> None:
        """Open the door again that was closed for want of descriptors."""
        if not self._listening:
            self._selector.register(self.server, selectors.EVENT_READ, self)
            self._listening = True

    def accept(self) -> None:
        """Let in whoever waits at the door, if it is the same user."""
        try:
            connection, _ = self.server.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # no descriptor is free; whoever waits would wake us for ever
            self._selector.unregister(self.server)
            self._listening = False
            return
        connection.setblocking(False)
        stranger = channel.peer_uid(connection) not in (None, os.getuid())
        if stranger or len(self.peers) >= _PEER_LIMIT:
            connection.close()
            return
        peer = Peer(connection)
        self.peers.append(peer)
        self._selector.register(connection, selectors.EVENT_READ, peer)

    def receive(self, peer: Peer) -> Iterator[Frame]:
        """Yield the frames that a readable peer has sent; it may be gone afterwards."""
        try:
            data = peer.connection.recv(_READ)
            if not data:
                raise ConnectionError
            yield from peer.reader.feed(data)
        except BlockingIOError:
            return
        except ProtocolError as error:
            self.send(peer, protocol.pack(Kind.REFUSED, str(error).encode()))
            self.drop(peer)
        except OSError:
            self.drop(peer)

    def send(self, peer: Peer, frame: bytes) -> None:
        """Queue a frame and send what the socket takes."""
        peer.out += frame
        if len(peer.out) > _OUT_LIMIT:
            self.drop(peer)
        else:
            self.flush(peer)

    def flush(self, peer: Peer) -> None:
        """Send of the queue what the socket takes now."""
        try:
            while peer.out:
                del peer.out[: peer.connection.send(peer.out)]
        except BlockingIOError:
            pass
        except OSError:
            self.drop(peer)
            return
        self._watch(peer)

    def pause(self, peer: Peer) -> None:
        """Take nothing more from a peer until ``resume_all``."""
        peer.paused = True
        self._watch(peer)

    def resume_all(self) -> None:
        """Listen to every peer again."""
        for peer in self.peers:
            if peer.paused:
                peer.paused = False
                self._watch(peer)

    def _watch(self, peer: Peer) -> None:
        mask = (0 if peer.paused else selectors.EVENT_READ) | (
            selectors.EVENT_WRITE if peer.out else 0
        )
        known = peer.connection in self._selector.get_map()
        if not mask:
            if known:
                self._selector.unregister(peer.connection)
        elif known:
            if self._selector.get_key(peer.connection).events != mask:
                self._selector.modify(peer.connection, mask, peer)
        else:
            self._selector.register(peer.connection, mask, peer)

    def drop(self, peer: Peer) -> None:
        """End one connection."""
        if peer not in self.peers:
            return
        self.peers.remove(peer)
        with suppress(KeyError, ValueError):
            self._selector.unregister(peer.connection)
        peer.connection.close()

    def broadcast(self, frame: bytes) -> None:
        """Send to everybody who has introduced themselves."""
        for peer in list(self.peers):
            if peer.greeted:
                self.send(peer, frame)

    def tell_offset(self, offset: int, *, at_once: bool = False) -> None:
        """Let everybody know how far the output reaches, once until they have looked."""
        for peer in list(self.peers):
            waits = peer.awaited and not at_once
            if peer.greeted and not waits and peer.told < offset:
                peer.told, peer.awaited = offset, True
                self.send(peer, protocol.offset(Kind.OUTPUT, offset))

    def is_slow(self, peer: Peer) -> bool:
        """Whether enough waits to be sent to it; or it is gone."""
        return len(peer.out) >= _ENOUGH or peer not in self.peers
