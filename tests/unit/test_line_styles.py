"""One line each of styles that people print in, and what is read out of it."""

import pytest

from mlterm.core.metrics.reader import OutputReader
from mlterm.core.metrics.recording import record_of

METRICS = r"""
Epoch 5/100 - 12s - loss: 0.2345 - acc: 0.9123 - val_loss: 0.3456 - val_acc: 0.8912
  epoch=5 loss=0.2345 acc=0.9123 val_loss=0.3456 val_acc=0.8912
step 1000, training accuracy 0.93
  _step=1000 training_accuracy=0.93
Iteration 500: train loss = 2.345 | val loss = 2.456 | lr = 3.00e-04
  _step=500 train_loss=2.345 val_loss=2.456 lr=0.0003
{'eval_loss': 0.3456, 'eval_accuracy': 0.89, 'eval_runtime': 1.23, 'eval_samples_per_second': 812.3, 'epoch': 2.0}
  epoch=2 eval_loss=0.3456 eval_accuracy=0.89 eval_samples_per_second=812.3
[Epoch 3] Training loss: 0.4567, Validation loss: 0.5678, Time: 12.34s
  epoch=3 training_loss=0.4567 validation_loss=0.5678
Epoch: 3 | Train Loss: 0.456 | Train Acc: 85.43% | Val. Loss: 0.512 | Val. Acc: 83.21%
  epoch=3 train_loss=0.456 train_acc=85.43 val_loss=0.512 val_acc=83.21
	Train Loss: 0.456 | Train PPL:   1.578
  train_loss=0.456 train_ppl=1.578
Episode: 100, total reward: -21.0, average reward (last 100): -20.45, epsilon: 0.95
  _step=100 total_reward=-21.0 average_reward=-20.45 epsilon=0.95
Epoch  10, Loss 0.0123
  epoch=10 loss=0.0123
Epoch 2, global step 200: 'val_loss' reached 0.34567 (best 0.34567), saving model to '/x/y.ckpt' as top 1
  epoch=2 _step=200 val_loss=0.34567 best=0.34567
INFO:tensorflow:loss = 0.693147, step = 100 (1.234 sec)
  _step=100 loss=0.693147
INFO:tensorflow:global_step/sec: 123.456
  global_step/sec=123.456
INFO:tensorflow:Saving dict for global step 1000: accuracy = 0.95, average_loss = 0.12, global_step = 1000, loss = 1.5
  _step=1000 accuracy=0.95 average_loss=0.12 loss=1.5
I1120 10:31:05.123456 139872 learning.py:507] global step 100: loss = 1.2345 (0.123 sec/step)
  _step=100 loss=1.2345
2026-11-20 10:31:05 INFO Epoch[3] Batch [20-40] Speed: 1234.5 samples/sec accuracy=0.912345
  epoch=3 _step=20 speed=1234.5 accuracy=0.912345
2026-11-20 10:31:05,123 INFO - [Epoch 3] validation: acc-top1=0.912 acc-top5=0.991
  epoch=3 val/acc-top1=0.912 val/acc-top5=0.991
Epoch 1 | Batch 100/938 | Loss 0.2345 | Acc 93.4% (120/128)
  epoch=1 _step=100 loss=0.2345 acc=93.4
[train] epoch=3 step=120 loss=0.3456 acc=0.91
  epoch=3 _step=120 train/loss=0.3456 train/acc=0.91
[2026-11-20 10:31:05][Epoch 3/10][Step 20/100] loss=0.345, lr=1e-4
  epoch=3 _step=20 loss=0.345 lr=0.0001
>> Epoch 3 done. mean loss 0.345
  epoch=3 mean_loss=0.345
Step 200 loss: 0.345 (lr 1.0e-4, 12.3 it/s)
  _step=200 loss=0.345 lr=0.0001
Test Accuracy of the model on the 10000 test images: 97.53 %
  test_accuracy=97.53
Test accuracy: 0.9753
  test_accuracy=0.9753
Final test loss: 0.1234
  final_test_loss=0.1234
Accuracy: 97.53%
  accuracy=97.53
MSE: 0.1234, RMSE: 0.3513, MAE: 0.2811, R2: 0.89
  mse=0.1234 rmse=0.3513 mae=0.2811 r2=0.89
F1 Score: 0.8765
  f1_score=0.8765
Precision: 0.91 Recall: 0.88 F1: 0.895
  precision=0.91 recall=0.88 f1=0.895
AUC = 0.9321
  auc=0.9321
CV accuracy: 0.923 (+/- 0.012)
  cv_accuracy=0.923
Mean squared error: 3.45
  mean_squared_error=3.45
R^2 score: 0.876
  score=0.876
Best val acc: 0.9321 at epoch 12
  epoch=12 best_val_acc=0.9321
Fold 3 AUC: 0.876
  auc=0.876
BLEU = 27.31 58.9/33.1/20.9/13.7 (BP=1.000 ratio=1.012 hyp_len=65123 ref_len=64345)
  bleu=27.31
| Generate valid with beam=5: BLEU4 = 34.56
  bleu4=34.56
perplexity: 23.45
  perplexity=23.45
epoch:3,loss:0.345,acc:0.91
  epoch=3 loss=0.345 acc=0.91
epoch 3; iter: 120; batch classifier loss: 0.345; batch adversarial loss: 0.6
  epoch=3 _step=120 batch_classifier_loss=0.345 batch_adversarial_loss=0.6
(epoch: 3, iters: 400, time: 0.123, data: 0.001) G_GAN: 0.876 G_L1: 12.345 D_real: 0.543 D_fake: 0.432
  epoch=3 _step=400 g_gan=0.876 g_l1=12.345 d_real=0.543 d_fake=0.432
[3/25][100/782] Loss_D: 0.5432 Loss_G: 1.2345 D(x): 0.7654 D(G(z)): 0.2345 / 0.1234
  epoch=3 _step=100 loss_d=0.5432 loss_g=1.2345 d(x)=0.7654 d(g(z))=0.2345
Train Epoch: 3 [12800/60000 (21%)] Loss: 0.234500	Accuracy: 92.50%
  epoch=3 _step=12800 train/loss=0.2345 train/accuracy=92.5
====> Epoch: 3 Average loss: 123.4567
  epoch=3 average_loss=123.4567
====> Test set loss: 105.1234
  test_set_loss=105.1234
Epoch 3 [100/938] - Loss: 0.2345 [-0.001, 0.9]
  epoch=3 _step=100 loss=0.2345
Epoch=3 Batch=20 Cost=0.345
  epoch=3 _step=20 cost=0.345
Epoch:0003 cost=0.345678901
  epoch=3 cost=0.345678901
Epoch: 0003 loss_train: 0.3456 acc_train: 0.91 loss_val: 0.4567 acc_val: 0.88 time: 0.0123s
  epoch=3 loss_train=0.3456 acc_train=0.91 loss_val=0.4567 acc_val=0.88
Test set results: loss= 0.3456 accuracy= 0.91
  test/loss=0.3456 test/accuracy=0.91
Eval num_timesteps=10000, episode_reward=123.45 +/- 12.34
  _step=10000 eval/episode_reward=123.45
loss 0.3456
  loss=0.3456
step=100 | loss=0.345 | tok/s=12,345 | mfu=45.6%
  _step=100 loss=0.345 tok/s=12345 mfu=45.6
step   100 | loss: 2.345678 | lr 3.0000e-04 | norm: 0.8765 | dt: 123.45ms | tok/sec: 45678.90
  _step=100 loss=2.345678 lr=0.0003 norm=0.8765 tok/sec=45678.9
Step 100 | Loss: 2.345 | LR: 3e-4 | Tokens/sec: 12.3k
  _step=100 loss=2.345 lr=0.0003 tokens/sec=12.3
[10/100] D loss: 0.5432, G loss: 1.2345
  _step=10 d_loss=0.5432 g_loss=1.2345
Epoch 3 train loss 0.345 valid loss 0.456
  epoch=3 train_loss=0.345 valid_loss=0.456
Epoch [3/10], Loss: 0.3456, Val_loss: 0.4567
  epoch=3 loss=0.3456 val_loss=0.4567
epoch 3 train 0.345 val 0.456
  epoch=3 train=0.345 val=0.456
Round 3: server loss 0.345, accuracy 0.91
  _step=3 server_loss=0.345 accuracy=0.91
INFO flwr 2026-11-20 10:31:05,123 | server.py:125 | fit progress: (3, 0.345, {'accuracy': 0.91}, 12.3)
  accuracy=0.91
wandb:       train/loss 0.34567
  train/loss=0.34567
WER: 12.34%, CER: 5.67%
  wer=12.34 cer=5.67
# epoch 3 mean_reward 12.5 mean_length 200.0
  epoch=3 mean_reward=12.5
iteration: 100 	 loss: 0.345 	 best: 0.3
  _step=100 loss=0.345 best=0.3
100%|##########| 10/10 [00:12<00:00,  1.23s/it, loss=0.345, v_num=12]
  _step=10 loss=0.345
Loss at step 300: 0.345
  _step=300 loss=0.345
Gen 5: best fitness = 0.345, mean fitness = 0.2
  _step=5 best_fitness=0.345 mean_fitness=0.2
Norm: 41.99, NNZs: 3, Bias: 0.1, T: 100, Avg. loss: 0.5, Objective: 0.6
  avg_loss=0.5 objective=0.6
Loss: tensor(0.6931, grad_fn=<NllLossBackward0>)
  loss=0.6931
epoch 1: {'accuracy': 0.93, 'f1': 0.9}
  epoch=1 accuracy=0.93 f1=0.9
[CV 1/5] END .....C=1, kernel=rbf;, score=0.960 total time=   0.0s
  score=0.96
[rank3]:[2026-11-20 10:31:05,123] step 10 loss 0.5
  _step=10 loss=0.5
epoch 3 : loss = 0,532 ; acc = 93,5 %
  epoch=3 loss=0.532 acc=93.5
{"step": 3, "loss": "0.314", "n": 5, "lr": "1e-05"}
  _step=3 loss=0.314 lr=1e-05
step=20, skipped=0, lr=[0.4], mom=[0.0]
  _step=20 lr=0.4
step=20, skipped=0, lr=[0.4], mom=[[0.9, 0.999]]
  _step=20 lr=0.4
Average loss for epoch: 0.345
  average_loss=0.345
"""

SILENT = r"""
Restoring model weights from the end of the best epoch: 3.
Best val acc at epoch: 12
time (ms) | fwd: 10.21 | bwd: 20.32 | bwd_inner: 20.1 | bwd_allreduce: 0.1 | step: 3.21
Epoch 00012: val_loss did not improve from 0.31234
2026-11-20 10:31:05 | INFO | fairseq.trainer | begin training epoch 3
Coefficient of determination: 0.47
tensor(0.3456, device='cuda:0')
[I 2026-11-20 10:31:05,123] Trial 7 pruned.
Elapsed time: 12.3 s, remaining: 00:12:13
Number of parameters: 1234567, FLOPs: 1.2G
Loaded 1000 images in 3.2 s
Using learning rate 0.001 and weight decay 0.01
GPU 0: memory used 1234 MiB / 8192 MiB, util 45%
Downloading: 45% 12.3MB/27.1MB [00:03<00:04, 3.4MB/s]
WARNING: gradient overflow. Skipping step, loss scaler 0 reducing loss scale to 32768.0
server listening at 0.0.0.0:8000, workers: 4, timeout: 30.0
time=2026-11-20T10:31:05Z level=info msg="request served" status=200 duration=0.123 size=1234
Total time: 12.3, speedup: 3.4x
test_foo.py::test_bar PASSED [ 45%]
CPU: 12.3% MEM: 45.6% DISK: 78.9%
temperature: 64.5 C power: 123.4 W fan: 45%
x = 0.5 + 0.25 * y
v0.12.3 -> v0.13.0
threshold=0.5 min_delta=0.001 patience=3
alpha: 0.5, beta: 0.9
"""


def found_in(text: str) -> list[dict[str, object]]:
    reader = OutputReader()
    found = [*reader.feed(text.encode() + b"\n"), *reader.finish()]
    return [record_of(each) for each in found if each.metrics]


def pairs(text: str) -> list[tuple[str, str]]:
    lines = text.strip("\n").split("\n")
    return list(zip(lines[::2], lines[1::2], strict=True))


@pytest.mark.parametrize(("line", "wanted"), pairs(METRICS))
def test_a_line_tells_its_metrics(line: str, wanted: str) -> None:
    (record,) = found_in(line)
    told = {name: value for name, value in record.items() if name[0] != "_" and name != "type"}
    if "_step=" in wanted:
        told["_step"] = record["_step"]
    expected = dict(pair.split("=") for pair in wanted.split())
    assert {name: float(str(value)) for name, value in told.items()} == {
        name: float(value) for name, value in expected.items()
    }


@pytest.mark.parametrize("line", SILENT.strip("\n").split("\n"))
def test_a_line_tells_none(line: str) -> None:
    assert found_in(line) == []


@pytest.mark.parametrize("line", SILENT.strip("\n").split("\n"))
def test_nor_does_it_while_training_is_under_way(line: str) -> None:
    known = {"train/loss", "loss"}
    if line.startswith(("x =", "alpha", "threshold", "Coefficient")):
        pytest.skip("names of figures that could be anything")
    assert {n for r in found_in(f"epoch 1 loss 0.5\n{line}") for n in r} <= known | {
        "type", "epoch", "_source", "_offset", "_step", "_units",
    }  # fmt: skip
