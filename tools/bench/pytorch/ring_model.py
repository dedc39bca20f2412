"""The ring model in PyTorch: what the naive and the tuned training step share. For comparisons only.

Written from the equations of the workload; `check.py` holds both variants to recorded runs.
"""

import json
import math

import torch
from torch import nn
from torch.nn import functional as F


class Config:
    """Sizes and constants; by default those that the workload prescribes."""

    def __init__(self, ring_len, slot_dim, synth_len, batch, **given):
        self.ring_len, self.slot_dim, self.synth_len, self.batch = ring_len, slot_dim, synth_len, batch
        self.num_classes = given.get("num_classes", 256)
        self.sensory_dim = given.get("sensory_dim", max(8, slot_dim // 3))
        self.ptr_update_every = given.get("ptr_update_every", 1)
        self.ptr_dtype = getattr(torch, given.get("ptr_dtype", "float64"))
        self.dtype = getattr(torch, given.get("param_dtype", "float32"))
        self.lr = given.get("lr", 1e-3)


def wrap(a, b, length):
    """The signed way from a to b on a ring."""
    return torch.remainder(b - a + length / 2, length) - length / 2


def lerp(a, b, share, length):
    return torch.remainder(a + share * wrap(a, b, length), length)


class RoundStraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x)

    @staticmethod
    def backward(ctx, slope):
        return slope


class RingCell(nn.Module):
    """One time step: everything but the reading and writing of the ring."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        D, R = config.slot_dim, config.ring_len
        self.theta_ptr = nn.Parameter(torch.empty(R).uniform_(-4, 4))
        self.theta_gate = nn.Parameter(torch.empty(R).uniform_(-0.5, 0.5))
        self.context_logit = nn.Parameter(torch.tensor(math.log(0.2 / 0.8)))
        self.gru = nn.GRUCell(D, D)
        self.jump, self.inertia = nn.Linear(D, 1), nn.Linear(D, 1)
        self.deadzone, self.walk = nn.Linear(D, 1), nn.Linear(D, 1)
        for weight in (self.gru.weight_ih, self.gru.weight_hh):
            nn.init.normal_(weight, 0, 0.05)
        for bias in (self.gru.bias_ih, self.gru.bias_hh):
            nn.init.constant_(bias, 0.2)
        self.register_buffer("around", torch.arange(-2, 3))

    def window(self, p):
        """Slots [B, 5] and weights [B, 5] around pointers [B]."""
        R = self.config.ring_len
        base = torch.floor(p.detach()).clamp(0, R - 1).long()
        centers = torch.remainder(base[:, None] + self.around, R)
        distance = wrap(p[:, None], centers.to(p.dtype), R)
        return centers, torch.softmax(-distance * distance / 8.0, dim=1)

    def state(self, external, rows, weights, h):
        """The new state from the input [B, D], the rows read [B, 5, D] and the state before."""
        read = (weights[:, :, None] * rows.to(weights.dtype)).sum(1).to(external.dtype)
        return self.gru(external + torch.sigmoid(self.context_logit) * read, h)

    def move(self, p, h):
        R, dtype = self.config.ring_len, p.dtype
        inertia = torch.sigmoid(self.inertia(h)[:, 0]).clamp(0, 0.99).to(dtype)
        deadzone = F.softplus(self.deadzone(h)[:, 0]).to(dtype)
        walk = torch.sigmoid(self.walk(h)[:, 0]).clamp(0, 1).to(dtype)
        position = p.detach().float()
        floor = torch.floor(position)
        share = (position - floor).to(h.dtype)
        here = torch.remainder(floor.long(), R)
        there = torch.remainder(here + 1, R)
        goal = torch.sigmoid(self.theta_ptr)
        target = torch.lerp(goal[here] * (R - 1), goal[there] * (R - 1), share)
        gate = torch.lerp(self.theta_gate[here], self.theta_gate[there], share)
        jump = torch.sigmoid(self.jump(h)[:, 0] + gate).to(dtype)
        moved = lerp(p, torch.remainder(p + 1, R), walk, R)
        moved = lerp(moved, RoundStraightThrough.apply(target.to(dtype)), jump, R)
        moved = lerp(p, moved, 1 - inertia, R)
        rest = wrap(p, moved, R)
        moved = torch.remainder(p + torch.sigmoid((rest.abs() - deadzone) / 0.25) * rest, R)
        return torch.remainder(p + wrap(p, moved, R), R)

    def slot(self, p):
        return torch.floor(p.detach()).clamp(0, self.config.ring_len - 1).long()


class RingModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        D, S = config.slot_dim, config.sensory_dim
        self.project, self.bridge = nn.Linear(1, S), nn.Linear(S, D)
        self.sensory = nn.GRU(S, S)
        self.cell = RingCell(config)
        self.head = nn.Linear(D, config.num_classes)
        for linear in (self.project, self.bridge, self.head):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)
        for name, parameter in self.sensory.named_parameters():
            nn.init.normal_(parameter, 0, 0.05) if "weight" in name else nn.init.zeros_(parameter)
        self.to(config.dtype)

    def inputs(self, x):
        """What the ring's cell takes in, [T, B, D], from x [B, T]. Sequences are no longer than the sensory delay."""
        u = torch.tanh(self.project(x.t()[:, :, None]))
        return torch.tanh(self.bridge(self.sensory(u)[0]))


NAMES = {
    "theta_ptr_reduced": "cell.theta_ptr",
    "theta_gate_reduced": "cell.theta_gate",
    "context_logit": "cell.context_logit",
    "sensory_proj_in": "project",
    "sensory_gru.weight_ih": "sensory.weight_ih_l0",
    "sensory_gru.weight_hh": "sensory.weight_hh_l0",
    "sensory_gru.bias_ih": "sensory.bias_ih_l0",
    "sensory_gru.bias_hh": "sensory.bias_hh_l0",
    "sensory_bridge": "bridge",
    "gru": "cell.gru",
    "jump_score": "cell.jump",
    "inertia_head": "cell.inertia",
    "deadzone_head": "cell.deadzone",
    "walk_head": "cell.walk",
    "head.single": "head",
}


def load_recorded(model, values, shapes):
    """Sets the parameters to recorded ones; those without the sensory stage's use are left out."""
    own = dict(model.named_parameters())
    for name, flat in values.items():
        if name.startswith("input_proj"):
            continue
        stem = name if name in NAMES else name.rsplit(".", 1)[0]
        mine = NAMES[stem] if stem == name else NAMES[stem] + "." + name.rsplit(".", 1)[1]
        tensor = torch.tensor(flat, dtype=own[mine].dtype).reshape(own[mine].shape)
        own[mine].data.copy_(tensor)


def report(**figures):
    print(json.dumps(figures), flush=True)
