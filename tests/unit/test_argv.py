import math
import re
import shlex
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.argv import (
    allowed_environment,
    hyperparameters,
    looks_secret,
    masked,
)
from mlterm.core.command import interpreter, script_name


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--lr 0.1", {"lr": 0.1}),
        ("--lr=0.1", {"lr": 0.1}),
        ("-lr 0.1", {"lr": 0.1}),
        ("-b 32", {"b": 32}),
        ("--use-amp --no-dropout", {"use_amp": True, "no_dropout": True}),
        ("--bias -0.5 --scale -.5e-3", {"bias": -0.5, "scale": -0.0005}),
        ("--eps 1e-3 --n +7", {"eps": 1e-3, "n": 7}),
        ("--a inf --b -inf", {"a": math.inf, "b": -math.inf}),
        ("--a true --b False", {"a": True, "b": False}),
        ("--a null --b None --c none", {"a": None, "b": None, "c": "none"}),
        ("--layers 64 128 --x", {"layers": [64, 128], "x": True}),
        ("--range -1 1", {"range": [-1, 1]}),
        ("--names a b", {"names": ["a", "b"]}),
        ("--layers=64 128", {"layers": 64}),
        ("--lr 1 --lr 2", {"lr": [1, 2]}),
        ("-v -v", {"v": [True, True]}),
        ("--out= --in -", {"out": "", "in": "-"}),
        ("--prompt '-dash and space'", {"prompt": "-dash and space"}),
        ("--model.depth 3", {"model.depth": 3}),
        # Positional words
        ("config.yaml data --lr 0.1", {"lr": 0.1}),
        ("--lr 0.1 config.yaml", {"lr": 0.1}),
        ("--lr 1 -- --x 2 data", {"lr": 1}),
        # Lists and dicts
        ("--s '[1, 2]' --d '{\"a\": [true, null]}'", {"s": [1, 2], "d": {"a": [True, None]}}),
        ("--s [adam,sgd]", {"s": ["adam", "sgd"]}),
        ("--d '{lr: 0.1, b: x y, 1: {}}'", {"d": {"lr": 0.1, "b": "x y", "1": {}}}),
        ("""--s "['1', 'a, b', c ]" """, {"s": ["1", "a, b", "c"]}),
        ("--d {u:http://h/x}", {"d": {"u": "http://h/x"}}),
        ("--s [1,2 --d {a}", {"s": "[1,2", "d": "{a}"}),
        # Hydra
        ("a.b=1 +c=x ++d@e/f=null g=[1,2]", {"a.b": 1, "c": "x", "d@e/f": None, "g": [1, 2]}),
        ("~a.b ~c=1 lr=0.1", {"lr": 0.1}),
        ("--multirun lr=1,2", {"multirun": True, "lr": "1,2"}),
        ("--lr 1 -- a=3", {"lr": 1, "a": 3}),
        ("--hash abc==", {"hash": "abc=="}),
        ("1a=2 http://x?a=b", {}),
    ],
)  # fmt: skip
def test_flags_are_hyperparameters(words: str, expected: dict[str, object]) -> None:
    assert hyperparameters(["python", "train.py", *shlex.split(words)]) == expected


def test_nan_is_a_float() -> None:
    value = hyperparameters(["train.py", "--a", "nan"])["a"]
    assert isinstance(value, float)
    assert math.isnan(value)


def test_they_keep_their_order() -> None:
    assert list(hyperparameters(shlex.split("t.py --b 1 --a 2 c=3"))) == ["b", "a", "c"]


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 101 + "]" * 101, "[" * 100_000, "[1,", "{1}"])
def test_what_cannot_be_read_is_a_string(value: str) -> None:
    assert hyperparameters(["t.py", "--x", value]) == {"x": value}


COMMANDS = [
    # command, the name, the interpreter; each is given the flags --lr 1
    ("python src/train.py", "train", "python"),
    ("venv/bin/python3.11 -u -X dev -Wignore train.v2.py", "train.v2", "venv/bin/python3.11"),
    ("pypy3 train", "train", "pypy3"),
    ("python3.13t train.py", "train", "python3.13t"),
    ("python -m pkg.train", "train", "python"),
    ("python -um pkg.train", "train", "python"),
    ("python -mpkg.train.__main__", "train", "python"),
    ("python pkg/__main__.py", "pkg", "python"),
    ("python pkg/", "pkg", "python"),
    ("python -", "python", "python"),
    ("python .", "python", "python"),
    ("python -c 'import os; x=1'", "python", "python"),
    ("python -Bc 'import os; x=1'", "python", "python"),
    ("python -m cProfile -o out.prof train.py", "train", "python"),
    ("python -m torch.distributed.run --nproc-per-node 2 -m pkg.train", "train", "python"),
    ("torchrun --nproc_per_node=2 train.py", "train", None),
    ("torchrun --standalone -m pkg.train", "train", None),
    ("accelerate launch --mixed_precision fp16 train.py", "train", None),
    ("env A=b python train.py", "train", "python"),
    ("env -u X -- A=b TOKEN=c python train.py", "train", "python"),
    ("uv run python train.py", "train", "python"),
    ("uv --quiet run --with numpy train.py", "train", None),
    ("uv run -m pkg.train", "train", None),
    ("uv run train", "train", None),
    ("conda run -n env --no-capture-output python train.py", "train", "python"),
    ("nice -n 10 python train.py", "train", "python"),
    ("nice -10 nohup time -p ./train", "train", None),
    ("timeout -k 5 1h taskset -c 0-3 python train.py", "train", "python"),
    ("stdbuf -oL -e 0 python train.py", "train", "python"),
    ("mpirun -np 4 -x A=b python -u train.py", "train", "python"),
    ("./launch.sh python -u train.py", "train", "python"),
    ("./train.py", "train", None),
    ("./train", "train", None),
    ("./bin/train.sh", "train", None),
    ("./train-1.5", "train-1.5", None),
    ("bash run.sh", "run", None),
    ("bash -euxo pipefail run.sh", "run", None),
    ("sh -c 'train --epochs 3 x=1'", "sh", None),
    ("bash -lc 'train --epochs 3'", "bash", None),
    ("sh -ce 'x=1'", "sh", None),
    ("uv sync", "uv", None),
    ("torchrun", "torchrun", None),
]  # fmt: skip


@pytest.mark.parametrize(("command", "name", "python"), COMMANDS)
def test_what_starts_the_script_is_no_hyperparameter(
    command: str, name: str, python: str | None
) -> None:
    argv = [*shlex.split(command), "--lr", "1"]
    assert hyperparameters(argv) == {"lr": 1}
    assert hyperparameters(tuple(argv)) == {"lr": 1}
    assert script_name(argv) == name
    assert interpreter(argv) == python


def test_of_any_other_command_all_flags_count() -> None:
    assert hyperparameters(shlex.split("./train --config cfg.py --lr 1")) == {
        "config": "cfg.py",
        "lr": 1,
    }


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("", ""), ("python", "python"), ("python -m", "python"), ("python -c", "python"),
        ("env", "env"), ("env A=b", "env"), ("nice -n", "nice"), ("uv run", "uv"),
        ("bash", "bash"),
    ],
)  # fmt: skip
def test_a_command_without_a_script(command: str, name: str) -> None:
    argv = shlex.split(command)
    assert script_name(argv) == name
    assert hyperparameters(argv) == {}
    assert masked(argv) == argv


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api-key", "x"), ("hf_token", "x"), ("wandbKey", "x"), ("HF_TOKEN", ""), ("key", "5"),
        ("AWS_SECRET_ACCESS_KEY", "x"), ("db.password", "x"), ("userPasswd", "x"), ("APIKey", "x"),
        ("passphrase", "x"), ("credentials", "x"), ("hftoken", "5"), ("apikeyfile", "x"),
        ("tokens", "a"), ("api_keys", "b"), ("max-tokens", ""), ("token_file", "a"),
        ("api_key2", "a"), ("SLURM_JWT", "x"),
    ],
)  # fmt: skip
def test_secrets(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tokenizer", "bert"), ("max-tokens", "512"), ("num_keys", "4"), ("keyDim", "64"),
        ("pad_token_id", "-1"), ("maxTokens", "1e6"), ("keyboard", "x"), ("lr", "x"), ("", "x"),
        ("--", "x"),
    ],
)  # fmt: skip
def test_no_secrets(name: str, value: str) -> None:
    assert not looks_secret(name, value)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("t.py --token X --lr 1", "t.py --token *** --lr 1"),
        ("t.py --token=X -token X", "t.py --token=*** -token ***"),
        ("t.py --token -5 -x", "t.py --token *** -x"),
        ("t.py --token abc= --api-keys a b= 3 --x", "t.py --token *** --api-keys *** *** 3 --x"),
        ("TOKEN=X env HF_TOKEN=Y= python t.py", "TOKEN=*** env HF_TOKEN=*** python t.py"),
        ("t.py db.password=X +x.token=Y ++z.key=Z", "t.py db.password=* +x.token=* ++z.key=*"),
        ("t.py ~db.password=X -- --token X", "t.py ~db.password=*** -- --token ***"),
        ("t.py --use-token --lr 1", "t.py --use-token --lr 1"),
        ("t.py --token -- x", "t.py --token -- x"),
        ("t.py --max-tokens 512 --tokenizer bert", "t.py --max-tokens 512 --tokenizer bert"),
        ("t.py --db postgres://u:p@ss@h:5/d", "t.py --db postgres://u:***@h:5/d"),
        ("t.py redis://:p@h,redis://:q@h", "t.py redis://:***@h,redis://:***@h"),
        ("t.py http://h:80/a@b ssh://git@h", "t.py http://h:80/a@b ssh://git@h"),
        ("t.py --db {user:a,password:b} x=[{token:c}]", "t.py --db *** x=***"),
        ('t.py --db \'{"token": "a", broken\' x={max_tokens:5}', "t.py --db * x={max_tokens:5}"),
        ("docker run --env=HF_TOKEN=X -e HF_TOKEN=X", "docker run --env=*** -e HF_TOKEN=***"),
        (
            "python -c 'key=1; \"http://u:p@h\"' --key x",
            "python -c 'key=1; \"http://u:*@h\"' --key *",
        ),
        ("sh -c TOKEN=1", "sh -c TOKEN=1"),
    ],
)
def test_secrets_are_masked(command: str, shown: str) -> None:
    assert masked(shlex.split(command)) == [
        re.sub(r"\*+", "***", word) for word in shlex.split(shown)
    ]


@pytest.mark.parametrize(
    "words",
    [
        "--token X",
        "--token=X",
        "--use-token",
        "--password abc= --api-keys a= b=",
        "db.password=X",
        "--env=HF_TOKEN=x",
        "--db {password:x}",
        "--s [{token:x}]",
        "--token abc --token 5",
        "-- --token abc=",
    ],
)
def test_secrets_are_no_hyperparameters(words: str) -> None:
    assert hyperparameters(["t.py", "--lr", "1", *words.split()]) == {"lr": 1}


def test_passwords_in_urls_are_masked_in_hyperparameters() -> None:
    argv = ["t.py", "--db", "postgres://u:secret@h/d", "--l=[ftp://u:secret@h]"]
    assert hyperparameters(argv) == {"db": "postgres://u:***@h/d", "l": "[ftp://u:***@h]"}


def test_the_environment_is_an_allow_list() -> None:
    environ = {
        "SLURM_JOB_ID": "1",
        "CUDA_VISIBLE_DEVICES": "0,1",
        "NCCL_DEBUG": "INFO",
        "OMP_NUM_THREADS": "4",
        "PYTHONPATH": "src",
        "HF_HOME": "hf",
        "HF_ENDPOINT": "https://u:p@hub",
        "HF_TOKEN": "x",
        "TORCH_HOME": "t",
        "RANK": "0",
        "RANKING": "x",
        "CONDA_DEFAULT_ENV": "base",
        "SLURM_JWT": "x",
        "HOME": "h",
        "AWS_SECRET_ACCESS_KEY": "x",
        "cuda_x": "x",
    }
    allowed = allowed_environment(environ)
    assert list(allowed) == [
        "CONDA_DEFAULT_ENV",
        "CUDA_VISIBLE_DEVICES",
        "HF_ENDPOINT",
        "HF_HOME",
        "NCCL_DEBUG",
        "OMP_NUM_THREADS",
        "PYTHONPATH",
        "RANK",
        "SLURM_JOB_ID",
        "TORCH_HOME",
    ]
    assert allowed["HF_ENDPOINT"] == "https://u:***@hub"


tricky = st.sampled_from(
    [
        "python", "env", "uv", "run", "nice", "bash", "torchrun", "-m", "-c", "-n", "--", "-", "",
        "=", "--token", "--lr", "-5", "a=b", "A=", "~a=1", "t.py", "[", "{a:", "http://u:p@h",
        "--k=", "1",
    ]
)  # fmt: skip


@given(st.lists(tricky | st.text(st.characters(exclude_categories=()), max_size=12)))
def test_any_words_can_be_read(argv: list[str]) -> None:
    script_name(argv)
    assert all(isinstance(value, object) for value in hyperparameters(argv).values())
    assert interpreter(argv) in (None, *argv)
    assert len(masked(argv)) == len(argv)
    assert masked(masked(argv)) == masked(argv)


@given(st.lists(tricky), st.sampled_from(["--api-key", "--hf_token", "-password", "--db.secret"]))
def test_a_secret_is_shown_nowhere(before: list[str], flag: str) -> None:
    secrets = [flag, "hunter2=", "--x", "1", f"{flag}=hunter2", "a.token=hunter2"]
    argv = ["train.py", *before, *secrets]
    assert "hunter2" not in str(masked(argv))
    assert "hunter2" not in str(hyperparameters(argv))


@pytest.mark.parametrize(
    "unit",
    ["a", "-a", "aA", "://", "://a:", "[", "{a:", '["\\', "[' ", "[a ", "9", "a=", " ", "a,"],
)
def test_time_is_linear_in_a_words_length(unit: str) -> None:
    word = unit * (100_000 // len(unit))
    start = time.perf_counter()
    for argv in (["t.py", word], ["t.py", "--x", word], [f"{word}!"], [f"--{word}"], [f"[{word}"]):
        hyperparameters(argv)
        masked(argv)
        script_name(argv)
    assert time.perf_counter() - start < 10  # well below a second, were the machine idle
