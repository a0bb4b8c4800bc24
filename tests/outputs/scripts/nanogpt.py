"""As nanoGPT prints, and the lines of its fast descendants."""

import time

from tiny import Regression
from truth import expect

model = Regression()
step = 0
for epoch in range(3):
    loss, _ = model.evaluate()
    for batch in model.epoch(epoch):
        if step % 10 == 0:
            print(f"step {step}: train loss {batch.loss:.4f}, val loss {loss:.4f}")
            expect({"train_loss": batch.loss, "val_loss": loss}, step=step)
            print(f"saving checkpoint to out-{step}")
        begin = time.perf_counter()
        time.sleep(0.002)
        taken = time.perf_counter() - begin
        mfu = 0.01 / taken
        print(f"iter {step}: loss {batch.loss:.4f}, time {taken * 1000:.2f}ms, mfu {mfu:.2f}%")
        expect({"loss": batch.loss, "mfu": mfu}, step=step)
        step += 1
start, done = time.perf_counter(), 0
for step in range(0, 30, 10):
    loss, _ = model.evaluate()
    taken = 1000 * (time.perf_counter() - start)
    print(
        f"step:{step}/30 val_loss:{loss:.4f} train_time:{taken:.0f}ms "
        f"step_avg:{taken / max(done, 1):.2f}ms"
    )
    expect({"val_loss": loss}, step=step)
    for batch in model.epoch(step):
        time.sleep(0.002)
        done += 1
