"""As the word language model of pytorch/examples prints."""

import math
import time

from tiny import Regression
from truth import expect

model = Regression()
for epoch in range(1, 4):
    begin = time.time()
    for batch in model.epoch(epoch):
        if batch.step % 2 == 1:
            print(
                f"| epoch {epoch:3d} | {batch.step:5d}/{model.steps:5d} batches | lr {batch.lr:02.2f}"
                f" | ms/batch {1000 * (time.time() - begin):5.2f} | loss {batch.loss:5.2f}"
                f" | ppl {math.exp(batch.loss):8.2f}"
            )
            expect(
                {"lr": batch.lr, "loss": batch.loss, "ppl": math.exp(batch.loss)},
                epoch=epoch, step=batch.step,
            )  # fmt: skip
    loss, _ = model.evaluate()
    print("-" * 89)
    print(
        f"| end of epoch {epoch:3d} | time: {time.time() - begin:5.2f}s | valid loss {loss:5.2f} | "
        f"valid ppl {math.exp(loss):8.2f}"
    )
    print("-" * 89)
    expect({"valid_loss": loss, "valid_ppl": math.exp(loss)}, epoch=epoch)
print("=" * 89)
print(f"| End of training | test loss {loss:5.2f} | test ppl {math.exp(loss):8.2f}")
print("=" * 89)
expect({"test_loss": loss, "test_ppl": math.exp(loss)})
