"""As OpenNMT-py prints."""

from tiny import Regression
from truth import allow, expect

model = Regression()
step = 0
for epoch in range(2):
    for batch in model.epoch(epoch):
        step += 5
        print(
            f"[2026-11-20 10:31:{step % 60:02d},123 INFO] Step {step}/  100; acc: "
            f"{100 * batch.accuracy:2.1f}; ppl: {2.7183**batch.loss:5.1f}; xent: {batch.loss:2.1f}; "
            f"lr: {batch.lr:7.5f}; sents:     320; bsz:   40/  50/ 2; 1234/1500 tok/s;     12 sec;"
        )
        expect(
            {"acc": 100 * batch.accuracy, "ppl": 2.7183**batch.loss, "xent": batch.loss,
             "lr": batch.lr}, step=step,
        )  # fmt: skip
        allow({"tok/s": 1500}, step=step)
