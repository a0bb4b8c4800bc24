"""As the introduction of TorchMetrics prints, and collections as they are (torchmetrics 1.9 on
PyTorch 2.13)."""

import torch
import torchmetrics as tm
from truth import expect

torch.manual_seed(0)
x = torch.randn(240, 8)
y = (x[:, :3] + 0.5 * torch.randn(240, 3)).argmax(dim=1)
net = torch.nn.Linear(8, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
metric = tm.Accuracy(task="multiclass", num_classes=3)
every = tm.MetricCollection(
    {
        "acc": tm.Accuracy(task="multiclass", num_classes=3),
        "f1": tm.F1Score(task="multiclass", num_classes=3, average="macro"),
        "auroc": tm.AUROC(task="multiclass", num_classes=3),
    },
    prefix="val_",
)
for epoch in range(1, 4):
    print(f"Epoch {epoch}/3")
    for i in range(6):
        rows = slice(30 * i, 30 * i + 30)
        scores = net(x[rows])
        torch.nn.functional.cross_entropy(scores, y[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
        acc = metric(scores.softmax(dim=-1), y[rows])
        print(f"Accuracy on batch {i}: {acc}")
        expect({"accuracy": acc}, epoch=epoch, step=i)
    acc = metric.compute()
    print(f"Accuracy on all data: {acc}")
    expect({"accuracy": acc}, epoch=epoch)
    metric.reset()
    with torch.no_grad():
        every.update(net(x[180:]).softmax(dim=-1), y[180:])
    values = every.compute()
    print(values)
    expect(values, epoch=epoch)
    every.reset()
