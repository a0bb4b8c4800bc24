"""Output while the disk is full: kept in memory, and handed to those who watch from there.

Everybody is sent it at the pace at which they take it, after all that stands in the file;
once it is written they go on reading the file where they are.
"""

from contextlib import suppress
from datetime import UTC, datetime

from mlterm.core import protocol, records
from mlterm.core.protocol import Kind
from mlterm.system.board import Board
from mlterm.system.hub import Hub, Peer
from mlterm.system.runlog import RunLog
from mlterm.system.spool import Spool


class Unwritten:
    """What the keeper does between a failure to write output.log and its end."""

    def __init__(self, spool: Spool, hub: Hub, board: Board, runlog: RunLog) -> None:
        self._spool, self._hub, self._board, self._runlog = spool, hub, board, runlog
        self._failed_at: int | None = None

    @property
    def writable(self) -> bool:
        """Whether output goes to the file as usual."""
        return self._failed_at is None

    @property
    def file_end(self) -> int:
        """How far the file is to be read: not what was sent as bytes before it was written."""
        return self._spool.offset if self._failed_at is None else self._failed_at

    def begin(self) -> None:
        """The file cannot be written any more."""
        self._failed_at = self._spool.offset
        self._hub.tell_offset(self._failed_at, at_once=True)
        for peer in list(self._hub.peers):
            if peer.greeted:
                self.greet(peer)

    def greet(self, peer: Peer) -> None:
        """Tell somebody who watches, or begins to, how it stands."""
        peer.cursor = self._spool.offset
        if not self.writable:
            words = (
                f"output.log cannot be written ({self._spool.failure}): the job goes on; its "
                "newest output is kept in memory and written once that works again"
            )
            self._hub.send(peer, protocol.pack(Kind.NOTICE, words.encode()))

    def send(self) -> None:
        """To everybody as much as they take."""
        for peer in list(self._hub.peers):
            while peer.greeted and peer.cursor < self._spool.end and not self._hub.is_slow(peer):
                data, peer.cursor = self._spool.read(peer.cursor, protocol.FRAME_LIMIT)
                self._hub.send(peer, protocol.pack(Kind.DATA, data))

    def has_all(self, peer: Peer) -> bool:
        """Whether there is nothing left to be sent to a peer as bytes."""
        return self.writable or peer.cursor >= self._spool.end

    def retry(self) -> None:
        """Try to write again; where it works, say so and where to go on reading."""
        if not self._spool.retry():
            return
        self._failed_at = None
        self.note_gap()
        with suppress(OSError):
            self._runlog.keep_room()
        words = "output.log is written again"
        if self._board.lost_bytes:
            words += f"; {self._board.lost_bytes} bytes of output could not be kept"
        for peer in list(self._hub.peers):
            if peer.greeted:
                place = self._spool.place(peer.cursor)
                peer.told, peer.awaited = place, False
                self._hub.send(peer, protocol.offset(Kind.RESUME, place))
                self._hub.send(peer, protocol.pack(Kind.NOTICE, words.encode()))
        self._spool.settle()

    def note_gap(self) -> None:
        """Record what output.log lacks, if anything that no record tells of yet."""
        if not self._board.gap_bytes:
            return
        gap = {
            "timestamp": records.timestamp(datetime.now(UTC)),
            "type": "gap",
            "offset": self._board.gap_offset,
            "lost_bytes": self._board.gap_bytes,
        }
        with suppress(OSError):
            self._runlog.append_last(gap)
            self._board.gap_bytes = 0
