"""Children that behave and children that do not; the first argument says which."""
import json, os, signal, subprocess, sys, time

fd = int(os.environ["VRX_SAMPLES_FD"])
total = int(os.environ["VRX_WARMUP_STEPS"]) + int(os.environ["VRX_MEASURE_STEPS"])
HELLO = {"hello": {"executed_precision": os.environ["VRX_PRECISION"], "device": "cpu"}}


def raw(data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def send(line):
    raw((json.dumps(line) + "\n").encode())


def good(steps=total):
    send(HELLO)
    for i in range(steps):
        time.sleep(0.002)
        send({"step": i, "time_s": 0.002, "loss": 1 / (i + 1), "rss_bytes": 1000 + i})


def garbage():
    good(3)
    raw(b"\x00\xff not a sample\n")
    time.sleep(60)


def endless_line():
    while True:
        raw(b"x" * 65536)


def flood():
    send(HELLO)
    block = b"".join(b'{"time_s": 0.0001, "loss": 1.0}\n' for _ in range(4096))
    while True:
        raw(block)


def late_flood():
    good()
    while True:
        raw(b'{"loss": 1}\n' * 1000)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def killed_later():
    good(3)
    os.kill(os.getpid(), signal.SIGKILL)


def torn_line():
    good(3)
    raw(b'{"step": 3, "lo')
    os.kill(os.getpid(), signal.SIGKILL)


def silent_exit():
    sys.exit(0)


def early_exit():
    good(3)


def fails():
    good(3)
    print("RuntimeError: the data is not there", file=sys.stderr)
    sys.exit(7)


def fails_after():
    good()
    print("AssertionError: the model is empty", file=sys.stderr)
    sys.exit(3)


def out_of_memory():
    good(3)
    print("RuntimeError: CUDA out of memory. Tried to allocate 20.00 GiB", file=sys.stderr)
    print("a last line about something else", file=sys.stderr)
    sys.exit(1)


def memory_error():
    good(3)
    raise MemoryError


def closes_fd():
    good(3)
    os.close(fd)
    time.sleep(60)


def forks():
    # The child of the child keeps the pipe open and writes on when its parent is dead.
    good(3)
    if os.fork() == 0:
        i = 3
        while True:
            # Slow enough for the end of its parent to be noticed before the run has all its steps.
            time.sleep(0.2)
            send({"step": i, "loss": 1.0})
            i += 1
    sys.exit(0)


def leaves_children():
    for _ in range(2):
        subprocess.Popen(["sleep", "4321"])
    print(os.getpid(), flush=True)
    good()


def lets_one_escape():
    # It leaves the group and keeps every pipe open.
    escaped = subprocess.Popen(["sleep", "50"], start_new_session=True, pass_fds=[fd])
    HELLO["hello"]["escaped"] = escaped.pid
    good()


def stops_itself():
    good(3)
    os.kill(os.getpid(), signal.SIGSTOP)


def ignores_sigterm():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    good()
    while True:
        time.sleep(1)


def huge_stderr():
    send(HELLO)
    for i in range(total):
        sys.stderr.write("a word " * 142_857 + "\n")
        send({"step": i, "time_s": 0.001, "loss": 1.0})
    sys.stderr.write("the very end\n")


def duplicate_step():
    good(3)
    send({"step": 2, "loss": 1.0})
    time.sleep(60)


def skips_a_step():
    good(3)
    send({"step": 4, "loss": 1.0})
    time.sleep(60)


def negative_time():
    send({"step": 0, "time_s": -1, "loss": 1.0})
    time.sleep(60)


def absurd_time():
    good(3)
    send({"step": 3, "time_s": 1e300, "loss": 1.0})
    time.sleep(60)


def inflated_times():
    send(HELLO)
    for i in range(total):
        send({"step": i, "time_s": 0.2, "loss": 1.0})


def nan_warmup():
    send(HELLO)
    send({"step": 0, "time_s": 0.1, "loss": float("nan")})
    time.sleep(60)


def untimed():
    send(HELLO)
    for _ in range(total):
        time.sleep(0.003)
        send({"loss": 1.0})


def says_nothing():
    for _ in range(total):
        send({})


def other_precision():
    send({"hello": {"executed_precision": "bf16", "device": "cpu"}})
    for _ in range(total):
        send({"time_s": 0.0, "loss": 1.0})


def second_hello():
    good(2)
    send(HELLO)
    time.sleep(60)


def on_a_gpu(reserved=900):
    facts = {"device": "cuda:0", "gpu_name": "A card", "total_vram_bytes": 1000, "torch_version": "9.9", "tf32": True}
    send({"hello": {"executed_precision": os.environ["VRX_PRECISION"], **facts}})
    for i in range(total):
        time.sleep(0.002)
        send({"time_s": 0.002, "loss": 1.0, "vram_reserved_bytes": reserved, "vram_allocated_bytes": 800})


def on_a_full_gpu():
    on_a_gpu(921)


def silent():
    time.sleep(600)


def silent_after_a_while():
    good(3)
    time.sleep(600)


def tells_environment():
    names = sorted(name for name in os.environ if name.startswith("VRX_"))
    facts = {name: os.environ[name] for name in names}
    with open(os.environ["VRX_SPEC_FILE"]) as file:
        facts["spec"] = file.read()
    facts["stdin"] = sys.stdin.read()
    send({"hello": facts})
    for _ in range(total):
        send({"loss": 1.0})


globals()[sys.argv[1]]()
