import pytest

from mlterm.core.roles import Part, Traits, part_of

TRAIN = ("python", "train.py", "--lr", "0.1")
MAIN = Traits(TRAIN, None)
SPAWNED = ("python", "-c", "from multiprocessing.spawn import spawn_main; spawn_main(3)")
TRACKER = ("python", "-c", "from multiprocessing.resource_tracker import main;main(5)")
FORKER = ("python", "-s", "-c", "from multiprocessing.forkserver import main; main(3)")


def part(
    words: tuple[str, ...],
    parent: Traits | None = MAIN,
    name: str = "python",
    is_command: bool = False,
    **environ: str,
) -> Part:
    return part_of(name, words, environ, parent, is_command=is_command)


def test_the_command_is_the_main_process() -> None:
    assert part(TRAIN, None, is_command=True) == Part("main")


@pytest.mark.parametrize(
    ("words", "role"),
    [
        (TRAIN, "worker"),
        (SPAWNED, "worker"),
        (TRACKER, "resource tracker"),
        (FORKER, "fork server"),
        (("sh", "-c", "nvidia-smi"), "sh"),
        (("/usr/bin/ffmpeg", "-i", "x"), "ffmpeg"),
        (("python", "eval.py"), "eval"),
        (("python", "-m", "tensorboard.main"), "main"),
        ((), "python"),
    ],
)
def test_a_role_is_told_by_the_words(words: tuple[str, ...], role: str) -> None:
    assert part(words) == Part(role)


def test_pytorch_names_its_loaders_workers() -> None:
    assert part(TRAIN, name="pt_data_worker") == Part("DataLoader worker")


def test_a_forked_shell_is_no_worker() -> None:
    words = ("bash", "train.sh")
    assert part(words, Traits(words, None), name="bash") == Part("train")


def test_a_rank_is_who_was_given_it_and_its_children_belong_to_it() -> None:
    assert part(TRAIN, RANK="3", LOCAL_RANK="1") == Part("rank 3", 3)
    rank = Traits(TRAIN, 3)
    assert part(TRAIN, rank, RANK="3") == Part("rank 3 worker", 3)
    loader = part(TRAIN, rank, name="pt_data_worker", RANK="3")
    assert loader == Part("rank 3 DataLoader worker", 3)
    assert part(("sh", "x.sh"), rank, RANK="3") == Part("rank 3 x", 3)
    assert part(TRAIN, rank, RANK="4") == Part("rank 4", 4)


def test_a_local_rank_counts_where_there_is_no_other() -> None:
    assert part(TRAIN, LOCAL_RANK="1") == Part("rank 1", 1)


@pytest.mark.parametrize("word", ["", "-1", "one", "1.5", "٣", "9" * 30])
def test_what_is_no_number_is_no_rank(word: str) -> None:
    assert part(TRAIN, RANK=word) == Part("worker")


def test_a_role_is_one_line_that_a_terminal_only_shows() -> None:
    role = part(("./a\x1b[2J\n" + "b" * 200,)).role
    assert role.startswith("a\\x1b[2J\\nbbb")
    assert len(role) == 64
