"""Lines of several ranks, as torchrun, srun -l and accelerate mark them."""

from tiny import Regression
from truth import expect

model = Regression()
step = 0
for epoch in range(2):
    for batch in model.epoch(epoch):
        step += 1
        for prefix in ("[rank0]: ", "0: ", "[default0]:"):
            if step % 4 == 0:
                print(f"{prefix}step {step} loss {batch.loss:.4f} lr {batch.lr:.2e}")
                expect({"loss": batch.loss, "lr": batch.lr}, step=step)
