"""The Trainer's dicts and bar (transformers 5)."""

import logging
import os
import warnings

os.environ["TOKENIZERS_PARALLELISM"] = "false"
warnings.simplefilter("ignore")
import numpy as np
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from truth import expect

logging.disable(logging.WARNING)
SHOWN = ("runtime", "per_second", "flos", "epoch")


class Told(TrainerCallback):
    """What the log is given."""

    def on_log(self, args, state, control, logs=None, **_):
        told = {k: v for k, v in logs.items() if not any(word in k for word in SHOWN)}
        speeds = {k: v for k, v in logs.items() if "per_second" in k}
        expect(told | speeds, epoch=round(logs["epoch"], 4))


torch.manual_seed(0)
config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                    intermediate_size=16)  # fmt: skip
rows = [{"input_ids": torch.randint(0, 50, (8,)), "labels": torch.tensor(i % 2)} for i in range(48)]
arguments = TrainingArguments(
    output_dir="out", num_train_epochs=3, per_device_train_batch_size=8, logging_steps=2,
    eval_strategy="epoch", save_strategy="no", report_to=[], use_cpu=True, learning_rate=1e-3,
    dataloader_pin_memory=False,
)  # fmt: skip


def measure(predicted):
    """Accuracy."""
    return {"accuracy": float(np.mean(predicted.predictions.argmax(-1) == predicted.label_ids))}


Trainer(
    BertForSequenceClassification(config), arguments, train_dataset=rows, eval_dataset=rows[:16],
    compute_metrics=measure, callbacks=[Told()],
).train()  # fmt: skip
