"""`python -m tests.outputs.make_negatives [NAME…]`: output in which no metric is.

Real programs, run in an empty folder, on a terminal of 100x30; what cannot run on any machine
(no GPU, no cluster, no registry) is written after the documented format and stands in
negatives_by_hand/. What tells of the machine is replaced.
"""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tests.outputs.make import into_pipe, on_terminal

HERE = Path(__file__).parent
REPLACED = (
    (rb"/(?:root|tmp|home|work)/[\w./+-]*?/(?=[\w.+-]+)", b"/home/user/"),
    (rb"/tmp/[\w.-]+", b"/home/user/job"),
    (rb"https?://(?!localhost|127\.|example|docs|www\.)[\w.-]+", b"http://example.org"),
    (rb"(?<![\d.])(?:10|172|192)\.\d+\.\d+\.\d+", b"192.0.2.7"),
)
PYTHON = "exec python3 "
COMMANDS = {
    "pip_list": "pip --disable-pip-version-check list",
    "pip_show": "pip --disable-pip-version-check show pip setuptools",
    "pip_download": "pip download --no-deps --no-cache-dir -d . numpy",
    "apt_show": "apt-cache policy bash coreutils; dpkg -l | head -40",
    "apt_install": "apt-get install -s make gcc tmux; apt-get check",
    "git_clone": (
        "git init -q a && cd a && git config user.email a@example.org && git config user.name A && "
        "for i in 1 2 3 4 5 6; do seq $i 40 > f$i; git add .; git commit -qm \"Change $i\"; done; "
        "git log --stat; git diff HEAD~3 --stat; cd .. && git clone --progress file://$PWD/a b; "
        "cd b; git gc; git count-objects -v; git show HEAD~2; git shortlog -sn HEAD"
    ),
    "pytest_run": (
        "printf 'import pytest\\n@pytest.mark.parametrize(\"n\", range(9))\\ndef test_ratio(n):\\n"
        "    loss = 0.125 * n\\n    assert loss < 0.5, f\"loss {loss}\"\\n' > test_a.py; "
        f"{sys.executable} -m pytest --durations=3 -p no:cacheprovider; "
        f"{sys.executable} -m pytest -v -p no:cacheprovider"
    ),
    "unittest_run": (
        "printf 'import unittest\\nclass T(unittest.TestCase):\\n  def test_a(self):\\n"
        "    self.assertEqual(0.5, 0.25)\\n  def test_b(self): pass\\n' > test_b.py; "
        "python3 -m unittest -v test_b"
    ),
    "gcc_errors": (
        "printf 'int main(void) {\\n  float loss = 0.5\\n  int x = \"a\";\\n  return y;\\n}\\n' > a.c; "
        "gcc -Wall a.c; gcc -v --version; printf 'all:\\n\\tgcc -c a.c\\n' > Makefile; make"
    ),
    "traceback": (
        "printf 'def step(n):\\n    loss = 0.5 / n  # loss: 0.25\\n    return loss\\n\\n"
        "def train(epoch=3, lr=0.01):\\n    try:\\n        return step(0)\\n"
        "    except ZeroDivisionError as e:\\n        raise ValueError(\"epoch 3 loss: 0.5 is wrong\")"
        " from e\\n\\ntrain()\\n' > t.py; python3 t.py; python3 -c 'assert 0.5 == 0.25, (1, 0.5)'"
    ),
    "warnings": (
        "printf 'import warnings\\ndef fit(lr=0.1):\\n"
        "    warnings.warn(\"lr=0.1 is large; loss 0.5 may diverge at epoch 3\", stacklevel=2)\\n"
        "fit(lr=0.25)\\nwarnings.warn(\"score 0.5 is deprecated\", DeprecationWarning)\\n' > w.py; "
        "python3 -W always w.py"
    ),
    "http_log": (
        "python3 -u -m http.server 8765 --bind 127.0.0.1 & sleep 1; for i in 1 2 3 4; do "
        "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8765/\").read()'; "
        "done; python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8765/x\")'; "
        "kill %1"
    ),
    "copying": "dd if=/dev/zero of=z bs=1M count=300 status=progress; ls -l; tar cvf a.tar z; gzip -v z",
    "resources": "free -m; df -h; uptime; ps aux | head -15; lscpu; ls -la /etc; vmstat 1 2",
    "top": "top -b -n 2 -d 0.5 | head -60",
    "time": "bash -c 'time sleep 0.1'; python3 -m timeit -n 10 '1+1'; strace -c true 2>&1 || true",
    "cargo": "cargo new --quiet a && cd a && cargo build && cargo test",
    "npm": "npm init -y; npm ls; npm help | head -20",
    "node_test": (
        "printf 'const t=require(\"node:test\");t(\"a\",()=>{});t(\"b\",()=>{throw Error(\"x 0.5\")})'"
        " > a.test.js; node --test"
    ),
    "versions": "python3 -VV; git --version; gcc --version; node -v; cmake --version; uname -sr; ldd --version",
    "arrays": PYTHON + "-c \"import random as r; print([[round(r.random(),2) for _ in range(4)] for _ in range(4)]); print(0.5); print('x', 1, 2, 3)\"",
    "hexdump": "head -c 400 /dev/urandom | od -A x -t x1z; seq 30 | sha256sum; ip addr 2>/dev/null | head -8",
    "prose": "cat /usr/share/common-licenses/GPL-3 /usr/share/doc/bash/README* | head -250",
    "words_only": "sed 's/[0-9]//g' /etc/services | head -200",
    "seq": "seq 300; seq -s, 40; seq 0 0.1 3",
    "counting": (
        PYTHON + "-c \"\nimport logging,time\n"
        "logging.basicConfig(level=20, format='%(asctime)s %(process)d %(levelname)s %(message)s')\n"
        "for i in range(30):\n"
        "  logging.info('heartbeat %d: worker %d of %d alive, queue size: %d', i, i % 4, 4, i * 7)\n"
        "  logging.info('Saved checkpoint to ckpt_%d.pt (%.1f MB) in %.2fs', i, i * 1.7, i / 9)\n\""
    ),
}  # fmt: skip


def main() -> int:
    """Make what is named, or all."""
    for name in sys.argv[1:] or COMMANDS:
        environ = dict(os.environ) | {
            "TERM": "xterm-256color",
            "HOME": "/tmp",
            "PAGER": "cat",
            "GIT_PAGER": "cat",
        }
        folder = tempfile.mkdtemp()
        run = into_pipe if name.endswith("_pipe") else on_terminal
        output, code = run(["timeout", "60", "bash", "-c", COMMANDS[name]], folder, environ)
        shutil.rmtree(folder)
        for pattern, text in REPLACED:
            output = re.sub(pattern, text, output)
        (HERE / "negatives" / f"{name}.log").write_bytes(output[: 40 * 1024])
        print(f"{name}: exit {code}, {len(output)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
