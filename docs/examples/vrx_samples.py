"""Reports training steps to vrx, with nothing but the standard library (docs/any-program.md)."""
import json, os, time
warmup_steps = int(os.environ.get("VRX_WARMUP_STEPS", "5"))
total_steps = warmup_steps + int(os.environ.get("VRX_MEASURE_STEPS", "50"))
_out = open(int(os.environ["VRX_SAMPLES_FD"]), "w") if "VRX_SAMPLES_FD" in os.environ else None
_count, _since = 0, time.perf_counter()

def _write(line):
    global _since
    if _out is not None:  # started without vrx: train as ever
        print(json.dumps(line), file=_out, flush=True)
    _since = time.perf_counter()

def hello(**facts):  # once, right before the first step
    _write({"hello": facts})

def step(loss, **readings):  # once after each step; on a GPU after a synchronisation
    global _count
    _write({"step": _count, "time_s": time.perf_counter() - _since, "loss": float(loss), **readings})
    _count += 1
