"""A training program that vrx can measure: a small network learns a line through noise, in plain Python."""
import math, os, random
import vrx_samples

batch = int(os.environ.get("VRX_BATCH_SIZE", "4"))
width = int(os.environ.get("VRX_SYNTH_LEN", "128"))
rng = random.Random(int(os.environ.get("VRX_SEED", "0")))
truth = [rng.gauss(0, 1) for _ in range(width)]
hidden = [[rng.gauss(0, 1 / math.sqrt(width)) for _ in range(width)] for _ in range(32)]
output = [0.0] * len(hidden)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def train_step(rate=0.01):
    """Forward, loss, backward and update for one batch; returns the mean squared error before the updates."""
    loss = 0.0
    for _ in range(batch):
        x = [rng.gauss(0, 1) for _ in range(width)]
        h = [math.tanh(dot(row, x)) for row in hidden]
        error = dot(output, h) - math.tanh(dot(truth, x))
        loss += error * error / batch
        for i, row in enumerate(hidden):
            slope = rate * error * output[i] * (1 - h[i] * h[i])
            hidden[i] = [w - slope * xj for w, xj in zip(row, x)]
            output[i] -= rate * error * h[i]
    return loss


# Python computes in float64: a spec that asks for another precision gets the verdict "invalid".
vrx_samples.hello(executed_precision="fp64", device="cpu")
for _ in range(vrx_samples.total_steps):
    vrx_samples.step(train_step())
