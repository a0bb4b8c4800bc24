import os
import signal

from mlterm.system.slate import ROOM_BYTES, Slate


def test_a_new_slate_is_empty() -> None:
    assert Slate().read() == b""


def test_the_newest_text_counts_however_long_the_one_before() -> None:
    slate = Slate()
    for text in (b"long " * 1000, b"short", b"", b"x" * ROOM_BYTES, b"last"):
        slate.write(text)
        assert slate.read() == text


def test_what_has_no_room_leaves_the_one_before() -> None:
    slate = Slate()
    slate.write(b"whole")
    slate.write(b"x" * (ROOM_BYTES + 1))
    assert slate.read() == b"whole"


def test_what_a_fork_wrote_is_whole_whenever_it_was_killed() -> None:
    slate = Slate()
    slate.write(b"0" * 1000)
    pid = os.fork()
    if not pid:
        try:
            while True:
                for digit in b"123456789":
                    slate.write(bytes([digit]) * (digit * 5000))
        finally:
            os._exit(0)
    while slate.read()[:1] == b"0":
        pass
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    text = slate.read()
    assert text == text[:1] * (text[0] * 5000)
