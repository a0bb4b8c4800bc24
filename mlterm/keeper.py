"""The keeper: drains the terminal into output.log first, and does everything else second.

One loop, nothing in it that can be slow: no regular expressions while the job runs, no
psutil, no NVML, no interface. What must outlive it stands on the board (system/board.py);
a keeper that is killed is followed by another, which goes on where this one was.
"""

import os
import selectors
import signal
import socket
import termios
import time
from collections.abc import Callable
from contextlib import suppress

from mlterm import ending
from mlterm.core import protocol
from mlterm.core.errors import MltermError, ProtocolError
from mlterm.core.lifecycle import Cause, Exit
from mlterm.core.protocol import Frame, Kind
from mlterm.system import channel, daemon, registry, runlog
from mlterm.system.hub import Hub, Peer
from mlterm.system.job import Job
from mlterm.system.spool import Spool
from mlterm.unwritten import Unwritten

BURST = 64
"""Chunks taken from the terminal before anybody else is looked at."""
INDEX_SECONDS = 0.1
SOCKET_CHECK_SECONDS = 5.0
RETRY_SECONDS = 0.25
REVIVAL_SECONDS = 0.25
EXIT_PATIENCE_SECONDS = 10.0
"""How long the kernel may take to tell an exit code that somebody else collected."""
LAST_SERVICE_SECONDS = 10.0
READING_SECONDS = 5.0
"""How long the end waits for the observer to have read the output."""
READING_LOOK_SECONDS = 0.002
FORK_PAUSE_SECONDS = 0.1
INPUT_LIMIT = 64 * 1024
NEVER = float("inf")


class Keeper:
    """Keeps one run. ``run`` returns when the command has ended and nobody holds its PTY."""

    def __init__(self, job: Job, clock: Callable[[], float] = time.monotonic) -> None:
        self._job, self._board, self._clock = job, job.board, clock
        self._selector = selectors.DefaultSelector()
        self._hub = Hub(self._selector, job.server)
        self._spool = Spool(job.child.master, job.pipe, job.output, job.board)
        self._socket_folder = job.server_path.parent
        self._socket_path = job.server_path
        self._master_watched = 0
        self._drained = False
        self._leader: Peer | None = None
        self._input = bytearray()
        self._unwritten = Unwritten(self._spool, self._hub, job.board, job.runlog)
        self._indexed = -1
        self._index_due = self._retry_due = self._socket_due = self._revival_due = 0.0
        self._exit_deadline = NEVER
        self._exit: Exit | None = None
        self._orphaned = False
        self._stop_owed: tuple[Cause, int, float] | None = None
        """One that could not be begun for want of a process."""
        self._stop_due = NEVER
        self._leave_at = NEVER
        self._finish_at = NEVER
        """When the end is recorded at the latest, whatever is not read of the output then."""

    def run(self) -> int:
        """The loop; 0 when there is nothing left to keep."""
        self._listen_to_signals()
        self._spool.recover()
        os.close(self._job.status_pipe[1])
        self._watch(self._job.status_pipe[0], self._on_status)
        self._watch_master(selectors.EVENT_READ)
        if self._board.exit_known:
            self._on_exit()
        while not (self._drained and self._board.finished and self._all_served()):
            for key, events in self._selector.select(self._seconds_to_wait()):
                self._dispatch(key, events)
            self._tick(self._clock())
            if self._unwritten.writable:
                self._hub.tell_offset(self._spool.offset)
            else:
                self._unwritten.send()
            if self._board.finished:
                self._tell_exit()
        self._note_index(self._clock(), last=True)
        self._hub.broadcast(protocol.offset(Kind.DRAINED, self._unwritten.file_end))
        registry.remove(self._socket_folder, self._job.files.key)
        self._job.runlog.drop_room()
        return 0

    def _dispatch(self, key: selectors.SelectorKey, events: int) -> None:
        if key.fd == self._job.child.master:
            if events & selectors.EVENT_READ:
                self._drain()
            if events & selectors.EVENT_WRITE:
                self._feed()
        elif isinstance(key.data, Peer):
            if events & selectors.EVENT_WRITE:
                self._hub.flush(key.data)
            if events & selectors.EVENT_READ:
                self._hear(key.data)
        elif key.data is self._hub:
            self._hub.accept()
        else:
            key.data()

    # The terminal

    def _drain(self, burst: int = BURST) -> None:
        try:
            for _ in range(burst):
                if not self._spool.move():
                    return self._on_terminal_end()
        except BlockingIOError:
            pass
        except OSError:  # EIO: the last process that had the terminal open is gone
            self._on_terminal_end()
        finally:
            if self._spool.failure and self._unwritten.writable:
                self._unwritten.begin()
                self._retry_due = self._clock() + RETRY_SECONDS
        return None

    def _on_terminal_end(self) -> None:
        """Nobody holds the slave. A command that still lives may open its terminal again."""
        self._watch_master(0)
        if self._board.exit_known:
            self._drained = True
        else:
            self._revival_due = self._clock() + REVIVAL_SECONDS

    def _watch_master(self, mask: int) -> None:
        master = self._job.child.master
        if mask == self._master_watched:
            return
        if not mask:
            self._selector.unregister(master)
        elif self._master_watched:
            self._selector.modify(master, mask)
        else:
            self._selector.register(master, mask)
        self._master_watched = mask

    def _feed(self) -> None:
        """Write of the waiting keys what the terminal takes."""
        try:
            while self._input:
                del self._input[: os.write(self._job.child.master, self._input)]
        except BlockingIOError:
            pass
        except OSError:
            self._input.clear()
        if self._master_watched:
            waiting = selectors.EVENT_WRITE if self._input else 0
            self._watch_master(selectors.EVENT_READ | waiting)
        if len(self._input) < INPUT_LIMIT:
            self._hub.resume_all()

    # The files

    def _note_index(self, now: float, *, last: bool = False) -> None:
        offset = self._spool.offset
        if self._job.index is None or offset == self._indexed:
            return
        if now < self._index_due and not last:
            return
        self._index_due, self._indexed = now + INDEX_SECONDS, offset
        seconds = now - self._job.started_monotonic
        with suppress(OSError):
            os.write(self._job.index, b'{"t":%.3f,"offset":%d}\n' % (seconds, offset))
        self._ring()

    def _ring(self) -> None:
        """Let the observer look; with a full pipe it has been told often enough."""
        with suppress(OSError):
            os.write(self._job.bell[1], b"!")

    # Time

    def _seconds_to_wait(self) -> float | None:
        now = self._clock()
        due = [self._socket_due, self._exit_deadline]
        if self._spool.offset != self._indexed and self._job.index is not None:
            due.append(self._index_due)
        if self._spool.failure:
            due.append(self._retry_due)
            due.append(self._leave_at)
        if not self._master_watched and not self._drained:
            due.append(self._revival_due)
        if self._stop_owed is not None:
            due.append(self._stop_due)
        elif self._exit is None:
            due.append(self._timeout_at())
        if self._exit_deadline < NEVER:
            due.append(now + 0.02)
        if self._orphaned and self._job.child.pidfd is None:
            due.append(now + REVIVAL_SECONDS)
        if self._finish_at < NEVER:
            due.append(now + READING_LOOK_SECONDS)
        return max(0.0, min(due) - now)

    def _timeout_at(self) -> float:
        if self._job.timeout_seconds is None or self._board.stopping:
            return NEVER
        return self._job.started_monotonic + self._job.timeout_seconds

    def _tick(self, now: float) -> None:
        self._note_index(now)
        if self._spool.failure and now >= self._retry_due:
            self._retry_due = now + RETRY_SECONDS
            self._unwritten.retry()
        if not self._master_watched and not self._drained and now >= self._revival_due:
            self._watch_master(selectors.EVENT_READ)
        if now >= self._socket_due:
            self._keep_reachable(now)
        if self._stop_owed is not None:
            if now >= self._stop_due:
                self._stop(*self._stop_owed)
        elif self._exit is None and now >= self._timeout_at():
            self._stop(Cause.TIMEOUT, signal.SIGINT, self._job.grace_seconds)
        if self._exit_deadline < NEVER:
            self._ask_kernel(now)
        if self._finish_at < NEVER:
            self._finish(now)
        if self._orphaned and self._job.child.pidfd is None and self._exit is None:
            self._look_for_command()
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)

    def _keep_reachable(self, now: float) -> None:
        """Make socket and entry anew where a logout or a cleaner has taken them away."""
        self._socket_due = now + SOCKET_CHECK_SECONDS
        self._hub.listen_again()
        entry = self._socket_folder / f"{self._job.files.key}.json"
        if self._socket_path.exists() and entry.exists():
            return
        with suppress(OSError, MltermError):
            server, path = channel.listen(self._job.files.key)
            self._hub.replace_server(server)
            self._socket_path, self._socket_folder = path, path.parent
            registry.write(self._socket_folder, self._job.entry)

    # The command's end

    def _on_status(self) -> None:
        word = os.read(self._job.status_pipe[0], 64)
        if not word:  # the guard was killed: from now on the kernel is asked directly
            self._selector.unregister(self._job.status_pipe[0])
            self._orphaned = True
            if not self._board.exit_known and self._job.child.pidfd is not None:
                self._watch(self._job.child.pidfd, self._on_pidfd)
        if self._board.exit_known:
            self._on_exit()

    def _on_pidfd(self) -> None:
        assert self._job.child.pidfd is not None
        self._selector.unregister(self._job.child.pidfd)
        self._exit_deadline = self._clock() + EXIT_PATIENCE_SECONDS
        self._ask_kernel(self._clock())

    def _look_for_command(self) -> None:
        """Without pidfds (macOS) and without a guard: is it still there? How it ended, nobody
        can tell then."""
        try:
            os.kill(self._job.entry.command_pid, 0)
        except ProcessLookupError:
            self._board.wait_status = -1
            self._board.exit_known = True
            self._on_exit()

    def _ask_kernel(self, now: float) -> None:
        assert self._job.child.pidfd is not None
        status = daemon.exit_status_of(self._job.child.pidfd)
        if status is None and now < self._exit_deadline:
            return
        self._exit_deadline = NEVER
        self._board.wait_status = -1 if status is None else status
        self._board.exit_known = True
        self._on_exit()

    def _on_exit(self) -> None:
        """Record the end at once, with all that was written by then; keep draining after."""
        if self._exit is not None:
            return
        status = self._board.wait_status
        self._exit = Exit() if status == -1 else Exit.from_wait_status(status)
        if self._master_watched or not self._drained:
            self._watch_master(selectors.EVENT_READ)
            self._drain(burst=4 * BURST)
        if self._spool.failure:
            self._unwritten.retry()
        if self._spool.failure and self._drained:
            self._spool.write_off()
        self._unwritten.note_gap()
        now = self._clock()
        self._note_index(now, last=True)
        self._board.output_whole = True
        self._ring()
        self._finish_at = now + READING_SECONDS
        self._finish(now)

    def _finish(self, now: float) -> None:
        """Record the end; before it the metrics that the output told and the last sample, but
        not for ever."""
        is_read = self._board.read_offset >= self._spool.offset or not self._job.parses
        is_known = is_read and not self._board.sampling
        if self._exit is None or not (is_known or now >= self._finish_at):
            return
        self._finish_at = NEVER
        if not self._board.finished:
            self._write_finish(self._exit)
            self._board.finished = True
        self._leave_at = self._clock() + LAST_SERVICE_SECONDS
        self._tell_exit()

    def _tell_exit(self) -> None:
        """Everybody who has been sent all output, once."""
        assert self._exit is not None
        code = ending.shell_code(self._job, self._exit)
        frame = protocol.exit_frame(code, self._drained, self._unwritten.file_end)
        for peer in list(self._hub.peers):
            if peer.greeted and not peer.knows_exit and self._unwritten.has_all(peer):
                peer.knows_exit = True
                self._hub.send(peer, frame)

    def _all_served(self) -> bool:
        """Output that no file will hold is gone with us: those who watch get it first."""
        if self._unwritten.writable or self._clock() > self._leave_at:
            return True
        return all(peer.knows_exit and not peer.out for peer in self._hub.peers if peer.greeted)

    def _write_finish(self, exit_: Exit) -> None:
        seconds = self._clock() - self._job.started_monotonic
        if not runlog.has_finish(self._job.runlog.fileno()):
            with suppress(OSError):
                record = ending.finish_record(self._job, exit_, seconds, self._spool.backlog)
                self._job.runlog.append_last(record)

    # The people

    def _hear(self, peer: Peer) -> None:
        for frame in self._hub.receive(peer):
            try:
                self._obey(peer, frame)
            except ProtocolError:
                self._hub.drop(peer)
                return
        if len(self._input) >= INPUT_LIMIT and peer in self._hub.peers:
            self._hub.pause(peer)

    def _obey(self, peer: Peer, frame: Frame) -> None:
        if frame.kind is Kind.HELLO:
            self._welcome(peer, protocol.read_hello(frame.payload))
        elif not peer.greeted or frame.kind >= Kind.WELCOME:
            raise ProtocolError("a client begins with HELLO and sends no keeper's frames")
        elif frame.kind is Kind.SEEN:
            peer.awaited = False
        elif peer.read_only:
            return
        elif frame.kind is Kind.INPUT:
            self._type(peer, frame.payload)
        elif frame.kind is Kind.RESIZE:
            peer.size = protocol.read_size(frame.payload)
            if self._leader is peer or not self._is_led():
                self._lead(peer)
        elif frame.kind is Kind.SIGNAL:
            self._interrupt(frame.payload[0] if frame.payload else signal.SIGINT)
        elif frame.kind is Kind.STOP:
            first, grace = protocol.read_stop(frame.payload)
            self._stop(Cause.STOP, first, grace)

    def _welcome(self, peer: Peer, hello: protocol.Hello) -> None:
        peer.greeted, peer.read_only = True, hello.read_only
        peer.size = (hello.rows, hello.columns)
        peer.told = self._spool.offset
        self._hub.send(peer, protocol.offset(Kind.WELCOME, self._spool.offset))
        if not peer.read_only and not self._is_led():
            self._lead(peer)
        self._unwritten.greet(peer)

    def _is_led(self) -> bool:
        """Whether somebody who is there and has a window has the say."""
        leader = self._leader
        return leader is not None and leader in self._hub.peers and all(leader.size)

    def _lead(self, peer: Peer) -> None:
        """Whoever typed last has the window that the command draws for."""
        self._leader = peer
        if all(peer.size):
            with suppress(termios.error, OSError):
                if termios.tcgetwinsize(self._job.child.master) != peer.size:
                    termios.tcsetwinsize(self._job.child.master, peer.size)

    def _type(self, peer: Peer, keys: bytes) -> None:
        if self._leader is not peer:
            self._lead(peer)
        if b"\x03" in keys:
            self._blame(Cause.INTERRUPT)
        self._input += keys
        self._feed()

    def _interrupt(self, number: int) -> None:
        self._blame(Cause.INTERRUPT)
        self._signal_command(number)

    def _signal_command(self, number: int) -> None:
        groups = {self._job.entry.command_pid}
        with suppress(OSError):
            groups.add(os.tcgetpgrp(self._job.child.master))
        for group in groups - {0, os.getpgrp()}:
            with suppress(OSError):
                os.killpg(group, number)
                if number == signal.SIGTERM:
                    os.killpg(group, signal.SIGCONT)  # a stopped job could not obey

    def _stop(self, cause: Cause, first_signal: int, grace_seconds: float) -> None:
        self._blame(cause)
        entry, files = self._job.entry, self._job.files

        def end_all() -> int:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            daemon.close_all_but({0, 1, 2})
            # Imported only in this process: psutil would be 20 ms before the job's start.
            from mlterm import stopper

            daemon.set_title("stop", self._job.name)
            return stopper.end_tree(entry, first_signal, grace_seconds)

        try:
            daemon.fork_part(end_all, files.crash_log)
        except OSError:  # no process to be had: the job's own may have used them up
            self._signal_command(first_signal)
            self._stop_owed = (cause, first_signal, grace_seconds)
            self._stop_due = self._clock() + FORK_PAUSE_SECONDS
        else:
            self._stop_owed = None
            self._board.stopping = True

    def _blame(self, cause: Cause) -> None:
        if self._exit is None:
            self._board.cause = max(self._board.cause, cause)

    # Signals

    def _listen_to_signals(self) -> None:
        self._signal_in, self._signal_out = socket.socketpair()
        for end in (self._signal_in, self._signal_out):
            end.setblocking(False)
        signal.set_wakeup_fd(self._signal_out.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._watch(self._signal_in, self._on_signal)

    def _on_signal(self) -> None:
        for number in set(self._signal_in.recv(64)) & {signal.SIGTERM, signal.SIGINT}:
            self._blame(Cause.PASSED_ON)
            self._signal_command(number)

    def _watch(self, what: int | socket.socket, then: Callable[[], None]) -> None:
        self._selector.register(what, selectors.EVENT_READ, then)
