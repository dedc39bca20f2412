"""An independent check of workload specs, of json and hashlib only.

Reads one spec a line (base64 of its bytes) from standard input and writes one line for each:
the canonical text if the spec is valid, "invalid" if not. With --rate, measures instead how many
ids a second this makes of the specs, from objects and from texts.
"""

import base64
import hashlib
import json
import sys
import time

FORMATS = ("fp64", "fp32", "fp16", "bf16")
KNOBS = {
    "ant_spec": {"ring_len": 1, "slot_dim": 1, "ptr_dtype": FORMATS, "precision": FORMATS + ("amp",)},
    "colony_spec": {
        "seq_len": 1,
        "synth_len": 1,
        "batch_size": 1,
        "ptr_update_every": 1,
        "state_loop_samples": 0,
    },
}
LABELS = {"name", "notes"}


def fits(value, rule):
    if isinstance(rule, tuple):
        return isinstance(value, str) and value in rule
    return isinstance(value, int) and not isinstance(value, bool) and value >= rule


def canonical(spec):
    if not isinstance(spec, dict) or set(spec) - LABELS != {"schema_version", *KNOBS}:
        raise ValueError("keys")
    if spec["schema_version"] != "workload_schema_v1":
        raise ValueError("version")
    kept = {"schema_version": spec["schema_version"]}
    for section, knobs in KNOBS.items():
        part = spec[section]
        if not isinstance(part, dict) or set(part) - LABELS != set(knobs):
            raise ValueError(section)
        if not all(fits(part[knob], rule) for knob, rule in knobs.items()):
            raise ValueError(section)
        kept[section] = {knob: part[knob] for knob in knobs}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def workload_id(spec):
    return "wl_v1_" + hashlib.sha256(canonical(spec).encode("utf-8")).hexdigest()[:12]


def read(line):
    try:
        return canonical(json.loads(base64.b64decode(line).decode("utf-8")))
    except (ValueError, RecursionError):
        return "invalid"


def rate(make, items):
    started = time.perf_counter()
    for item in items:
        make(item)
    return len(items) / (time.perf_counter() - started)


def main():
    lines = sys.stdin.read().split("\n")
    if "--rate" in sys.argv:
        texts = [base64.b64decode(line).decode("utf-8") for line in lines]
        objects = [json.loads(text) for text in texts]
        print(json.dumps({
            "objects": rate(workload_id, objects),
            "texts": rate(lambda text: workload_id(json.loads(text)), texts),
        }))
        return
    for line in lines:
        print(read(line))


if __name__ == "__main__":
    main()
