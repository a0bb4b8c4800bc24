"""As fairseq prints with --log-format simple and json."""

import json
import math
import time
from datetime import datetime

from tiny import BATCH, FEATURES, SAMPLES, Regression, mean
from truth import expect


def head(name: str) -> str:
    """As its logger begins a line."""
    return f"{datetime.now():%Y-%m-%d %H:%M:%S} | INFO | {name} | "


start = time.perf_counter()
model = Regression()
updates, trained = 0, 0.0
for epoch in range(1, 3):
    losses = []
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        updates += 1
        trained += batch.seconds
        wall = time.perf_counter() - start
        ppl, words = 2**batch.loss, FEATURES * batch.speed  # a feature is what is read one by one
        if batch.step % 4 == 3:
            print(
                head("train_inner") + f"epoch {epoch:03d}: {batch.step + 1:6d} / "
                f"{model.steps} loss={batch.loss:.3f}, ppl={ppl:.2f}, wps={words:.1f}, ups={1 / batch.seconds:.2f}, "
                f"wpb={BATCH * FEATURES}, bsz={BATCH}, num_updates={updates}, lr={batch.lr:g}, "
                f"gnorm={batch.norm:.3f}, train_wall={trained:.0f}, wall={wall:.0f}"
            )
            expect(
                {"loss": batch.loss, "ppl": ppl, "wps": words, "ups": 1 / batch.seconds, "lr": batch.lr,
                 "gnorm": batch.norm}, epoch=epoch, step=updates,
            )  # fmt: skip
    begin = time.perf_counter()
    loss, _ = model.evaluate()
    words = SAMPLES * FEATURES / (time.perf_counter() - begin)
    print(
        head("valid") + f"epoch {epoch:03d} | valid on 'valid' subset | "
        f"loss {loss:.3f} | ppl {2**loss:.2f} | wps {words:.1f} | "
        f"wpb {SAMPLES * FEATURES} | bsz {SAMPLES} | num_updates {updates}"
    )
    expect({"val/loss": loss, "val/ppl": 2**loss, "val/wps": words}, epoch=epoch, step=updates)
    told = {
        "epoch": epoch, "train_loss": f"{mean(losses):.3f}", "train_ppl": f"{2 ** mean(losses):.2f}",
        "train_num_updates": str(updates), "train_lr": f"{batch.lr:g}", "train_wall": f"{trained:.0f}",
    }  # fmt: skip
    print(head("train") + json.dumps(told))
    expect(
        {"train_loss": mean(losses), "train_ppl": 2 ** mean(losses), "train_lr": batch.lr},
        epoch=epoch, step=updates,
    )  # fmt: skip
    assert math.isfinite(loss)
