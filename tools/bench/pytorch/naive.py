"""The training step as a first version would be written: a new ring at every time step, autograd, Adam."""

import torch
from torch.nn import functional as F

from ring_model import RingModel


class NaiveStep:
    def __init__(self, config, device):
        self.config, self.device = config, device
        self.model = RingModel(config).to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.lr)

    def loss(self, x, y, unit):
        config, cell = self.config, self.model.cell
        B, R, D = config.batch, config.ring_len, config.slot_dim
        inputs = self.model.inputs(x)
        ring = torch.zeros(B, R, D, dtype=config.dtype, device=self.device)
        h = torch.zeros(B, D, dtype=config.dtype, device=self.device)
        p = unit.to(config.ptr_dtype) * (R - 1)
        for t in range(config.synth_len):
            centers, weights = cell.window(p)
            index = centers[:, :, None].expand(B, centers.shape[1], D)
            h = cell.state(inputs[t], ring.gather(1, index), weights, h)
            ring = ring.scatter_add(1, index, weights.to(h.dtype)[:, :, None] * h[:, None, :])
            p = cell.move(p, h) if t % config.ptr_update_every == 0 else p
        feature = ring[torch.arange(B, device=self.device), cell.slot(p)] + h
        logits = self.model.head(feature)
        return F.cross_entropy(logits.float() if logits.dtype != torch.float64 else logits, y), logits

    def step(self, x, y, unit):
        self.optimizer.zero_grad(set_to_none=True)
        loss, self.logits = self.loss(x, y, unit)
        loss.backward()
        self.optimizer.step()
        return loss.detach()
