"""Metrics in the shapes that tools and people write them, one a line -> the numbers that are read."""

# ruff: noqa: E501 - the content of a file, as it is

from __future__ import annotations

from pathlib import Path

import pytest

from cmlkit.gate.metrics_files import find

SHAPES: list[tuple[str, str | bytes, dict[str, float]]] = [
    (
        "kv1.txt",
        "Model: RandomForest\nAccuracy: 0.97\nTraining time: 12.3s\n",
        {"Accuracy": 0.97, "Training time": 12.3},
    ),
    ("kv2.txt", "Accuracy = 97.2%\nLoss = 0.083\n", {"Accuracy": 97.2, "Loss": 0.083}),
    ("kv3.txt", "accuracy\t0.95\nf1\t0.9\n", {"accuracy": 0.95, "f1": 0.9}),
    ("kv4.txt", "MAE: 1,234.56\nRMSE: 2,345,678.9\nn: 1,234\n", {"MAE": 1234.56, "RMSE": 2345678.9}),
    (
        "kv5.txt",
        "Test accuracy: 0.912 (± 0.013)\nTest loss: 0.31 +/- 0.02\n",
        {"Test accuracy": 0.912, "Test loss": 0.31},
    ),
    (
        "kv6.txt",
        "[INFO] 2026-01-02 10:00:00 - accuracy: 0.91\n[INFO] 2026-01-02 10:00:01 - loss: 0.21\n",
        {"accuracy": 0.91, "loss": 0.21},
    ),
    ("kv7.txt", "2026-01-02 10:00:00,123 INFO train: Validation accuracy: 0.91\n", {"Validation accuracy": 0.91}),
    (
        "kv8.txt",
        "Training variance explained: 46.2%\nTest variance explained: 43.1%\n",
        {"Training variance explained": 46.2, "Test variance explained": 43.1},
    ),
    ("kv9.txt", "MSE=0.2341, MAE=0.3312, R2=0.912\n", {"MSE": 0.2341, "MAE": 0.3312, "R2": 0.912}),
    ("kv10.txt", "- accuracy: 0.9\n- recall: 0.8\n* f1: 0.7\n", {"accuracy": 0.9, "recall": 0.8, "f1": 0.7}),
    ("kv11.txt", "Accuracy score is 0.93\nThe F1 score is: 0.9\n", {"Accuracy score": 0.93, "The F1 score is": 0.9}),
    ("kv12.txt", "accuracy -> 0.93\nf1 => 0.9\n", {"accuracy": 0.93, "f1": 0.9}),
    (
        "kv13.txt",
        "AUC : .93\nlogloss: 1e-05\nneg: -0.5\nplus: +0.5\n",
        {"AUC": 0.93, "logloss": 1e-05, "neg": -0.5, "plus": 0.5},
    ),
    ("kv14.txt", "accuracy: 0.97 (best)\nloss: 0.1 @ epoch 5\n", {"accuracy": 0.97}),
    ("kv15.txt", "accuracy: 0.97/1.0\nscore: 97/100\n", {}),
    ("kv16.txt", "accuracy: nan\nf1: inf\nrecall: None\nauc: 0.5\n", {"auc": 0.5}),
    (
        "kv17.txt",
        "accuracy: tensor(0.9700)\nloss: np.float64(0.12)\nx: array(0.5)\n",
        {"accuracy": 0.97, "loss": 0.12, "x": 0.5},
    ),
    ("kv18.txt", "accuracy: [0.9]\nf1: [0.1, 0.2]\nauc: 0.3\n", {"auc": 0.3}),
    (
        "keras.log",
        "Epoch 1/2\n100/100 - 1s - loss: 0.5 - accuracy: 0.8 - val_loss: 0.6 - val_accuracy: 0.75\nEpoch 2/2\n100/100 - 1s - loss: 0.3 - accuracy: 0.9 - val_loss: 0.4 - val_accuracy: 0.85\n",
        {"loss": 0.3, "accuracy": 0.9, "val_loss": 0.4, "val_accuracy": 0.85},
    ),
    (
        "keras2.log",
        "Epoch 2/2\n1875/1875 ━━━━━━━━━━━━━━━━━━━━ 3s 2ms/step - accuracy: 0.9 - loss: 0.3 - val_accuracy: 0.85\n",
        {"accuracy": 0.9, "loss": 0.3, "val_accuracy": 0.85},
    ),
    (
        "xgb.log",
        "[0]\tvalidation_0-logloss:0.6\tvalidation_1-logloss:0.62\n[1]\tvalidation_0-logloss:0.5\tvalidation_1-logloss:0.55\n",
        {"validation_0-logloss": 0.5, "validation_1-logloss": 0.55},
    ),
    (
        "lgb.log",
        "[LightGBM] [Info] Total Bins 255\n[10]\ttraining's auc: 0.99\tvalid_1's auc: 0.95\n[20]\ttraining's auc: 0.995\tvalid_1's auc: 0.955\n",
        {"Total Bins": 255.0, "training's auc": 0.995, "valid_1's auc": 0.955},
    ),
    (
        "cat.log",
        "0:\tlearn: 0.65\ttest: 0.66\tbest: 0.66 (0)\ttotal: 1ms\tremaining: 9ms\n9:\tlearn: 0.35\ttest: 0.4\tbest: 0.4 (9)\ttotal: 10ms\tremaining: 0us\n",
        {"learn": 0.35, "test": 0.4, "best": 0.4, "total": 10.0, "remaining": 0.0},
    ),
    (
        "hf.json",
        '{"epoch": 3.0, "eval_accuracy": 0.9, "eval_loss": 0.3, "eval_runtime": 1.2, "eval_samples": 100}',
        {"epoch": 3.0, "eval_accuracy": 0.9, "eval_loss": 0.3, "eval_runtime": 1.2, "eval_samples": 100.0},
    ),
    (
        "trainer_state.json",
        '{"best_metric": 0.9, "best_model_checkpoint": "out/1", "epoch": 3.0, "global_step": 30, "is_hyper_param_search": false, "log_history": [{"epoch": 1.0, "loss": 0.5, "step": 10}, {"epoch": 3.0, "eval_loss": 0.3, "step": 30}], "max_steps": 30}',
        {
            "best_metric": 0.9,
            "epoch": 3.0,
            "global_step": 30.0,
            "log_history.epoch": 3.0,
            "log_history.loss": 0.5,
            "log_history.step": 30.0,
            "log_history.eval_loss": 0.3,
            "max_steps": 30.0,
        },
    ),
    (
        "dvclive.json",
        '{"train": {"loss": 0.1}, "step": 4, "val": {"acc": 0.9}}',
        {"train.loss": 0.1, "step": 4.0, "val.acc": 0.9},
    ),
    (
        "report.json",
        '{"0": {"precision": 0.9, "recall": 0.8, "f1-score": 0.85, "support": 10}, "accuracy": 0.9, "macro avg": {"precision": 0.9, "recall": 0.8, "f1-score": 0.85, "support": 10}}',
        {
            "0.precision": 0.9,
            "0.recall": 0.8,
            "0.f1-score": 0.85,
            "0.support": 10.0,
            "accuracy": 0.9,
            "macro avg.precision": 0.9,
            "macro avg.recall": 0.8,
            "macro avg.f1-score": 0.85,
            "macro avg.support": 10.0,
        },
    ),
    (
        "cv.json",
        '{"fit_time": [0.1, 0.2], "score_time": [0.01, 0.02], "test_score": [0.9, 0.92]}',
        {"fit_time": 0.2, "score_time": 0.02, "test_score": 0.92},
    ),
    (
        "mixed.json",
        '{"accuracy": 0.9, "fold_scores": [0.8, 0.9, 0.95], "params": {"depth": 5}, "classes": ["a", "b"]}',
        {"accuracy": 0.9, "params.depth": 5.0},
    ),
    (
        "evals.json",
        '{"validation_0": {"rmse": [1, 0.9, 0.8]}, "validation_1": {"rmse": [1, 0.95, 0.85]}}',
        {"validation_0.rmse": 0.8, "validation_1.rmse": 0.85},
    ),
    ("hist.json", '{"loss": {"0": 0.5, "1": 0.3}, "accuracy": {"0": 0.8, "1": 0.9}}', {"loss": 0.3, "accuracy": 0.9}),
    (
        "lm.json",
        '{"results": {"hellaswag": {"alias": "hellaswag", "acc,none": 0.5, "acc_stderr,none": 0.01}}, "versions": {"hellaswag": 1}, "config": {"model": "gpt2", "limit": null}}',
        {"results.hellaswag.acc,none": 0.5, "results.hellaswag.acc_stderr,none": 0.01, "versions.hellaswag": 1.0},
    ),
    (
        "sacre.json",
        '{"name": "BLEU", "score": 25.3, "signature": "nrefs:1", "verbose_score": "58/30", "nrefs": "1"}',
        {"score": 25.3, "nrefs": 1.0},
    ),
    ("strings.json", '{"accuracy": "0.97", "f1": "95%", "loss": "n/a"}', {"accuracy": 0.97, "f1": 95.0}),
    (
        "list.json",
        '[{"metric": "accuracy", "value": 0.9}, {"metric": "f1", "value": 0.8}]',
        {"accuracy": 0.9, "f1": 0.8},
    ),
    ("list2.json", '[{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.3}]', {"epoch": 2.0, "loss": 0.3}),
    ("num.json", "0.97", {}),
    (
        "pandas.csv",
        ",precision,recall\nsetosa,0.9,0.8\nvirginica,0.7,0.6\n",
        {"setosa.precision": 0.9, "setosa.recall": 0.8, "virginica.precision": 0.7, "virginica.recall": 0.6},
    ),
    ("log.csv", "epoch,loss,val_loss\n0,0.5,0.6\n1,0.3,0.4\n", {"epoch": 1.0, "loss": 0.3, "val_loss": 0.4}),
    (
        "light.csv",
        "epoch,step,train_loss,val_loss\n0,10,0.5,\n0,20,,0.6\n1,30,0.4,\n1,40,,0.5\n",
        {"epoch": 1.0, "step": 40.0, "train_loss": 0.4, "val_loss": 0.5},
    ),
    (
        "yolo.csv",
        "                  epoch,         train/box_loss,   metrics/mAP50(B)\n                      1,                 1.2,               0.5\n                      2,                 1.1,               0.6\n",
        {"epoch": 2.0, "train/box_loss": 1.1, "metrics/mAP50(B)": 0.6},
    ),
    ("pair.csv", "metric,value\naccuracy,0.9\nf1,0.8\n", {"accuracy": 0.9, "f1": 0.8}),
    ("pair2.csv", "Metric;Wert\nGenauigkeit;0,97\nF1;0,95\n", {"Genauigkeit": 0.97, "F1": 0.95}),
    ("model.csv", "model,accuracy,notes\nrf,0.9,ok\nsvm,0.8,slow\n", {"rf.accuracy": 0.9, "svm.accuracy": 0.8}),
    ("date.csv", "date,accuracy,loss\n2026-01-01,0.9,0.1\n2026-01-02,0.92,0.09\n", {"accuracy": 0.92, "loss": 0.09}),
    (
        "split.csv",
        "split,accuracy,loss\ntrain,0.99,0.01\ntest,0.9,0.2\n",
        {"train.accuracy": 0.99, "train.loss": 0.01, "test.accuracy": 0.9, "test.loss": 0.2},
    ),
    ("fold.csv", "fold,auc\n0,0.9\n1,0.91\n2,0.92\n", {"0.auc": 0.9, "1.auc": 0.91, "2.auc": 0.92}),
    ("describe.csv", ",a\ncount,3\nmean,0.5\nstd,0.1\n", {"count.a": 3.0, "mean.a": 0.5, "std.a": 0.1}),
    ("pct.csv", "metric,value\naccuracy,97%\n", {"accuracy": 97.0}),
    (
        "m.yaml",
        "accuracy: 0.9\nnotes: hello\nnested:\n  f1: 0.8\nlist: [1,2]\ndate: 2026-01-01\nflag: true\n",
        {"accuracy": 0.9, "nested.f1": 0.8},
    ),
    (
        "np.yaml",
        "accuracy: !!python/object/apply:numpy.core.multiarray.scalar\n- !!python/object/apply:numpy.dtype\n  args: [f8, false, true]\n- !!binary |\n  7FG4HoXr7T8=\nf1: 0.8\n",
        {"f1": 0.8},
    ),
    ("sci.yaml", "lr: 1e-4\nloss: 1.0e-3\n", {"lr": 0.0001, "loss": 0.001}),
    ("t.toml", "accuracy = 0.9\n[val]\nloss = 0.1\n", {"accuracy": 0.9, "val.loss": 0.1}),
    (
        "md.md",
        "# Results\n\n| Metric | Value |\n|---|---|\n| Accuracy | 0.9 |\n| F1 | **0.8** |\n",
        {"Accuracy": 0.9, "F1": 0.8},
    ),
    (
        "md2.md",
        "## Model\n\n| model | acc | f1 |\n|:--|--:|--:|\n| rf | 0.9 | 0.8 |\n| svm | 0.7 | 0.6 |\n",
        {"rf.acc": 0.9, "rf.f1": 0.8, "svm.acc": 0.7, "svm.f1": 0.6},
    ),
    (
        "rich.txt",
        "┏━━━━━━━━━━┳━━━━━━━┓\n┃ Metric   ┃ Value ┃\n┡━━━━━━━━━━╇━━━━━━━┩\n│ accuracy │ 0.97  │\n│ f1       │ 0.95  │\n└──────────┴───────┘\n",
        {"accuracy": 0.97, "f1": 0.95},
    ),
    (
        "tab.txt",
        "+----------+-------+\n| Metric   | Value |\n+==========+=======+\n| accuracy | 0.97  |\n+----------+-------+\n| f1       | 0.95  |\n+----------+-------+\n",
        {"accuracy": 0.97, "f1": 0.95},
    ),
    (
        "tabs.txt",
        "metric      value\n--------  -------\naccuracy     0.97\nf1           0.95\n",
        {"accuracy": 0.97, "f1": 0.95},
    ),
    (
        "lightning.txt",
        "────────────────────────────\n       Test metric             DataLoader 0\n────────────────────────────\n        test_acc            0.9721\n        test_loss           0.0831\n────────────────────────────\n",
        {"test_acc": 0.9721, "test_loss": 0.0831},
    ),
    (
        "df.txt",
        "     precision  recall\nrf        0.90    0.80\nsvm       0.70    0.60\n",
        {"rf.precision": 0.9, "rf.recall": 0.8, "svm.precision": 0.7, "svm.recall": 0.6},
    ),
    ("series.txt", "accuracy    0.97\nf1          0.95\ndtype: float64\n", {"accuracy": 0.97, "f1": 0.95}),
    (
        "dict.txt",
        "{'accuracy': 0.97, 'f1': 0.95, 'cm': array([[5, 0],\n       [1, 4]])}\n",
        {"accuracy": 0.97, "f1": 0.95},
    ),
    ("dict2.txt", "{'accuracy': np.float64(0.97), 'loss': 0.1}\n", {"accuracy": 0.97, "loss": 0.1}),
    ("cm.txt", "Confusion matrix:\n[[50  2]\n [ 1 47]]\nAccuracy: 0.97\n", {"Accuracy": 0.97}),
    (
        "sm.txt",
        "                            OLS Regression Results                            \n==============================================================================\nDep. Variable:                      y   R-squared:                       0.912\nModel:                            OLS   Adj. R-squared:                  0.910\nNo. Observations:                 100   AIC:                             123.4\n",
        {"R-squared": 0.912, "Adj. R-squared": 0.91, "No. Observations": 100.0, "AIC": 123.4},
    ),
    (
        "weka.txt",
        "Correctly Classified Instances         144               96      %\nIncorrectly Classified Instances         6                4      %\nKappa statistic                          0.94  \nMean absolute error                      0.0365\n",
        {"Kappa statistic": 0.94, "Mean absolute error": 0.0365},
    ),
    ("caret.txt", "  Accuracy   Kappa\n  0.97       0.95\n", {"Accuracy": 0.97, "Kappa": 0.95}),
    ("colab.txt", "Accuracy on test set: 97.5 %\nTook 12 seconds\n", {"Accuracy on test set": 97.5}),
    ("mlflow", "1700000000000 0.5 0\n1700000001000 0.6 1\n", {"mlflow": 0.6}),
    ("fr.txt", "Précision : 0,97\nRappel : 0,95\n", {"Précision": 0.97, "Rappel": 0.95}),
    ("cn.txt", "准确率：0.97\n", {"准确率": 0.97}),
    ("latin1.txt", b"Pr\xe9cision: 0.97\n", {"Précision": 0.97}),
    ("bom.csv", b"\xef\xbb\xbfaccuracy,f1\n0.9,0.8\n", {"accuracy": 0.9, "f1": 0.8}),
    ("crlf.txt", "accuracy: 0.9\r\nf1: 0.8\r\n", {"accuracy": 0.9, "f1": 0.8}),
    ("json5.json", '{"accuracy": NaN, "f1": 0.8, "x": Infinity}', {"f1": 0.8}),
    ("trail.json", '{"accuracy": 0.9,}', {"accuracy": 0.9}),
    (
        "ultra.json",
        '{"metrics/precision(B)": 0.9, "fitness": 0.8, "speed": {"inference": 3.1}}',
        {"metrics/precision(B)": 0.9, "fitness": 0.8, "speed.inference": 3.1},
    ),
    ("null.json", '{"accuracy": null, "f1": 0.8, "ok": true}', {"f1": 0.8}),
    ("params.txt", "n_estimators: 100\nmax_depth: None\naccuracy: 0.9\n", {"n_estimators": 100.0, "accuracy": 0.9}),
    (
        "url.txt",
        "Run: https://wandb.ai/x/y:8080\naccuracy: 0.9\nversion: 1.2.3\ndate: 2026-11-29\ntime: 10:00:01\n",
        {"accuracy": 0.9},
    ),
    ("dup.txt", "accuracy: 0.8\naccuracy: 0.9\n", {"accuracy": 0.9}),
    (
        "paren.txt",
        "Accuracy (test): 0.9\nF1 [macro]: 0.8\nAUC {cv}: 0.7\n",
        {"Accuracy (test)": 0.9, "F1 [macro]": 0.8, "AUC {cv}": 0.7},
    ),
    ("multi.txt", "train loss 0.5, val loss 0.6\n", {"train loss": 0.5, "val loss": 0.6}),
    (
        "pipe.txt",
        "epoch 3 | loss 0.5 | acc 0.9\nepoch 4 | loss 0.4 | acc 0.92\n",
        {"epoch": 4.0, "loss": 0.4, "acc": 0.92},
    ),
    (
        "fastai.txt",
        "epoch     train_loss  valid_loss  accuracy  time    \n0         0.5         0.4         0.9       00:01     \n1         0.4         0.35        0.92      00:01     \n",
        {"epoch": 1.0, "train_loss": 0.4, "valid_loss": 0.35, "accuracy": 0.92},
    ),
    (
        "confmat.csv",
        ",pred_a,pred_b\na,5,1\nb,0,4\n",
        {"a.pred_a": 5.0, "a.pred_b": 1.0, "b.pred_a": 0.0, "b.pred_b": 4.0},
    ),
    ("jl.jsonl", '{"step":1,"loss":0.5}\n{"step":2,"acc":0.9}\n', {"step": 2.0, "loss": 0.5, "acc": 0.9}),
    (
        "ms.txt",
        "latency_p99: 12.5ms\nthroughput: 1200 req/s\nsize: 4.2 MB\nmemory: 512MiB\n",
        {"latency_p99": 12.5, "throughput": 1200.0, "size": 4.2, "memory": 512.0},
    ),
    ("cost.txt", "cost: $12.50\nprofit: €1.5\n", {"cost": 12.5, "profit": 1.5}),
    ("diverged.txt", "loss=nan acc=0.9 f1=-inf\n", {"acc": 0.9}),
    ("diverged-next.txt", "epoch 3, loss: nan, accuracy 0.9\n", {"epoch": 3.0, "accuracy": 0.9}),
    ("hex.txt", "hash: 0x1f\ncommit: 1e5\nacc: 0.9\nid: 00012\n", {"commit": 100000.0, "acc": 0.9, "id": 12.0}),
]


@pytest.mark.parametrize(("name", "content", "values"), SHAPES, ids=[shape[0] for shape in SHAPES])
def test_a_shape_is_read(tmp_path: Path, name: str, content: str | bytes, values: dict[str, float]) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    assert find([name], tmp_path).values == values
