"""structlog: logfmt, the console's colours, and JSON (structlog 26)."""

import structlog
from tiny import Regression
from truth import expect

RENDERERS = (
    structlog.processors.LogfmtRenderer(),
    structlog.dev.ConsoleRenderer(),
    structlog.processors.JSONRenderer(),
)
model = Regression()
for epoch, renderer in enumerate(RENDERERS, 1):
    structlog.configure(
        [structlog.processors.add_log_level, structlog.processors.TimeStamper("iso"), renderer]
    )
    log = structlog.get_logger()
    for batch in model.epoch(epoch):
        if batch.step % 3 == 0:
            log.info("train step", epoch=epoch, step=batch.step, loss=batch.loss, lr=batch.lr)
            expect({"loss": batch.loss, "lr": batch.lr}, epoch=epoch, step=batch.step)
