"""Holds both variants to a recorded run, on the CPU: python3 check.py GOLDEN.json. Ends with 1 where they differ."""

import json
import sys

import torch

from naive import NaiveStep
from ring_model import Config, load_recorded, report
from tuned import TunedStep


def main(path):
    with open(path) as file:
        golden = json.load(file)
    recorded = golden["config"]
    if not recorded["sensory_ring"] or recorded["expert_heads"] != 1 or recorded["synth_len"] > recorded["sensory_len"]:
        report(file=path, status="skipped", why="not the workload's own configuration")
        return 0
    config = Config(**recorded)
    B, T = config.batch, config.synth_len
    x = torch.tensor(golden["x"], dtype=config.dtype).reshape(B, T)
    y = torch.tensor(golden["y"]).reshape(B)
    failed = 0
    for name, make in (("naive", NaiveStep), ("tuned", TunedStep)):
        trainer = make(config, torch.device("cpu"))
        load_recorded(trainer.model, golden["params_init"], golden["param_shapes"])
        worst = 0.0
        for unit, step in zip(golden["ptr_init_unit"], golden["steps"]):
            loss = trainer.step(x, y, torch.tensor(unit, dtype=torch.float64).to(config.ptr_dtype))
            logits = torch.tensor(step["logits"], dtype=torch.float64).reshape(B, -1)
            error = (trainer.logits.detach().double() - logits).abs().max() / logits.abs().max()
            worst = max(worst, float(error), abs(float(loss) - step["loss"]) / abs(step["loss"]))
        good = worst <= 1e-3
        failed += not good
        report(file=path, variant=name, status="ok" if good else "not met", worst_error=worst, steps=len(golden["steps"]))
    return 1 if failed else 0


sys.exit(main(sys.argv[1]))
