"""Configurations that programs print line by line, and what only looks like one."""

import textwrap

import pytest

from mlterm.core.metrics.reader import OutputReader

HYDRA = """
model:
  _target_: src.models.Net
  optimizer:
    _partial_: true
    lr: 0.001
    betas:
    - 0.9
    - 0.999
  sizes: [64, 128]
trainer:
  max_epochs: 10
  precision: 32
  total_steps: 1000
loss:
  name: cross entropy
  weight: 0.5
callbacks:
- name: early
  patience: 3
- name: ckpt
  monitor: val_loss
seed: null
"""
RIGHT_ALIGNED = """
----------------- Options ---------------
               batch_size: 1                             \t[default: 8]
           continue_train: False
                   suffix:
                       lr: 0.0002                        \t[default: None]
                  verbose: False
----------------- End -------------------
"""
DOTTED = """
  adam_beta1 ...................................... 0.9
  lr .............................................. 0.0003
  seed ............................................ 1234
"""
OPTIMIZER = """
SGD (
Parameter Group 0
    dampening: 0
    lr: 0.1
    momentum: 0.9
    nesterov: False
)
"""
CONFIGURATIONS = {
    "nested by one": ("optim:\n  lr: 0.4", [{"optim/lr": 0.4}]),
    "omegaconf's": (HYDRA, [{
        "model/_target_": "src.models.Net", "model/optimizer/_partial_": True,
        "model/optimizer/lr": 0.001, "model/optimizer/betas": [0.9, 0.999],
        "model/sizes": [64, 128], "trainer/max_epochs": 10, "trainer/precision": 32,
        "trainer/total_steps": 1000, "loss/name": "cross entropy", "loss/weight": 0.5,
        "callbacks": [{"name": "early", "patience": 3}, {"name": "ckpt", "monitor": "val_loss"}],
        "seed": None,
    }]),
    "aligned to the right": (RIGHT_ALIGNED, [
        {"batch_size": 1, "continue_train": False, "lr": 0.0002, "verbose": False}
    ]),
    "dotted": (DOTTED, [{"adam_beta1": 0.9, "lr": 0.0003, "seed": 1234}]),
    "an optimizer's": (OPTIMIZER, [
        {"dampening": 0, "lr": 0.1, "momentum": 0.9, "nesterov": False}
    ]),
    "titled": ("Training arguments:\n  lr: 0.1\n  folds: 5", [{"lr": 0.1, "folds": 5}]),
    "of two titles": (
        "Model config:\n  hidden: 3\nData config:\n  name: b",
        [{"Model_config/hidden": 3, "Data_config/name": "b"}],
    ),
    "under a ruled title": ("Config:\n-------\nlr: 0.1\nseed: 3", [{"lr": 0.1, "seed": 3}]),
    "parted by a rule": (
        "lr: 0.1\nseed: 3\n-----\nmodel: vit\nepochs: 4",
        [{"lr": 0.1, "seed": 3}, {"model": "vit", "epochs": 4}],
    ),
    "bulleted": (
        "- learning rate: 0.1\n- optimizer: {name: sgd, nesterov: true}",
        [{"learning_rate": 0.1, "optimizer/name": "sgd", "optimizer/nesterov": True}],
    ),
    "with YAML's tags": (
        "betas: !!python/tuple\n- 0.9\n- 0.999\nbatch_size: 3\nname: 'six words in quotes are one'",
        [{"betas": [0.9, 0.999], "batch_size": 3, "name": "six words in quotes are one"}],
    ),
    "in flow style": (
        "optim:\n  betas: [0.9, 0.99]\n  at:\n  - {warm: 5}\nloss: {type: ce, at: 1}\n'on': true",
        [{"optim/betas": [0.9, 0.99], "optim/at/warm": 5, "loss/type": "ce",
          "loss/at": 1, "on": True}],
    ),
    "with long texts": (
        "model:\n  a: what was thought of it when all of it was over\n    written down\n  depth: 3",
        [{"model/a": "what was thought of it when all of it was over written down",
          "model/depth": 3}],
    ),
    "glued": (
        "lr=0.1\nbetas=(0.9, 0.999)\nbatch_size=32",
        [{"lr": 0.1, "betas": (0.9, 0.999), "batch_size": 32}],
    ),
}  # fmt: skip
LOGGED = {
    "at its head": (
        "[2026-11-25 21:03:40,174][__main__][INFO] - model:\n  name: vit\noptim:\n  lr: 0.4",
        [{"model/name": "vit", "optim/lr": 0.4}],
    ),
    "at each line": (
        "2026-11-25 21:03:40,174 - INFO - lr: 0.1\n2026-11-25 21:03:40,175 - INFO - seed: 3",
        [{"lr": 0.1, "seed": 3}],
    ),
    "at each indent": (
        "[INFO] Config:\n[INFO]   lr: 0.1\n[INFO]   model:\n[INFO]     name: vit",
        [{"lr": 0.1, "model/name": "vit"}],
    ),
    "of the root": ("INFO:root:lr: 0.1\nINFO:root:seed: 3", [{"lr": 0.1, "seed": 3}]),
    "of loguru": (
        "21:03:40.175 | INFO | __main__:<module>:7 - lr: 0.1\n21:03:40 | INFO | t:fit:1 - seed: 3",
        [{"lr": 0.1, "seed": 3}],
    ),
    "there is none": (
        "lr: 0.1\ndebug: false\nroot: /data\nmodel.name: vit\nseed: 3",
        [{"lr": 0.1, "debug": False, "root": "/data", "model.name": "vit", "seed": 3}],
    ),
}
SET = "lr: 0.1\nseed: 3\n"
FIGURES = {
    "under a phase": ("Training:\n  lr: 0.1\n  loss: 0.5", [], {"loss"}),
    "with a step": ("Training:\n  step: 10\n  lr: 0.1\n  loss: 0.5", [], {"loss"}),
    "at an epoch": ("device: cuda\nepoch: 1\nlr: 0.1\nloss: 0.5", [], {"lr", "loss"}),
    "of results": ("Results:\n- accuracy: 0.9\n- loss: 0.5", [], {"accuracy", "loss"}),
    "counts": ("Dataset:\n  train: 50000\n  val: 10000", [], set()),
    "behind settings": (f"{SET}Validation:\n  loss: 0.5", [{"lr": 0.1, "seed": 3}], {"loss"}),
    "losses by phase": (
        f"{SET}Losses:\n  train: 0.3\n  val: 0.4", [{"lr": 0.1, "seed": 3}], set(),
    ),
    "a dict of losses": (
        f"{SET}loss: {{'train': 0.3, 'val': 0.4}}", [{"lr": 0.1, "seed": 3}], set(),
    ),
    "a dict behind settings": (
        f"{SET}val: {{'loss': 0.3, 'acc': 0.5}}",
        [{"lr": 0.1, "seed": 3}], {"val/loss", "val/acc"},
    ),
}  # fmt: skip


def read(text: str) -> tuple[list[dict[str, object]], set[str]]:
    """Hyperparameters, and the names of metrics."""
    reader = OutputReader()
    found = [*reader.feed(text.strip("\n").encode() + b"\n"), *reader.finish()]
    settings = [each.hyperparameters for each in found if each.hyperparameters is not None]
    return settings, {name for each in found for name in each.metrics}


@pytest.mark.parametrize(("text", "wanted"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_configuration_keeps_its_nesting(text: str, wanted: list[dict[str, object]]) -> None:
    assert read(text) == (wanted, set())
    assert read(textwrap.indent(text, "  ")) == (wanted, set())


@pytest.mark.parametrize(("text", "wanted"), LOGGED.values(), ids=LOGGED)
def test_what_a_logger_puts_before_it_is_no_part_of_it(
    text: str, wanted: list[dict[str, object]]
) -> None:
    assert read(text) == (wanted, set())


@pytest.mark.parametrize(("text", "settings", "names"), FIGURES.values(), ids=FIGURES)
def test_figures_are_no_settings(
    text: str, settings: list[dict[str, object]], names: set[str]
) -> None:
    assert read(text) == (settings, names)


def test_once_training_is_under_way_nothing_is_set() -> None:
    assert read("epoch 1 loss 0.5\nmodel:\n  name: vit\noptim:\n  lr: 0.1\n")[0] == []
