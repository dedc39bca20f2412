#!/usr/bin/env python3
"""Golden tensors from PyTorch, on the CPU in float32: values, losses and gradients of every layer.

Debian: apt-get install python3-torch libopenblas0-pthread; then /usr/bin/python3 make_goldens.py [FILE.jsonl].
Layers that torch.nn has are taken from there. The others are written down here as plainly as can be (loops over heads,
tokens and experts), so that they share no idea with what they are compared with. One JSON document per line and case.
"""
import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

OUT = open(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("goldens.jsonl"), "w")
torch.set_num_threads(1)


def tensor_json(t):
    t = t.detach()
    if t.dtype in (torch.int64, torch.int32):
        return {"dtype": "int32", "shape": list(t.shape), "data": t.flatten().tolist()}
    return {"dtype": "float32", "shape": list(t.shape), "data": [float("%.9g" % v) for v in t.flatten().tolist()]}


def case(name, what, inputs, parameters, run):
    """Writes one case. `run(inputs, parameters)` gives outputs by name and perhaps a scalar `loss`.

    Where there is no loss, it is the sum of each output times fixed weights, which are written down too.
    """
    leaves = {k: v.clone().requires_grad_(v.is_floating_point()) for k, v in inputs.items()}
    params = {k: v if isinstance(v, nn.Parameter) else v.clone().detach().requires_grad_(True) for k, v in parameters.items()}
    outputs = run(leaves, params)
    weights = {}
    if "loss" in outputs:
        loss = outputs["loss"]
    else:
        loss = 0
        for key, value in outputs.items():
            if value.is_floating_point():
                weights[key] = torch.randn(value.shape)
                loss = loss + (value * weights[key]).sum()
    loss.backward()
    grads = {}
    for key, value in list(leaves.items()) + list(params.items()):
        if value.requires_grad:
            grads[key] = torch.zeros_like(value) if value.grad is None else value.grad
    pack = lambda d: {k: tensor_json(v) for k, v in d.items()}
    doc = {
        "name": name,
        "torch": torch.__version__,
        "what": what,
        "inputs": pack(inputs),
        "parameters": pack(params),
        "weights": pack(weights),
        "outputs": pack(outputs),
        "loss": float(loss),
        "gradients": pack(grads),
    }
    OUT.write(json.dumps(doc, separators=(",", ":")) + "\n")


def seeded(name):
    torch.manual_seed(sum(ord(c) * (i + 1) for i, c in enumerate(name)))


def module_case(name, layer, module, x, call=None):
    params = {k: v for k, v in module.named_parameters()}

    def run(inputs, _):
        y = module(inputs["x"])
        return {"y": y[0] if isinstance(y, tuple) else y}

    case(name, {"layer": layer}, {"x": x}, params, run)


def linear(x, p, path, bias=True):
    y = x @ p[f"{path}.weight"].T
    return y + p[f"{path}.bias"] if bias else y


def linear_parameters(path, d_in, d_out, bias=True):
    p = {f"{path}.weight": torch.randn(d_out, d_in) / math.sqrt(d_in)}
    if bias:
        p[f"{path}.bias"] = torch.randn(d_out) * 0.1
    return p


# ---- layers of torch.nn ----

seeded("linear")
module_case("linear", {"type": "LinearLayer", "d_in": 5, "d_out": 7, "bias": True}, nn.Linear(5, 7), torch.randn(2, 3, 5))
module_case("linear_without_bias", {"type": "LinearLayer", "d_in": 5, "d_out": 3, "bias": False}, nn.Linear(5, 3, bias=False), torch.randn(4, 5))

seeded("layer_norm")
norm = nn.LayerNorm(6, eps=1e-5)
nn.init.normal_(norm.weight)
nn.init.normal_(norm.bias)
module_case("layer_norm", {"type": "LayerNormLayer", "d_model": 6, "eps": 1e-5}, norm, torch.randn(2, 3, 6) * 3 + 1)

seeded("rms_norm")
for affine in (True, False):
    case(
        "rms_norm" if affine else "rms_norm_plain",
        {"layer": {"type": "RMSNormLayer", "d_model": 6, "eps": 1e-5, "elementwise_affine": affine}},
        {"x": torch.randn(2, 3, 6) * 2},
        {"weight": torch.randn(6)} if affine else {},
        lambda i, p, affine=affine: {
            "y": i["x"] / (i["x"].pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * (p["weight"] if affine else 1)
        },
    )

seeded("swiglu")
gated = {**linear_parameters("gate_up_proj", 5, 14), **linear_parameters("down_proj", 7, 5)}


def glu(act):
    def run(i, p):
        gate, up = linear(i["x"], p, "gate_up_proj").chunk(2, -1)
        return {"y": linear(act(gate) * up, p, "down_proj")}
    return run


case("swiglu", {"layer": {"type": "SwiGLULayer", "d_model": 5, "d_ff": 7, "bias": True}}, {"x": torch.randn(2, 3, 5)}, gated, glu(F.silu))
for act, f in (("gelu", F.gelu), ("relu", F.relu), ("sigmoid", torch.sigmoid)):
    case(f"glu_{act}", {"layer": {"type": "GLULayer", "d_model": 5, "d_ff": 7, "activation": act, "bias": True}}, {"x": torch.randn(2, 3, 5)}, gated, glu(f))

seeded("dense")
dense = {**linear_parameters("linear", 5, 6), "norm.weight": torch.randn(6), "norm.bias": torch.randn(6)}
for act, f in (("relu", F.relu), ("gelu", F.gelu), ("silu", F.silu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid)):
    case(
        f"dense_{act}",
        {"layer": {"type": "DenseLayer", "d_in": 5, "d_out": 6, "bias": True, "activation": act, "normalization": "layer_norm", "dropout": 0.0}},
        {"x": torch.randn(3, 5)},
        dense,
        lambda i, p, f=f: {"y": f(F.layer_norm(linear(i["x"], p, "linear"), (6,), p["norm.weight"], p["norm.bias"]))},
    )

seeded("dense_other_norms")
case("dense_rms_norm", {"layer": {"type": "DenseLayer", "d_in": 5, "d_out": 6, "bias": False, "activation": "gelu", "normalization": "rms_norm", "dropout": 0.0}},
     {"x": torch.randn(2, 3, 5)}, {**linear_parameters("linear", 5, 6, False), "norm.weight": torch.randn(6)},
     lambda i, p: {"y": (lambda h: F.gelu(h / (h.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * p["norm.weight"]))(linear(i["x"], p, "linear", False))})
case("dense_plain", {"layer": {"type": "DenseLayer", "d_in": 5, "d_out": 6, "bias": True, "activation": None, "normalization": None, "dropout": 0.0}},
     {"x": torch.randn(3, 5)}, linear_parameters("linear", 5, 6), lambda i, p: {"y": linear(i["x"], p, "linear")})

seeded("lora")
case(
    "lora_linear",
    {"layer": {"type": "LoRALinearLayer", "d_in": 5, "d_out": 4, "r": 2, "alpha": 6.0, "dropout": 0.0, "bias": True, "freeze_base": False}},
    {"x": torch.randn(2, 3, 5)},
    {"weight": torch.randn(4, 5), "bias": torch.randn(4), "lora_a": torch.randn(5, 2), "lora_b": torch.randn(2, 4)},
    lambda i, p: {"y": i["x"] @ p["weight"].T + p["bias"] + i["x"] @ p["lora_a"] @ p["lora_b"] * (6.0 / 2)},
)

seeded("conv2d")
for name, kw in {
    "conv2d": dict(kernel_size=(3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, padding_mode="zeros"),
    "conv2d_reflect": dict(kernel_size=(3, 3), stride=(1, 2), padding=(1, 2), dilation=(1, 1), groups=1, padding_mode="reflect"),
    "conv2d_replicate": dict(kernel_size=(3, 3), stride=(1, 1), padding=(2, 1), dilation=(1, 1), groups=1, padding_mode="replicate"),
    "conv2d_circular": dict(kernel_size=(2, 3), stride=(1, 1), padding=(1, 2), dilation=(1, 1), groups=4, padding_mode="circular"),
    "conv2d_same": dict(kernel_size=(2, 3), stride=(1, 1), padding="same", dilation=(2, 1), groups=1, padding_mode="zeros"),
}.items():
    layer = {"type": "Conv2dLayer", "in_channels": 4, "out_channels": 4, "bias": True, **{k: list(v) if isinstance(v, tuple) else v for k, v in kw.items()}}
    module_case(name, layer, nn.Conv2d(4, 4, **kw), torch.randn(2, 4, 6, 5))

seeded("rnn")
for name, cell, make, kw in (
    ("lstm", "lstm", nn.LSTM, dict(num_layers=2, bidirectional=True)),
    ("lstm_projected", "lstm", nn.LSTM, dict(num_layers=1, proj_size=2)),
    ("gru", "gru", nn.GRU, dict(num_layers=2, bidirectional=False)),
    ("rnn_tanh", "rnn_tanh", nn.RNN, dict(num_layers=1, bidirectional=True, nonlinearity="tanh")),
    ("rnn_relu", "rnn_relu", nn.RNN, dict(num_layers=2, nonlinearity="relu", bias=False)),
):
    module = make(3, 4, batch_first=True, **kw)
    layer = {"type": "RNNLayer", "cell_type": cell, "input_size": 3, "hidden_size": 4, "num_layers": kw["num_layers"], "bias": kw.get("bias", True),
             "batch_first": True, "dropout": 0.0, "bidirectional": kw.get("bidirectional", False), "proj_size": kw.get("proj_size", 0)}
    module_case(name, layer, module, torch.randn(2, 5, 3))
module = nn.LSTM(3, 4)
module_case("lstm_time_first", {"type": "RNNLayer", "cell_type": "lstm", "input_size": 3, "hidden_size": 4, "num_layers": 1, "bias": True,
            "batch_first": False, "dropout": 0.0, "bidirectional": False, "proj_size": 0}, module, torch.randn(5, 2, 3))

# ---- attention ----

ATTENTION = {"n_kv_heads": None, "mode": "standard", "attn_dim": None, "sem_dim": None, "geo_dim": None, "rope_enabled": True, "rope_base": 10000.0,
             "rope_scaling": None, "decoupled_gate": False, "decoupled_gate_dynamic": False, "rope_semantic": False, "tie_qk": False, "null_attn": False,
             "is_causal": True, "dropout_p": 0.0, "bias": False, "learned_temp": False, "q_chunk": None, "local_window": None, "mem_block": None,
             "mem_summarize": "mean", "mem_activation_threshold": None}


def frequencies(width, base, scaling):
    inv = [base ** (-2 * k / width) for k in range(width // 2)]
    if scaling is None:
        return inv
    out = []
    old = scaling["original_max_position_embeddings"]
    for f in inv:
        wave = 2 * math.pi / f
        if wave > old / scaling["low_freq_factor"]:
            out.append(f / scaling["factor"])
        elif wave < old / scaling["high_freq_factor"]:
            out.append(f)
        else:
            s = (old / wave - scaling["low_freq_factor"]) / (scaling["high_freq_factor"] - scaling["low_freq_factor"])
            out.append((1 - s) * f / scaling["factor"] + s * f)
    return out


def rope(x, base, scaling):
    """x: (tokens, width), first half with second half."""
    width = x.shape[-1]
    angles = torch.tensor([[t * f for f in frequencies(width, base, scaling)] for t in range(x.shape[0])], dtype=torch.float64)
    cos, sin = angles.cos().float(), angles.sin().float()
    a, b = x[:, : width // 2], x[:, width // 2 :]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)


def attention(config):
    c = {**ATTENTION, **config}
    heads = c["n_heads"]
    decoupled = c["mode"] == "decoupled"
    width = c["attn_dim"] or c["d_model"]
    kv = heads if decoupled else (c["n_kv_heads"] or heads)
    hd = width // heads

    def run(i, p):
        x = i["x"]
        lin = lambda name, x: linear(x, p, name, c["bias"])
        out = []
        for b in range(x.shape[0]):
            xb = x[b]
            T = xb.shape[0]
            parts = []
            for h in range(heads):
                g = h // (heads // kv)
                cut = lambda name, w, n: lin(name, xb)[:, n * w : (n + 1) * w]
                if decoupled:
                    sw, gw = c["sem_dim"] // heads, c["geo_dim"] // heads
                    qs = cut("q_sem", sw, h)
                    ks = qs if c["tie_qk"] else cut("k_sem", sw, h)
                    qg, kg = cut("q_geo", gw, h), cut("k_geo", gw, h)
                    if c["rope_enabled"]:
                        qg, kg = rope(qg, c["rope_base"], c["rope_scaling"]), rope(kg, c["rope_base"], c["rope_scaling"])
                        if c["rope_semantic"]:
                            qs, ks = rope(qs, c["rope_base"], c["rope_scaling"]), rope(ks, c["rope_base"], c["rope_scaling"])
                    if c["decoupled_gate"]:
                        logit = p["decoupled_gate_logit"][h]
                        if c["decoupled_gate_dynamic"]:
                            logit = logit + (xb @ p["decoupled_gate_proj.weight"].T)[:, h : h + 1]
                        gate = torch.sigmoid(logit)
                        qs, qg = qs * (2 * gate), qg * (2 - 2 * gate)
                    scores = qs @ ks.T / math.sqrt(sw) + qg @ kg.T / math.sqrt(gw)
                else:
                    q, k = cut("q_proj", hd, h), cut("k_proj", hd, g)
                    if c["rope_enabled"]:
                        q, k = rope(q, c["rope_base"], c["rope_scaling"]), rope(k, c["rope_base"], c["rope_scaling"])
                    if c["learned_temp"]:
                        q = q * torch.exp(torch.clamp(p["logit_scale"][h], -8, 8))
                    scores = q @ k.T / math.sqrt(hd)
                v = cut("v_proj", hd, g)
                allowed = torch.ones(T, T, dtype=torch.bool)
                for r in range(T):
                    for s in range(T):
                        if c["is_causal"] and s > r:
                            allowed[r, s] = False
                        if c["local_window"] is not None and (s <= r - c["local_window"] or s >= r + c["local_window"]):
                            allowed[r, s] = False
                scores = scores.masked_fill(~allowed, -1e9)
                if c["null_attn"]:
                    own = qs @ p["k_sem_null"][h] / math.sqrt(sw) + qg @ p["k_geo_null"][h] / math.sqrt(gw)
                    w = torch.softmax(torch.cat([own[:, None], scores], -1), -1)
                    parts.append(w[:, :1] * p["v_null"][h][None] + w[:, 1:] @ v)
                else:
                    parts.append(torch.softmax(scores, -1) @ v)
            out.append(linear(torch.cat(parts, -1), p, "out_proj", c["bias"]))
        return {"y": torch.stack(out)}

    p = {}
    add = lambda name, o, d=c["d_model"]: p.update(linear_parameters(name, d, o, c["bias"]))
    if decoupled:
        add("q_sem", c["sem_dim"])
        if not c["tie_qk"]:
            add("k_sem", c["sem_dim"])
        add("q_geo", c["geo_dim"])
        add("k_geo", c["geo_dim"])
        if c["decoupled_gate"]:
            p["decoupled_gate_logit"] = torch.randn(heads)
            if c["decoupled_gate_dynamic"]:
                p["decoupled_gate_proj.weight"] = torch.randn(heads, c["d_model"]) * 0.3
        if c["null_attn"]:
            p["k_sem_null"] = torch.randn(heads, c["sem_dim"] // heads)
            p["k_geo_null"] = torch.randn(heads, c["geo_dim"] // heads)
            p["v_null"] = torch.randn(heads, hd)
    else:
        add("q_proj", width)
        add("k_proj", kv * hd)
        if c["learned_temp"]:
            p["logit_scale"] = torch.randn(heads) * 0.3
    add("v_proj", kv * hd)
    add("out_proj", c["d_model"], width)
    return {"type": "AttentionLayer", **c}, p, run


for name, config in {
    "attention": dict(d_model=8, n_heads=2),
    "attention_gqa": dict(d_model=8, n_heads=4, n_kv_heads=2, mode="gqa", bias=True, learned_temp=True),
    "attention_window": dict(d_model=8, n_heads=2, local_window=3, q_chunk=2),
    "attention_both_ways": dict(d_model=8, n_heads=2, is_causal=False, rope_enabled=False, attn_dim=4),
    "attention_window_both_ways": dict(d_model=8, n_heads=2, is_causal=False, local_window=2),
    "attention_llama3_rope": dict(d_model=16, n_heads=2, rope_base=500000.0, rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}),
    "attention_gqa_window": dict(d_model=8, n_heads=4, n_kv_heads=1, mode="gqa", local_window=2),
    "attention_learned_temperature": dict(d_model=8, n_heads=2, learned_temp=True, q_chunk=4),
    "attention_decoupled_plain": dict(d_model=8, n_heads=2, mode="decoupled", sem_dim=4, geo_dim=4, bias=True),
    "attention_decoupled_window": dict(d_model=8, n_heads=2, mode="decoupled", sem_dim=8, geo_dim=4, local_window=3, decoupled_gate=True, rope_base=500.0),
    "attention_decoupled": dict(d_model=8, n_heads=2, mode="decoupled", sem_dim=4, geo_dim=8, attn_dim=4, decoupled_gate=True),
    "attention_decoupled_all": dict(d_model=8, n_heads=2, mode="decoupled", sem_dim=4, geo_dim=4, decoupled_gate=True, decoupled_gate_dynamic=True, rope_semantic=True, tie_qk=True, null_attn=True),
}.items():
    seeded(name)
    layer, params, run = attention(config)
    case(name, {"layer": layer}, {"x": torch.randn(2, 6, config["d_model"])}, params, run)

# ---- mixture of experts ----

seeded("moe")
E, D, FF, K = 4, 5, 6, 2
moe_params = {**linear_parameters("router", D, E), "w_gate_up": torch.randn(E, D, 2 * FF) * 0.4, "w_down": torch.randn(E, FF, D) * 0.4}


def moe(i, p):
    x = i["x"].reshape(-1, D)
    probs = torch.softmax(linear(x, p, "router"), -1)
    rows, counts = [], torch.zeros(E)
    for n in range(x.shape[0]):
        top = torch.topk(probs[n], K).indices.tolist()
        total = sum(probs[n, e] for e in top)
        y = 0
        for e in top:
            counts[e] += 1
            g, u = (x[n] @ p["w_gate_up"][e]).chunk(2)
            y = y + probs[n, e] / total * ((F.silu(g) * u) @ p["w_down"][e])
        rows.append(y)
    balance = E * (probs.mean(0) * counts / (x.shape[0] * K)).sum()
    return {"y": torch.stack(rows).reshape(i["x"].shape), "balance": balance}


case("moe", {"layer": {"type": "MoELayer", "d_model": D, "num_experts": E, "top_k": K, "d_ff": FF, "bias": True, "load_balancing_weight": 0.01}}, {"x": torch.randn(2, 4, D)}, moe_params, moe)

# ---- state space ----

seeded("ssm")
D, N, W, R, DI = 4, 3, 4, 2, 8
ssm_params = {
    **linear_parameters("in_proj", D, 2 * DI, False), "conv1d.weight": torch.randn(DI, 1, W) * 0.5, "conv1d.bias": torch.randn(DI) * 0.1,
    **linear_parameters("x_proj", DI, R + 2 * N, False), **linear_parameters("dt_proj", R, DI), "A_log": torch.log(torch.arange(1, N + 1).float()).repeat(DI, 1) + torch.randn(DI, N) * 0.1,
    "D": torch.randn(DI), **linear_parameters("out_proj", DI, D, False),
}


def ssm(i, p):
    outs = []
    for b in range(i["x"].shape[0]):
        x, z = linear(i["x"][b], p, "in_proj", False).chunk(2, -1)
        x = F.conv1d(x.T[None], p["conv1d.weight"], p["conv1d.bias"], padding=W - 1, groups=DI)[0, :, : x.shape[0]].T
        x = F.silu(x)
        low, B, C = torch.split(linear(x, p, "x_proj", False), [R, N, N], -1)
        dt = F.softplus(linear(low, p, "dt_proj"))
        A = -torch.exp(p["A_log"])
        h = torch.zeros(DI, N)
        ys = []
        for t in range(x.shape[0]):
            h = torch.exp(dt[t][:, None] * A) * h + dt[t][:, None] * B[t][None] * x[t][:, None]
            ys.append(h @ C[t] + p["D"] * x[t])
        outs.append(linear(torch.stack(ys) * F.silu(z), p, "out_proj", False))
    return {"y": torch.stack(outs)}


case("ssm", {"layer": {"type": "SSMLayer", "d_model": D, "d_state": N, "d_conv": W, "expand": 2, "dt_rank": R, "dt_min": 1e-3, "dt_max": 0.1, "dt_init": "random", "dt_scale": 1.0, "dt_init_floor": 1e-4, "bias": False, "conv_bias": True}}, {"x": torch.randn(2, 7, D)}, ssm_params, ssm)

# ---- graph convolutions ----

seeded("graph_conv")
adj = (torch.rand(5, 5) < 0.5).float()
adj = ((adj + adj.T + torch.eye(5)) > 0).float() * (0.5 + torch.rand(5, 5))
case("graph_conv_gcn", {"layer": {"type": "GraphConvLayer", "kind": "gcn", "in_features": 3, "out_features": 4, "bias": True, "heads": 1, "concat": True, "negative_slope": 0.2, "dropout": 0.0}},
     {"x": torch.randn(5, 3), "adjacency": adj}, {"weight": torch.randn(4, 3), "bias": torch.randn(4)}, lambda i, p: {"y": i["adjacency"] @ (i["x"] @ p["weight"].T + p["bias"])})
for concat in (True, False):
    H, O = 2, 4
    w = O // H if concat else O

    def gat(i, p, w=w, concat=concat):
        parts = []
        for h in range(H):
            f = i["x"] @ p["weight"][h * w : (h + 1) * w].T
            score = torch.stack([torch.stack([F.leaky_relu(p["attn_src"][h] @ f[a] + p["attn_dst"][h] @ f[b], 0.2) for b in range(5)]) for a in range(5)])
            score = score.masked_fill(i["adjacency"] == 0, -1e9)
            parts.append(torch.softmax(score, -1) @ f)
        return {"y": (torch.cat(parts, -1) if concat else sum(parts) / H) + p["bias"]}

    case("graph_conv_gat" if concat else "graph_conv_gat_mean",
         {"layer": {"type": "GraphConvLayer", "kind": "gat", "in_features": 3, "out_features": O, "bias": True, "heads": H, "concat": concat, "negative_slope": 0.2, "dropout": 0.0}},
         {"x": torch.randn(5, 3), "adjacency": adj}, {"weight": torch.randn(H * w, 3), "attn_src": torch.randn(H, w), "attn_dst": torch.randn(H, w), "bias": torch.randn(O)}, gat)

# ---- operations of graphs ----

seeded("ops")
for name, config, module, x in (
    ("op_softmax", ("Softmax", {"dim": 1}), nn.Softmax(1), torch.randn(2, 3, 4)),
    ("op_log_softmax", ("LogSoftmax", {"dim": -1}), nn.LogSoftmax(-1), torch.randn(2, 3)),
    ("op_max_pool", ("MaxPool2d", {"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 1]}), nn.MaxPool2d((3, 2), (2, 1), (1, 1)), torch.randn(2, 3, 5, 6)),
    ("op_avg_pool", ("AvgPool2d", {"kernel_size": [2, 2], "stride": None, "padding": [0, 0]}), nn.AvgPool2d(2), torch.randn(2, 3, 4, 6)),
    ("op_avg_pool_padded", ("AvgPool2d", {"kernel_size": [3, 3], "stride": [2, 2], "padding": [1, 1]}), nn.AvgPool2d(3, 2, 1), torch.randn(2, 3, 5, 5)),
    ("op_adaptive_avg_pool", ("AdaptiveAvgPool2d", {"output_size": [2, 1]}), nn.AdaptiveAvgPool2d((2, 1)), torch.randn(2, 3, 4, 6)),
    ("op_flatten", ("Flatten", {"start_dim": 1, "end_dim": -1}), nn.Flatten(), torch.randn(2, 3, 4)),
    ("op_layer_norm", ("LayerNorm", {"normalized_shape": [3, 4], "eps": 1e-5, "elementwise_affine": True}), nn.LayerNorm((3, 4)), torch.randn(2, 3, 4)),
    ("op_gelu", ("GELU", {}), nn.GELU(), torch.randn(20) * 3),
    ("op_silu", ("SiLU", {}), nn.SiLU(), torch.randn(20) * 3),
    ("op_tanh", ("Tanh", {}), nn.Tanh(), torch.randn(20) * 3),
    ("op_batch_norm_1d", ("BatchNorm1d", {"num_features": 3, "eps": 1e-5, "momentum": 0.1, "affine": True}), nn.BatchNorm1d(3), torch.randn(6, 3) * 2 + 1),
    ("op_batch_norm_2d", ("BatchNorm2d", {"num_features": 3, "eps": 1e-5, "momentum": 0.1, "affine": True}), nn.BatchNorm2d(3), torch.randn(4, 3, 2, 3) * 2 + 1),
):
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    case(name, {"op": config[0], "config": config[1]}, {"x": x}, dict(module.named_parameters()), lambda i, _, module=module: {"y": module(i["x"])})

seeded("more_ops")
for name, op, config, module, x in (
    ("op_linear", "Linear", {"in_features": 4, "out_features": 3, "bias": True}, nn.Linear(4, 3), torch.randn(2, 5, 4)),
    ("op_conv2d", "Conv2d", {"in_channels": 2, "out_channels": 4, "kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 2, "bias": True},
     nn.Conv2d(2, 4, (3, 2), (2, 1), (1, 1), groups=2), torch.randn(2, 2, 5, 4)),
    ("op_relu", "ReLU", {}, nn.ReLU(), torch.randn(20)),
    ("op_sigmoid", "Sigmoid", {}, nn.Sigmoid(), torch.randn(20) * 3),
    ("op_identity", "Identity", {}, nn.Identity(), torch.randn(2, 3)),
):
    case(name, {"op": op, "config": config}, {"x": x}, dict(module.named_parameters()), lambda i, _, module=module: {"y": module(i["x"])})
case("op_rms_norm", {"op": "RMSNorm", "config": {"normalized_shape": [3, 4], "eps": 1e-6, "elementwise_affine": True}}, {"x": torch.randn(2, 3, 4)}, {"weight": torch.randn(3, 4)},
     lambda i, p: {"y": i["x"] / (i["x"].pow(2).mean((-2, -1), keepdim=True) + 1e-6).sqrt() * p["weight"]})
for name, op, config, shapes, f in (
    ("op_concat", "Concat", {"dim": 1}, ((2, 3), (2, 2), (2, 1)), lambda *v: torch.cat(v, 1)),
    ("op_add", "Add", {}, ((2, 3), (2, 3), (3,)), lambda a, b, c: a + b + c),
    ("op_mul", "Mul", {}, ((2, 3), (2, 3), (2, 1)), lambda a, b, c: a * b * c),
    ("op_matmul", "MatMul", {}, ((2, 3, 4), (2, 4, 5)), lambda a, b: a @ b),
    ("op_reshape", "Reshape", {"shape": [4, -1]}, ((2, 6),), lambda a: a.reshape(4, -1)),
    ("op_transpose", "Transpose", {"dim0": 0, "dim1": -1}, ((2, 3, 4),), lambda a: a.transpose(0, -1)),
    ("op_mean", "Mean", {"dim": [0, -1], "keepdim": True}, ((2, 3, 4),), lambda a: a.mean((0, -1), keepdim=True)),
):
    case(name, {"op": op, "config": config}, {f"x{k}": torch.randn(shape) for k, shape in enumerate(shapes)}, {}, lambda i, _, f=f: {"y": f(*i.values())})

seeded("embedding")
emb = nn.Embedding(6, 4)
case("op_embedding", {"op": "Embedding", "config": {"num_embeddings": 6, "embedding_dim": 4}}, {"x": torch.tensor([[1, 5, 1], [0, 2, 2]])}, {"weight": torch.randn(6, 4)}, lambda i, p: {"y": F.embedding(i["x"], p["weight"])})

# ---- embedders, models, systems ----

seeded("patch")
case("model_patch", {"model": {"type": "ViTModel", "embedder": {"type": "patch", "image_size": 4, "patch_size": 2, "in_channels": 3, "d_model": 5},
     "topology": {"type": "StackedTopology", "repeat": 1, "layers": [{"type": "LinearLayer", "d_in": 5, "d_out": 3, "bias": True}]},
     "diffusion_head": None, "tied_embeddings": False, "pooling": "mean", "target_params": None, "block_size": None}, "input_key": "x"},
     {"x": torch.randn(2, 3, 4, 4)}, {"embedder.proj.weight": torch.randn(5, 3, 2, 2), "embedder.proj.bias": torch.randn(5), "embedder.position_embedding": torch.randn(4, 5), **linear_parameters("topology.layers.0", 5, 3)},
     lambda i, p: {"logits": linear(F.conv2d(i["x"], p["embedder.proj.weight"], p["embedder.proj.bias"], stride=2).flatten(2).transpose(1, 2) + p["embedder.position_embedding"], p, "topology.layers.0").mean(1)})

seeded("tied")
case("model_tied", {"model": {"type": "TransformerModel", "embedder": {"type": "token", "vocab_size": 7, "d_model": 4},
     "topology": {"type": "StackedTopology", "repeat": 1, "layers": [
         {"type": "ResidualTopology", "repeat": 1, "layers": [{"type": "LinearLayer", "d_in": 4, "d_out": 4, "bias": False}]},
         {"type": "CyclicTopology", "repeat": 1, "iterations": 3, "layers": [{"type": "LinearLayer", "d_in": 4, "d_out": 4, "bias": True}]}]},
     "diffusion_head": None, "tied_embeddings": True, "pooling": "none", "target_params": None, "block_size": None}, "input_key": "x"},
     {"x": torch.tensor([[1, 5, 1], [0, 2, 6]])},
     {"embedder.token_embedding.weight": torch.randn(7, 4), **linear_parameters("topology.layers.0.layers.0", 4, 4, False), **linear_parameters("topology.layers.1.layers.0", 4, 4)},
     lambda i, p: {"logits": (lambda h: (lambda f: f(f(f(h + linear(h, p, "topology.layers.0.layers.0", False)))))(lambda v: linear(v, p, "topology.layers.1.layers.0")) @ p["embedder.token_embedding.weight"].T)(F.embedding(i["x"], p["embedder.token_embedding.weight"]))})

seeded("branches")
case("model_branches", {"model": {"type": "MLPModel", "embedder": {"type": "none"},
     "topology": {"type": "SequentialTopology", "repeat": 1, "layers": [
         {"type": "BranchingTopology", "repeat": 1, "dim": -1, "layers": [{"type": "LinearLayer", "d_in": 3, "d_out": 4, "bias": True}, {"type": "LinearLayer", "d_in": 3, "d_out": 2, "bias": True}]},
         {"type": "ParallelTopology", "repeat": 1, "layers": [{"type": "LinearLayer", "d_in": 6, "d_out": 2, "bias": True}, {"type": "LinearLayer", "d_in": 6, "d_out": 2, "bias": True}]}]},
     "diffusion_head": None, "tied_embeddings": False, "pooling": "none", "target_params": None, "block_size": None}, "input_key": "x"},
     {"x": torch.randn(4, 3)},
     {**linear_parameters("topology.layers.0.layers.0", 3, 4), **linear_parameters("topology.layers.0.layers.1", 3, 2), **linear_parameters("topology.layers.1.layers.0", 6, 2), **linear_parameters("topology.layers.1.layers.1", 6, 2)},
     lambda i, p: {"logits": (lambda h: torch.stack([linear(h, p, "topology.layers.1.layers.0"), linear(h, p, "topology.layers.1.layers.1")]))(torch.cat([linear(i["x"], p, "topology.layers.0.layers.0"), linear(i["x"], p, "topology.layers.0.layers.1")], -1))})

seeded("nested")
lstm, gru = nn.LSTM(4, 4, batch_first=True), nn.GRU(4, 3, batch_first=True)
nested = {"embedder.token_embedding.weight": torch.randn(7, 4)}
for k in range(4):
    path = f"topology.layers.0.layers.{k}"
    nested.update(linear_parameters(f"{path}.layers.1", 4, 4) if k % 2 == 0 else {f"{path}.layers.0.weight": torch.randn(4)})
    if k % 2 == 0:
        nested.update({f"{path}.layers.0.weight": torch.randn(4), f"{path}.layers.0.bias": torch.randn(4)})
nested.update({f"topology.layers.1.layers.0.{k}": v for k, v in lstm.named_parameters()})
nested.update({f"topology.layers.1.layers.1.{k}": v for k, v in gru.named_parameters()})


def nested_run(i, p):
    h = F.embedding(i["x"], p["embedder.token_embedding.weight"])
    for k in range(4):
        path = f"topology.layers.0.layers.{k}"
        if k % 2 == 0:
            h = h + linear(F.layer_norm(h, (4,), p[f"{path}.layers.0.weight"], p[f"{path}.layers.0.bias"]), p, f"{path}.layers.1")
        else:
            h = h + h / (h.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * p[f"{path}.layers.0.weight"]
    return {"logits": gru(lstm(h)[0])[0]}


rnn = {"num_layers": 1, "bias": True, "batch_first": True, "dropout": 0.0, "bidirectional": False, "proj_size": 0}
case("model_nested_recurrent", {"model": {"type": "GPTModel", "embedder": {"type": "token", "vocab_size": 7, "d_model": 4},
     "topology": {"type": "StackedTopology", "repeat": 1, "layers": [
         {"type": "NestedTopology", "repeat": 2, "layers": [
             {"type": "ResidualTopology", "repeat": 1, "layers": [{"type": "LayerNormLayer", "d_model": 4, "eps": 1e-5}, {"type": "LinearLayer", "d_in": 4, "d_out": 4, "bias": True}]},
             {"type": "ResidualTopology", "repeat": 1, "layers": [{"type": "RMSNormLayer", "d_model": 4, "eps": 1e-5, "elementwise_affine": True}]}]},
         {"type": "RecurrentTopology", "repeat": 1, "layers": [
             {"type": "RNNLayer", "cell_type": "lstm", "input_size": 4, "hidden_size": 4, **rnn},
             {"type": "RNNLayer", "cell_type": "gru", "input_size": 4, "hidden_size": 3, **rnn}]}]},
     "diffusion_head": None, "tied_embeddings": False, "pooling": "none", "target_params": None, "block_size": None}, "input_key": "x"},
     {"x": torch.tensor([[1, 5, 1], [0, 2, 6]])}, nested, nested_run)

seeded("first")
case("model_first_token", {"model": {"type": "MLPModel", "embedder": {"type": "token", "vocab_size": 7, "d_model": 4},
     "topology": {"type": "StackedTopology", "repeat": 1, "layers": [{"type": "LinearLayer", "d_in": 4, "d_out": 3, "bias": True}]},
     "diffusion_head": None, "tied_embeddings": False, "pooling": "first", "target_params": None, "block_size": None}, "input_key": "x"},
     {"x": torch.tensor([[1, 5, 1], [0, 2, 6]])}, {"embedder.token_embedding.weight": torch.randn(7, 4), **linear_parameters("topology.layers.0", 4, 3)},
     lambda i, p: {"logits": linear(F.embedding(i["x"], p["embedder.token_embedding.weight"]), p, "topology.layers.0")[:, 0]})

seeded("graph")
node = lambda id, ins, outs, **rest: {"id": id, "in": ins, "out": outs, "repeat": 1, **rest}
graph_layers = [
    # Not in the order of their data: the last node is the first that can be computed.
    node("head", ["joined"], ["logits"], kind="layer", layer={"type": "LinearLayer", "d_in": 10, "d_out": 2, "bias": True}),
    node("join", ["a", "deep"], ["joined"], kind="op", op="Concat", config={"dim": -1}),
    node("act", ["h"], ["a"], kind="op", op="ReLU", config={}),
    {**node("deep", ["h"], ["deep"], kind="layer", layer={"type": "LinearLayer", "d_in": 5, "d_out": 5, "bias": True}), "repeat": 2},
    node("cut", ["joined_too"], ["unused"], kind="op", op="Mean", config={"dim": [-1], "keepdim": False}),
    node("copy", ["joined"], ["joined_too"], kind="op", op="Identity", config={}),
    node("proj", ["inputs"], ["h"], kind="layer", layer={"type": "LinearLayer", "d_in": 4, "d_out": 5, "bias": True}),
]
graph_params = {**linear_parameters("topology.layers.head", 10, 2), **linear_parameters("topology.layers.deep__0", 5, 5), **linear_parameters("topology.layers.deep__1", 5, 5), **linear_parameters("topology.layers.proj", 4, 5)}


def graph_run(i, p):
    h = linear(i["inputs"], p, "topology.layers.proj")
    deep = linear(linear(h, p, "topology.layers.deep__0"), p, "topology.layers.deep__1")
    return {"logits": linear(torch.cat([torch.relu(h), deep], -1), p, "topology.layers.head")}


case("system_graph", {"system": {"ref": "system.graph", "impl": None, "config": {"topology": {"type": "GraphTopology", "layers": graph_layers}, "output_keys": ["logits"]}}},
     {"inputs": torch.randn(3, 4)}, graph_params, graph_run)

seeded("generic")
case("system_generic", {"system": {"ref": "system.generic", "impl": None, "config": {"model": {"type": "MLPModel", "embedder": {"type": "none"},
     "topology": {"type": "SequentialTopology", "repeat": 1, "layers": [{"type": "LinearLayer", "d_in": 3, "d_out": 4, "bias": True}, {"type": "LinearLayer", "d_in": 4, "d_out": 2, "bias": True}]},
     "diffusion_head": None, "tied_embeddings": False, "pooling": "none", "target_params": None, "block_size": None},
     "input_key": "pixels", "output_key": "scores", "return_features": True, "features_key": "hidden", "output_keys": None}}},
     {"pixels": torch.randn(4, 3)}, {**linear_parameters("topology.layers.0", 3, 4), **linear_parameters("topology.layers.1", 4, 2)},
     lambda i, p: (lambda y: {"scores": y, "hidden": y})(linear(linear(i["pixels"], p, "topology.layers.0"), p, "topology.layers.1")))

seeded("systems")
mlp = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Dropout(0), nn.Linear(5, 5), nn.ReLU(), nn.Dropout(0), nn.Linear(5, 3))
case("system_mlp", {"system": {"ref": "system.mlp_classifier", "impl": None, "config": {"d_in": 4, "d_hidden": 5, "n_layers": 2, "n_classes": 3, "dropout": 0.0}}},
     {"inputs": torch.randn(6, 4)}, {f"net.{k}": v for k, v in mlp.named_parameters()},
     lambda i, p: {"logits": linear(torch.relu(linear(torch.relu(linear(i["inputs"], p, "net.0")), p, "net.3")), p, "net.6")})


def gcn(i, p):
    A = i["adj"]
    d = A.sum(1).clamp(min=1)
    hat = torch.diag(d ** -0.5) @ A @ torch.diag(d ** -0.5)
    return {"logits": hat @ torch.relu(hat @ i["x"] @ p["w1.weight"].T) @ p["w2.weight"].T}


case("system_gcn", {"system": {"ref": "system.gcn", "impl": None, "config": {"d_in": 3, "d_hidden": 4, "n_classes": 2, "dropout": 0.0}}},
     {"x": torch.randn(5, 3), "adj": adj}, {"w1.weight": torch.randn(4, 3), "w2.weight": torch.randn(2, 4)}, gcn)


def denoiser(i, p):
    half = 3
    freq = torch.tensor([math.exp(-k * math.log(1e4) / (half - 1)) for k in range(half)])
    a = i["t"].float()[:, None] * freq[None]
    h = torch.cat([i["x_t"], a.sin(), a.cos()], -1)
    return {"pred_eps": linear(F.silu(linear(F.silu(linear(h, p, "net.0")), p, "net.2")), p, "net.4")}


case("system_denoiser", {"system": {"ref": "system.diffusion_denoiser", "impl": None, "config": {"d_in": 3, "d_hidden": 5, "time_dim": 6, "n_layers": 2}}},
     {"x_t": torch.randn(4, 3), "t": torch.tensor([0, 3, 50, 99])}, {**linear_parameters("net.0", 9, 5), **linear_parameters("net.2", 5, 5), **linear_parameters("net.4", 5, 3)}, denoiser)

# ---- objectives ----

seeded("objectives")
case("objective_next_token", {"objective": {"ref": "objective.next_token_ce", "impl": None, "config": {"logits_key": "logits", "target_key": "target_ids", "ignore_index": -100, "label_smoothing": 0.1}}},
     {"logits": torch.randn(2, 3, 7) * 2, "target_ids": torch.tensor([[1, 6, -100], [0, 3, 3]])}, {},
     lambda i, p: {"loss": F.cross_entropy(i["logits"].reshape(-1, 7), i["target_ids"].reshape(-1), ignore_index=-100, label_smoothing=0.1)})
case("objective_classification", {"objective": {"ref": "objective.classification_ce", "impl": None, "config": {"logits_key": "logits", "labels_key": "labels", "ignore_index": -100, "label_smoothing": 0.0}}},
     {"logits": torch.randn(5, 4) * 3, "labels": torch.tensor([1, 0, 3, 3, 2])}, {}, lambda i, p: {"loss": F.cross_entropy(i["logits"], i["labels"])})
case("objective_mse", {"objective": {"ref": "objective.mse", "impl": None, "config": {"pred_key": "pred", "target_key": "targets"}}},
     {"pred": torch.randn(3, 4), "targets": torch.randn(3, 4)}, {}, lambda i, p: {"loss": F.mse_loss(i["pred"], i["targets"])})

# ---- optimisers: five steps over fixed gradients ----

seeded("optimizers")


class Lion:
    """The published algorithm, line by line (Chen et al., 2023): betas 0.9 and 0.99, decay beside the step."""

    def __init__(self, w, lr, weight_decay):
        self.w, self.lr, self.decay, self.m = w, lr, weight_decay, torch.zeros_like(w)

    @torch.no_grad()
    def step(self):
        g = self.w.grad
        update = torch.sign(0.9 * self.m + 0.1 * g)
        self.m = 0.99 * self.m + 0.01 * g
        self.w -= self.lr * (update + self.decay * self.w)


start, grads = torch.randn(3, 4), [torch.randn(3, 4) for _ in range(5)]
for name, make in {
    "adamw": lambda w: torch.optim.AdamW([w], lr=0.05, weight_decay=0.1),
    "sgd": lambda w: torch.optim.SGD([w], lr=0.05, weight_decay=0.1),
    "lion": lambda w: Lion(w, lr=0.05, weight_decay=0.1),
}.items():
    w = start.clone().requires_grad_(True)
    opt = make(w)
    trace = []
    for g in grads:
        w.grad = g.clone()
        opt.step()
        trace.append(w.detach().clone())
    doc = {"name": f"optimizer_{name}", "torch": torch.__version__, "start": tensor_json(start), "gradients": [tensor_json(g) for g in grads], "trace": [tensor_json(t) for t in trace],
           "lr": 0.05, "weight_decay": 0.1}
    OUT.write(json.dumps(doc, separators=(",", ":")) + "\n")
