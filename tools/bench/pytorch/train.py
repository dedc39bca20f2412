"""Times training steps of one variant on a GPU: python3 train.py naive|tuned '{"ring_len": ..}' WARMUP STEPS. One line of JSON."""

import json
import sys
import time

import torch

from naive import NaiveStep
from ring_model import Config, report
from tuned import TunedStep


def main(variant, config, warmup, steps):
    if not torch.cuda.is_available():
        report(status="unavailable", why="torch.cuda.is_available() is false", torch=torch.__version__)
        return
    torch.manual_seed(1)
    device = torch.device("cuda")
    trainer = {"naive": NaiveStep, "tuned": TunedStep}[variant](config, device)
    B, T, C = config.batch, config.synth_len, config.num_classes
    batch = lambda: (
        torch.randn(B, T, dtype=config.dtype, device=device),
        torch.randint(C, (B,), device=device),
        torch.rand(B, dtype=config.ptr_dtype, device=device),
    )
    try:
        for _ in range(warmup):
            trainer.step(*batch())
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        begun = time.perf_counter()
        for _ in range(steps):
            loss = trainer.step(*batch())
        torch.cuda.synchronize()
    except torch.cuda.OutOfMemoryError as error:
        report(status="out_of_memory", why=str(error).split("\n")[0], peak_reserved_bytes=torch.cuda.max_memory_reserved())
        return
    seconds = (time.perf_counter() - begun) / steps
    report(
        status="ok",
        variant=variant,
        torch=torch.__version__,
        gpu=torch.cuda.get_device_name(),
        seconds_per_step=seconds,
        tokens_per_s=B * T / seconds,
        peak_allocated_bytes=torch.cuda.max_memory_allocated(),
        peak_reserved_bytes=torch.cuda.max_memory_reserved(),
        loss=float(loss),
    )


main(sys.argv[1], Config(**json.loads(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4]))
