"""The same training step for one who has measured it: one ring in place, its gradient in place, and of every time step only
what the backward pass needs. The two halves of a time step go through torch.compile, the whole step into a CUDA graph."""

import torch
from torch.nn import functional as F

from ring_model import RingModel


class TunedStep:
    def __init__(self, config, device, compiled=True):
        self.config, self.device = config, device
        self.model = RingModel(config).to(device)
        on_gpu = device.type == "cuda"
        extra = {"capturable": True, "fused": True} if on_gpu else {}
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=config.lr, **extra)
        B, R, D, T = config.batch, config.ring_len, config.slot_dim, config.synth_len
        new = lambda *shape, dtype=config.dtype: torch.zeros(*shape, dtype=dtype, device=device)
        self.ring, self.dring = new(B * R, D), new(B * R, D)
        self.rows, self.states = new(T, B, 5, D), new(T + 1, B, D)
        self.pointers = new(T + 1, B, dtype=config.ptr_dtype)
        self.slots = new(T, B, 5, dtype=torch.int64)
        self.first = (torch.arange(B, device=device) * R)[:, None]
        self.cell_parameters = list(self.model.cell.parameters())
        compile_ = torch.compile if compiled and on_gpu else lambda f: f
        self.forward_step = [compile_(self._forward(moves)) for moves in (False, True)]
        self.backward_step = [compile_(self._backward(moves)) for moves in (False, True)]
        self.graph = None

    def _forward(self, moves):
        cell = self.model.cell

        def step(external, rows, h, p):
            centers, weights = cell.window(p)
            h = cell.state(external, rows, weights, h)
            return h, (cell.move(p, h) if moves else p), weights.to(h.dtype)

        return step

    def _backward(self, moves):
        forward = self._forward(moves)

        def step(external, rows, h, p, dh, dp, dread):
            with torch.enable_grad():
                leaves = [tensor.detach().requires_grad_() for tensor in (external, rows, h, p)]
                after, next_p, weights = forward(*leaves)
                dh = dh + (weights.detach()[:, :, None] * dread).sum(1)
                dweights = (dread * after.detach()[:, None, :]).sum(2)
                return torch.autograd.grad(
                    [after, next_p, weights], leaves + self.cell_parameters, [dh, dp, dweights], allow_unused=True
                )

        return step

    def _moves(self, t):
        return 1 if t % self.config.ptr_update_every == 0 else 0

    def _step(self):
        config, cell = self.config, self.model.cell
        T, R = config.synth_len, config.ring_len
        inputs = self.model.inputs(self.x)
        with torch.no_grad():
            self.ring.zero_()
            self.dring.zero_()
            self.pointers[0].copy_(self.unit.to(config.ptr_dtype) * (R - 1))
            for t in range(T):
                slots = (cell.window(self.pointers[t])[0] + self.first).reshape(-1)
                self.slots[t].copy_(slots.reshape(-1, 5))
                self.rows[t].copy_(self.ring[slots].reshape(self.rows[t].shape))
                h, p, weights = self.forward_step[self._moves(t)](inputs[t], self.rows[t], self.states[t], self.pointers[t])
                self.states[t + 1].copy_(h)
                self.pointers[t + 1].copy_(p)
                self.ring.index_add_(0, slots, (weights[:, :, None] * h[:, None, :]).reshape(-1, h.shape[1]))
            last = cell.slot(self.pointers[T]) + self.first[:, 0]
        feature = (self.ring[last] + self.states[T]).detach().requires_grad_()
        self.logits = self.model.head(feature)
        loss = F.cross_entropy(self.logits, self.y)
        loss.backward()
        with torch.no_grad():
            dh, dp = feature.grad, torch.zeros_like(self.pointers[0])
            self.dring.index_add_(0, last, dh)
            dinputs, sums = torch.empty_like(inputs), None
            for t in reversed(range(T)):
                slots = self.slots[t].reshape(-1)
                dread = self.dring[slots].reshape(self.rows[t].shape)
                slopes = self.backward_step[self._moves(t)](
                    inputs[t], self.rows[t], self.states[t], self.pointers[t], dh, dp, dread
                )
                dinputs[t], drows, dh, dp = slopes[:4]
                self.dring.index_add_(0, slots, drows.reshape(-1, drows.shape[-1]))
                own = [torch.zeros_like(q) if s is None else s for q, s in zip(self.cell_parameters, slopes[4:])]
                sums = own if sums is None else [a + b for a, b in zip(sums, own)]
            for parameter, slope in zip(self.cell_parameters, sums):
                parameter.grad = slope
        inputs.backward(dinputs)
        self.optimizer.step()
        return loss.detach()

    def step(self, x, y, unit):
        if self.device.type != "cuda":
            self.x, self.y, self.unit = x, y, unit
            self.optimizer.zero_grad(set_to_none=True)
            return self._step()
        if self.graph is None:
            self._capture(x, y, unit)
        for own, given in ((self.x, x), (self.y, y), (self.unit, unit)):
            own.copy_(given)
        self.graph.replay()
        return self.loss

    def _capture(self, x, y, unit):
        self.x, self.y, self.unit = x.clone(), y.clone(), unit.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.optimizer.zero_grad(set_to_none=True)
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.loss = self._step()
