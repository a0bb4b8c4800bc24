import os
import socket
from pathlib import Path

import pytest

from mlterm.core.errors import SupervisorError
from mlterm.system import channel


def test_a_keeper_is_reached_by_its_runs_key(runtime: Path) -> None:
    server, path = channel.listen("0123456789abcdef")
    with server:
        assert path == runtime / "mlterm" / "0123456789abcdef.sock"
        assert path.stat().st_mode & 0o777 == 0o600
        assert not server.getblocking()
        client = channel.connect("0123456789abcdef")
        assert client is not None
        with client, server.accept()[0] as connection:
            client.sendall(b"hello")
            assert connection.recv(10) == b"hello"


def test_where_nobody_listens_nobody_answers(runtime: Path) -> None:
    assert channel.connect("0123456789abcdef") is None
    server, path = channel.listen("0123456789abcdef")
    server.close()
    assert path.exists()
    assert channel.connect("0123456789abcdef") is None


def test_a_stale_socket_is_replaced(runtime: Path) -> None:
    channel.listen("0123456789abcdef")[0].close()
    server, _ = channel.listen("0123456789abcdef")
    with server:
        client = channel.connect("0123456789abcdef")
        assert client is not None
        client.close()


@pytest.mark.parametrize("mode", [0o770, 0o701])
def test_a_socket_in_a_folder_that_others_reach_is_not_connected_to(
    runtime: Path, mode: int
) -> None:
    server, _ = channel.listen("0123456789abcdef")
    with server:
        (runtime / "mlterm").chmod(mode)
        assert channel.connect("0123456789abcdef") is None
        with pytest.raises(SupervisorError, match="open to others"):
            channel.listen("0123456789abcdef")


def test_a_socket_behind_a_symbolic_link_is_not_connected_to(runtime: Path) -> None:
    server, _ = channel.listen("0123456789abcdef")
    with server:
        (runtime / "mlterm").rename(runtime / "moved")
        (runtime / "mlterm").symlink_to("moved")
        assert channel.connect("0123456789abcdef") is None


@pytest.mark.linux
def test_the_user_at_the_other_end_is_known() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert channel.peer_uid(ours) == os.getuid()
