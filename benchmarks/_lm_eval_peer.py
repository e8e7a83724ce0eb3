"""lm-evaluation-harness in an environment of its own: it makes its requests of items, and scores them when told to.

Reads lines of JSON from stdin and answers each with one; benchmarks/lm_eval_agreement.py talks to it. The first line
names the model (`folder`, `file`), `threads` and `tasks`: a name, a YAML file of lm-evaluation-harness, and a file of
items. The answer has each task's requests by item. Each further line names a `task`, a `batch_size` and a number of
items, `limit`; the answer has the log-likelihoods, what lm-evaluation-harness makes of each item, and the seconds,
by the clock and of the processor.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import lm_eval.tasks
import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks._yaml_loader import load_yaml


def main() -> None:
    """Answer until stdin ends."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever libraries print, it is no answer
    told = json.loads(sys.stdin.readline())
    torch.set_num_threads(told["threads"])
    lm = HFLM(
        pretrained=told["folder"], gguf_file=told["file"], device="cpu", dtype="float32", max_length=told["context"]
    )
    tasks = {name: task(name, yaml, items) for name, (yaml, items) in told["tasks"].items()}
    asked = {name: [[one.args for one in item] for item in by_item(of)] for name, of in tasks.items()}
    print(json.dumps(asked), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(score(lm, tasks, json.loads(line))), file=answers, flush=True)


def task(name: str, yaml: str, items: str) -> ConfigurableTask:
    """A task of lm-evaluation-harness on items of a local file."""
    config = load_yaml(Path(lm_eval.tasks.__file__).parent / yaml)
    config = {key: value for key, value in config.items() if key not in ("dataset_name", "tag")}
    split = config.get("test_split") or config.get("validation_split")
    found = ConfigurableTask(
        config=config
        | {"task": name, "dataset_path": "json", "dataset_kwargs": {"data_files": {split: items}}, "num_fewshot": 0}
    )
    found.build_all_requests(rank=0, world_size=1)
    return found


def by_item(of: ConfigurableTask) -> list[list[Any]]:
    """A task's requests, together by item."""
    found: dict[int, list[Any]] = {}
    for one in of.instances:
        found.setdefault(one.doc_id, []).append(one)
    return [sorted(found[number], key=lambda one: one.idx) for number in sorted(found)]


def score(lm: HFLM, tasks: dict[str, ConfigurableTask], told: dict[str, Any]) -> dict[str, Any]:
    """Run what is told."""
    of = tasks[told["task"]]
    items = by_item(of)[: told["limit"]]
    lm.batch_size_per_gpu = told["batch_size"]
    started, cpu = time.perf_counter(), time.process_time()
    flat = iter(lm.loglikelihood([one for item in items for one in item], disable_tqdm=True))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    results = [[next(flat) for _ in item] for item in items]
    told_of = [
        {key: float(v) for key, v in of.process_results(item[0].doc, of_item).items() if isinstance(v, (int, float))}
        for item, of_item in zip(items, results, strict=True)
    ]
    return {"values": results, "scores": told_of, "seconds": seconds, "cpu": cpu}


if __name__ == "__main__":
    main()
