"""What is wanted of a metric, and where it stands among the others, by its name."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

from mlterm.core.metrics.vocabulary import EPOCH, PHASES, parts, words_of
from mlterm.core.natural import NaturalKey, natural_key

Goal = Literal["min", "max"]

MINIMIZED = words_of("""
    loss losses dloss gloss logloss mlogloss err error errors mse rmse mae mape smape msle rmsle
    medae rmsd nll perplexity ppl ppx wer cer ter eer mindcf bce ce xent cent crossentropy kld
    kldiv kldivergence wasserstein fid kid lpips bpc bpb bpd cost regret deviance hinge huber
    brier ece mce calibration inertia davies aic bic residual gap latency fpr fnr recon
    reconstruction
""")
MAXIMIZED = words_of("""
    acc accuracy accuracies top precision recall f1 f2 fbeta fscore f1score auc auroc auprc aucpr
    prauc rocauc roc map miou iou dice jaccard psnr ssim bleu rouge rougel meteor r2 elbo
    likelihood loglikelihood logprob ll llh reward rewards rew return returns ret score scores
    success winrate fitness explained corr correlation pearson pearsonr spearman spearmanr
    kendall kappa mcc matthews ndcg mrr hit hits stoi pesq sdr sisdr snr lddt gdt specificity
    sensitivity tpr silhouette ari nmi purity calinski balanced throughput wps tps sps ips fps
    ups qps mfu hfu
""")
_RATES = words_of("lr learningrate")
_GOALS: dict[str, Goal] = {"minimize": "min", "maximize": "max"}
_SUMMARIES: dict[str, Goal] = {"min": "min", "max": "max"}
_PHASES = ("train", "val", "eval", "dev", "holdout", "test", "oob")
_SPANS = EPOCH | words_of("step")
"""What a name may end in that says over what was averaged: ``train_loss_epoch``."""

OrderKey = tuple[int, int, NaturalKey, int, NaturalKey]


def goal_of(name: str, defined: Mapping[str, Mapping[str, Any]]) -> Goal | None:
    """Which extreme of a metric is wanted: as its ``define`` record says, else as its words
    do; None where neither tells."""
    record = defined.get(name, {})
    for key, goals in (("goal", _GOALS), ("summary", _SUMMARIES)):
        told = record.get(key)
        if isinstance(told, str) and told in goals:
            return goals[told]
    return _goal_by_name(name)


@lru_cache(maxsize=4096)
def _goal_by_name(name: str) -> Goal | None:
    words = set(_readings(name))
    if words & MINIMIZED:  # first: a dice loss, an error of the top 5
        return "min"
    if words & MAXIMIZED:
        return "min" if "negative" in words else "max"
    return None


def order_of(name: str) -> OrderKey:
    """Sorts metrics as they are looked at: losses, validation, accuracies, the rest, learning
    rates; training before validation, layer2 before layer10."""
    phase = phase_of(name)
    goal = _goal_by_name(name)
    family = family_of(name)
    if _RATES.intersection(_readings(name)):
        group = 4
    elif goal == "min":
        group = 0
    elif goal == "max":
        group = 1 if phase > 1 else 2
    else:
        group = 3
    length = len(parts(family)) if goal else 0  # the loss before the losses it is made of
    return group, length, natural_key(family), phase, natural_key(name)


@lru_cache(maxsize=4096)
def family_of(name: str) -> str:
    """What is measured, whatever it is measured on: ``train/loss``, ``val_loss`` and ``loss``
    are one family, ``loss``."""
    words = [list(parts(part)) for part in name.split("/")]
    if words[-1] and words[-1][-1] in _SPANS:
        words[-1].pop()
    kept = ["_".join(word for word in part if word not in PHASES) for part in words]
    return "/".join(filter(None, kept)) or name


def phase_of(name: str) -> int:
    """0 where a name tells none, then training, then what it is judged by."""
    told = [_PHASES.index(PHASES[word]) for word in parts(name) if word in PHASES]
    return 1 + told[0] if told else 0


def _readings(name: str) -> Iterator[str]:
    """Its words and, as some write them apart, pairs of them: without numbers behind, too."""
    words = parts(name)
    for written in (*words, *(one + other for one, other in pairwise(words))):
        word = written.partition("@")[0]
        yield word
        yield word.rstrip("0123456789")
