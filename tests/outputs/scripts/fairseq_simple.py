"""As fairseq prints with --log-format simple and json."""

import json
import math

from tiny import Regression, mean
from truth import expect

HEAD = "2026-11-20 10:31:0{} | INFO | {} | "
model = Regression()
updates = 0
for epoch in range(1, 3):
    losses = []
    for batch in model.epoch(epoch):
        losses.append(batch.loss)
        updates += 1
        ppl = 2**batch.loss
        if batch.step % 4 == 3:
            print(
                HEAD.format(epoch, "train_inner") + f"epoch {epoch:03d}: {batch.step + 1:6d} / "
                f"{model.steps} loss={batch.loss:.3f}, ppl={ppl:.2f}, wps={batch.speed:.1f}, ups={1 / batch.seconds:.2f}, wpb=512,"
                f" bsz=32, num_updates={updates}, lr={batch.lr:g}, gnorm={batch.norm:.3f}, "
                "train_wall=3, gb_free=12.3, wall=14"
            )
            expect(
                {"loss": batch.loss, "ppl": ppl, "wps": batch.speed, "ups": 1 / batch.seconds, "lr": batch.lr,
                 "gnorm": batch.norm}, epoch=epoch, step=updates,
            )  # fmt: skip
    loss, _ = model.evaluate()
    print(
        HEAD.format(epoch, "valid") + f"epoch {epoch:03d} | valid on 'valid' subset | "
        f"loss {loss:.3f} | ppl {2**loss:.2f} | wps {batch.speed:.1f} | wpb 512 | bsz 32 | num_updates {updates}"
    )
    expect(
        {"val/loss": loss, "val/ppl": 2**loss, "val/wps": batch.speed}, epoch=epoch, step=updates
    )
    told = {
        "epoch": epoch, "train_loss": f"{mean(losses):.3f}", "train_ppl": f"{2 ** mean(losses):.2f}",
        "train_num_updates": str(updates), "train_lr": f"{batch.lr:g}", "train_wall": "12",
    }  # fmt: skip
    print(HEAD.format(epoch, "train") + json.dumps(told))
    expect(
        {"train_loss": mean(losses), "train_ppl": 2 ** mean(losses), "train_lr": batch.lr},
        epoch=epoch, step=updates,
    )  # fmt: skip
    assert math.isfinite(loss)
