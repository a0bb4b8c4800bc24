"""The words by which names are told apart: what is measured, where a run is, what is neither.

Everything here is in lower case and singular where a word has both.
"""

import re
from functools import lru_cache


def words_of(text: str) -> frozenset[str]:
    """A set of words, parted by blanks."""
    return frozenset(text.split())


MEASURED = words_of("""
    loss losses acc accuracy acc1 acc5 top1 top5 precision recall f1 f2 fbeta fscore f1score auc
    auroc auprc aucpr prauc rocauc roc map map50 miou iou dice jaccard psnr ssim lpips fid kid
    bleu rouge rouge1 rouge2 rougel meteor wer cer ter ppl perplexity ppx mse rmse mae mape
    smape msle rmsle medae r2 nll elbo kl kld kldiv logloss mlogloss bce ce xent cent
    crossentropy entropy reward rew return ret rewards returns grad gradnorm gnorm lr mfu hfu
    likelihood loglikelihood logprob ll llh lower bpc bpb bpd corr correlation pearson pearsonr
    spearman spearmanr kendall kappa mcc matthews ndcg ndcg5 ndcg10 mrr hit hits eer mindcf stoi
    pesq sdr sisdr snr rmsd lddt gdt inertia perf score scores metric objective obj criterion
    fitness residual advantage explained winrate success latency throughput accuracies err
    errors error wps tps sps ips fps ups qps recon reconstruction kldivergence wasserstein dloss
    gloss regret balanced logits specificity sensitivity hinge huber l1 l2 rmsprop deviance gini
    ginis ks lift brier ece mce calibration silhouette ari nmi purity davies calinski aic bic
    variance confidence margin ndcg1 ndcg3 ndcg20 mean_reward ep_rew_mean ents cats gap duality
""")
"""A name with one of these is of something measured, wherever it stands."""

VAGUE = words_of("""
    err error errors cost value lower map return ret success perf variance confidence margin gap
    wps tps sps ips fps ups qps latency throughput lift ks ter l1 l2 calibration
""")
"""Of those the ones that other programs use too: they want a step beside them."""
MEASURED |= VAGUE

PHASES = {
    "train": "train", "training": "train", "trn": "train",
    "val": "val", "valid": "val", "validation": "val", "validate": "val", "validating": "val",
    "test": "test", "testing": "test", "tst": "test",
    "eval": "eval", "evaluation": "eval", "evaluate": "eval", "evaluating": "eval",
    "dev": "dev", "holdout": "holdout", "oob": "oob",
}  # fmt: skip
"""As printed: as it stands before a name."""

EPOCH = words_of("epoch epochs")
STEPS = {  # the better it tells where a run is, the lower
    "global_step": 0, "globalstep": 0, "total_timesteps": 0, "num_timesteps": 0,
    "num_updates": 0, "trainer_step": 0,
    "totalenvinteracts": 0, "total_steps": 0,
    "step": 1, "timestep": 1, "iteration": 2, "iter": 2, "itr": 2, "it": 2, "niter": 2, "nit": 2,
    "n_iter": 2, "update": 2, "trial": 2, "round": 2, "episode": 2, "ep": 2, "tick": 2, "#": 2,
    "generation": 2, "batch": 3, "minibatch": 3, "game": 3, "gen": 3, "n_updates": 3,
    "steps": 4, "timesteps": 4, "iterations": 4, "iters": 4, "updates": 4, "batches": 4,
    "episodes": 4, "num_episodes": 4, "rounds": 4, "trees": 4,
}  # fmt: skip
_STEP_QUALIFIERS = words_of("""
    global train training total current optimizer gradient env environment update at after the
    in of boosting mini outer inner val valid validation test eval evaluation starting finished
    begin beginning end running done completed this optimization
""")

TIMES = words_of("""
    timeout interval delay uptime time times eta elapsed duration dur remaining took wall
    walltime wall_time cputime seconds second sec secs minute minutes hour hours hrs ms
    data_time batch_time step_time iter_time fit_time score_time train_wall runtime run_time
    last_data last_time total_time train_time eval_time epoch_time time_elapsed step_avg dt tpot
    ttft date timestamp ts started lapse data fwd bwd forward backward allreduce walltime
    load_data optimizer_step ended uptime now clock microstep time_lapse fwd_microstep
    bwd_microstep bwd_inner bwd_allreduce step_microstep
""")
"""How long, and when."""

MEMORY = words_of("""
    mem memory vram ram gpu_mem max_mem maxmem cpumem gpumem rss vsz pss gpu cpu cuda disk swap
    cache cached buffer buffers gb_free mem_gb allocated reserved bytes size filesize storage
    swap_space peak_vram peak_mem
""")
COUNTS = words_of("""
    param params parameter parameters sample samples example examples count counts number total
    totals num instances instance images image tokens token words word sentences sents sent bsz
    batch_size batchsize batch_sz rows row columns column features classes class items files
    file lines line documents workers worker processes threads thread patience seed random_state
    rank rank_id local_rank world_size devices device node nodes pid tid uid gid jobid job_id
    job port version v_num id ids index idx code status exit exitcode errno signal attempt
    attempts retry retries priority page pages year month day layer layers head heads dim dims
    hidden hidden_size vocab vocab_size width height shape depth max_depth channels kernel
    stride padding num_workers max_epochs max_steps n_epochs num_epochs epochs total_epochs
    num_train_epochs steps_per_epoch warmup warmup_steps gradient_accumulation_steps
    accumulation momentum mom weight_decay wd dropout beta1 beta2 beta betas eps epsilon_init
    alpha_init nnzs support leaves best_epoch best_iteration best_iter trainable flops macs
    gflops madds gmacs total_flos train_samples eval_samples consumed skipped n_samples
    train_size test_size val_size env_steps frames frame tid pgid ppid rps_limit threshold
    tolerance tol budget max_iter maxiter opset checkpoint ckpt fold folds split splits label
    labels func_evals evaluations in_qsize out_qsize qsize nfev njev nhev nfe ngev nnz warning
    warnings notes failures failed passed tests test_count stage phase nproc uses ttl seq
    icmp_seq rank0 pos offset length len_max maxlen lineno queue usage use scaler power fan temp
    temperature util utilization gain speedup ratio_free gpus cpus nodes cores core mhz ghz hz
    dpi total_params num_params model_size block_size n_layer n_head n_embd max_iters
    train_batch_size eval_batch_size per_device_train_batch_size temperature_celsius
    consumed_samples scale loss_scale tied oom events event
""")
"""What is counted, numbered, sized or set: never what is measured."""

SETTINGS = words_of("""
    lr learning_rate batch_size batchsize bs epochs n_epochs num_epochs max_epochs max_steps
    seed dropout weight_decay wd momentum hidden hidden_size hidden_dim n_layers num_layers
    n_layer layers n_heads num_heads n_head optimizer optim scheduler model arch architecture
    dataset data data_dir output_dir num_workers workers device gamma beta betas beta1 beta2 eps
    alpha patience warmup warmup_steps max_length max_len seq_len block_size n_embd embed_dim
    embedding_dim vocab_size image_size img_size num_classes activation grad_clip clip clip_grad
    max_grad_norm fp16 bf16 amp resume pretrained name tags steps iters n_estimators max_depth
    num_leaves gradient_accumulation_steps decay chunksize num_topics label_smoothing
    temperature width depth dim lr_scheduler loss_fn criterion log_interval shuffle drop_last
    pin_memory nesterov accelerator train_batch_size eval_batch_size val_batch_size
    test_batch_size per_device_train_batch_size num_train_epochs min_epochs warmup_epochs
    warmup_ratio max_iter max_iters num_steps num_iters total_timesteps base_lr min_lr max_lr
    mixed_precision use_amp gradient_clip_val hidden_sizes hidden_dims embed_size random_state
    save_dir log_dir checkpoint_dir ckpt_path run_name dataset_name model_type
    lr_scheduler_type buffer_size clip_range gae_lambda ent_coef adam_beta1 adam_beta2
""")
"""What a configuration is made of."""

SECTIONS = words_of("""
    model network net encoder decoder optim optimizer scheduler lr_scheduler data dataset
    datamodule dataloader trainer experiment
""")
"""What the parts of a configuration are headed by; phases are not, as figures stand below them."""

SETTING_TITLES = words_of("""
    parameters params config configuration args arguments hparams hyperparameters hyperparams
    settings options kwargs cfg hyper-parameters best_params
""")
"""What stands before a structure of settings."""

LEVELS = words_of("""
    debug info warning warn error critical fatal trace success notice root d i w e c [i] inf
""")
ARTICLES = words_of("the a an our your my its this that and with is to for by")
PREPOSITIONS = words_of("""
    of on for in after over at from with during across using when while by to under between
    within until
""")
CHANGES = words_of("""
    improved decreased increased reduced dropped reducing reduce did not achieved expected
    needed improve improving don't doesn't
""")
"""Verbs that say what became of a figure that was told elsewhere."""
LINKS = words_of("is was of equals reached at")
"""Words that may stand between a name and its value."""
SPEEDS = words_of("""
    token tok sample img image word frame example sentence sequence seq wpb sps step_env step
    transition game item graph molecule row doc document request req env timestep
""")
"""What a named speed counts a second: `tokens/s`, `img/sec`."""

_INNER_CAPITAL = re.compile(r"[a-z][A-Z]")
_SPLIT = re.compile(r"[^A-Za-z0-9@]+|(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=4096)
def parts(name: str) -> tuple[str, ...]:
    """A name's words, in lower case: ``valLoss/top-1`` → val, loss, top, 1."""
    return tuple(word.lower() for word in _SPLIT.split(name) if word)


@lru_cache(maxsize=4096)
def is_measured(name: str) -> bool:
    """Whether a name is of something measured, by its words."""
    words = parts(name)
    if any(_is_in(word, MEASURED) for word in words):
        return True
    return "".join(words) in MEASURED or _names_speed(name)


@lru_cache(maxsize=4096)
def is_vague(name: str) -> bool:
    """Whether all that is measured by a name is what other programs measure too."""
    words = [word for word in parts(name) if _is_in(word, MEASURED)]
    if any(word in PHASES or word in _TELLING for word in parts(name)):
        return False
    return bool(words) and all(_is_in(word, VAGUE) for word in words)


@lru_cache(maxsize=4096)
def is_passed_over(name: str) -> bool:
    """Whether a name is of a time, of memory, a count or a setting."""
    words = parts(name)
    if len(words) > 2 and words[-2] == "per" and not _names_speed(name):
        words = words[:-2]  # throughput per GPU
    whole = "_".join(words)
    if not words or words in _EXEMPT or whole in _EXEMPT_WHOLE:
        return not words
    if whole in TIMES or whole in MEMORY or whole in COUNTS:
        return True
    last = words[-1]
    if any(word in TIMES for word in words) and not _names_speed(name):
        return last not in MEASURED
    if last in MEMORY or (words[0] in MEMORY and last not in MEASURED):
        return True
    if words[0] in ("num", "n", "number", "total", "count", "max", "min") and len(words) > 1:
        rest = words[1:]
        return not any(_is_in(word, MEASURED) for word in rest)
    return last in COUNTS and last not in MEASURED


_TELLING = words_of("function squared absolute mean average avg")
"""Beside these a vague word is none: mean squared error, function value."""
_EXEMPT = frozenset({("loss", "scale")})
_EXEMPT_WHOLE = frozenset({"loss_scale"})


def _names_speed(name: str) -> bool:
    """tokens/s, samples_per_second, SamplesPerSec."""
    spelt = "_".join(parts(name)).replace("_per_", "/")
    return any(
        f"{unit}s/s" in text or f"{unit}/s" in text
        for unit in SPEEDS
        for text in (name.lower(), spelt)
    )


def is_known_setting(name: str) -> bool:
    """Whether a whole name is one of those that configurations are made of."""
    return "_".join(parts(name)) in SETTINGS


def is_section(name: str) -> bool:
    """Whether a part of a configuration may be headed so."""
    return "_".join(parts(name)) in SECTIONS


def is_setting_title(name: str) -> bool:
    """Whether a name says that a configuration follows: ``Training arguments``."""
    words = parts(name)
    return name.lower() in SETTING_TITLES or (bool(words) and words[-1] in SETTING_TITLES)


def is_setting(name: str) -> bool:
    """Whether a name belongs to a configuration."""
    words = parts(name)
    return "_".join(words) in SETTINGS or (bool(words) and words[-1] in SETTINGS)


@lru_cache(maxsize=4096)
def step_rank(name: str) -> int | None:
    """How well a name tells a step (0 the best), or None where it does not."""
    words = parts(name.replace("#", " nr "))
    if name == "#":
        return STEPS["#"]
    for begin in range(len(words)):
        rank = STEPS.get("_".join(words[begin:]))
        if rank is not None:
            return rank
        if words[begin] not in _STEP_QUALIFIERS:
            return None
    return None


@lru_cache(maxsize=4096)
def is_epoch(name: str) -> bool:
    """Whether a name is of the epoch (``Train Epoch`` too, ``best epoch`` not)."""
    words = parts(name)
    return bool(words) and words[-1] in EPOCH and all(w in _STEP_QUALIFIERS for w in words[:-1])


def has_inner_capital(word: str) -> bool:
    """Whether capitals stand behind small letters: ``mAP50``."""
    return _INNER_CAPITAL.search(word) is not None


def phase_of(word: str) -> str | None:
    """train, val, test … where a word says so."""
    return PHASES.get(word.lower())


def _is_in(word: str, words: frozenset[str]) -> bool:
    if word in words:
        return True
    head = word.partition("@")[0]
    return (head != word and head in words) or (
        word.rstrip("0123456789") in words and len(word) > 3
    )
