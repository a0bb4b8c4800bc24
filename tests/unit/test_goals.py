from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlterm.core.goals import MAXIMIZED, MINIMIZED, family_of, goal_of, order_of
from mlterm.core.metrics.vocabulary import is_measured


@pytest.mark.parametrize(
    "name",
    ["loss", "train/loss", "val_loss", "valLoss", "Dice Loss", "top1_err", "error_rate",
     "perplexity", "test-RMSE", "mae", "wer", "nll", "negative_log_likelihood", "cross_entropy",
     "train_loss_epoch", "eval/loss1", "CER", "acc_error", "bpb"],
)  # fmt: skip
def test_least_is_wanted_of_losses_and_errors(name: str) -> None:
    assert goal_of(name, {}) == "min"


@pytest.mark.parametrize(
    "name",
    ["acc", "val/accuracy", "top5", "acc@1", "ROC_AUC", "f1", "F1Score", "precision", "recall",
     "BLEU", "rouge2", "rougeL", "ep_rew_mean", "mean reward", "mIoU", "mAP", "mAP50-95", "R2",
     "ndcg@10", "log_likelihood", "win_rate", "explained_variance"],
)  # fmt: skip
def test_most_is_wanted_of_accuracies_and_scores(name: str) -> None:
    assert goal_of(name, {}) == "max"


@pytest.mark.parametrize("name", ["lr", "grad_norm", "entropy", "epoch_time", "x", "", "/", "@"])
def test_of_others_nothing_is_known(name: str) -> None:
    assert goal_of(name, {}) is None


@pytest.mark.parametrize(
    ("goal", "summary", "wanted"),
    [("minimize", None, "min"), ("maximize", "last", "max"), ("maximize", "min", "max"),
     (None, "min", "min"), (None, "max", "max"), (None, "last", "max"), (0.9, None, "max"),
     (None, None, "max"), ([], {}, "max")],
)  # fmt: skip
def test_what_was_defined_counts_before_the_name(
    goal: object, summary: object, wanted: str
) -> None:
    assert goal_of("accuracy", {"accuracy": {"goal": goal, "summary": summary}}) == wanted


def test_no_word_says_both_and_all_are_of_things_measured() -> None:
    assert not MINIMIZED & MAXIMIZED
    assert {word for word in MINIMIZED | MAXIMIZED if not is_measured(word)} <= {
        "fpr",
        "fnr",
        "tpr",
        "top",
    }


def test_losses_come_first_then_validation_accuracies_the_rest_and_the_learning_rate() -> None:
    wanted = [
        "loss", "train/loss", "val/loss", "aux_loss", "train/loss_ce", "val_accuracy", "accuracy",
        "train/acc_top5", "grad_norm", "layer2/norm", "layer10/norm", "lr", "lr/group1",
        "learning_rate",
    ]  # fmt: skip
    backwards = wanted[::-1]
    got = sorted(backwards, key=order_of)
    assert got[:11] == wanted[:11]
    assert set(got[11:]) == set(wanted[11:])


@pytest.mark.parametrize("names", list(permutations(["w1", "w2", "w10", "w10b", "W3"])))
def test_numbers_in_names_are_sorted_as_numbers(names: tuple[str, ...]) -> None:
    assert sorted(names, key=order_of) == ["w1", "w2", "W3", "w10", "w10b"]


@pytest.mark.parametrize(
    ("names", "family"),
    [(["train/loss", "val/loss", "loss", "test_loss", "train_loss_epoch", "valLoss", "loss/eval",
       "dev loss", "training_loss_step", "Validation-Loss"], "loss"),
     (["train/acc@1", "valid_acc@1"], "acc@1"),
     (["encoder/train_loss", "val/encoder/loss"], "encoder/loss"),
     (["val"], "val"), (["test/eval"], "test/eval"), ([""], ""), (["//"], "//"),
     (["epoch"], "epoch")],
)  # fmt: skip
def test_a_family_is_what_is_measured(names: list[str], family: str) -> None:
    assert {family_of(name) for name in names} == {family}


@given(st.lists(st.text(max_size=12), max_size=6))
def test_any_names_can_be_sorted_and_have_a_family(names: list[str]) -> None:
    order = [order_of(name) for name in sorted(names, key=order_of)]
    assert all(one <= other for one, other in pairwise(order))
    assert all(family_of(name) or not name for name in names)
