import type { RingBatch, RingConfig } from "../src/backend.js";
import { parameterLayout } from "../src/parameters.js";

/**
 * What has no slope: slots, fractions, the remainder that rounding the target left, and how often each way goes
 * round the ring; fixed while parameters vary a little.
 */
export interface Decision {
  readonly base: number;
  readonly slot: number;
  readonly fraction: number;
  readonly rounding: number;
  readonly turns: number[];
}
export type Decisions = Map<string, Decision>;

const mod = (a: number, n: number): number => a - n * Math.floor(a / n);
const sig = (x: number): number => 1 / (1 + Math.exp(-x));
const halfEven = (x: number): number => {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
};

/**
 * The mean loss of a batch, written a second time, naively and forward only, from the model's definition.
 * `decisions` is filled where empty and obeyed where filled: with them fixed, the loss is a smooth function
 * whose slope is what the engines call the gradient.
 */
export function independentLoss(
  config: RingConfig,
  parameters: Float64Array,
  batch: RingBatch,
  decisions: Decisions,
): number {
  const { ring_len: R, slot_dim: D, synth_len: T, batch_size: B, window_radius: K } = config;
  const tensors = new Map(
    parameterLayout(config).map(({ name, offset, length }) => [
      name,
      [...parameters.subarray(offset, offset + length)],
    ]),
  );
  const tensor = (name: string): number[] => {
    const found = tensors.get(name);
    if (!found) throw new Error(`no ${name}`);
    return found;
  };
  const affine = (w: number[], b: number[], x: number[]): number[] =>
    b.map((offset, i) => x.reduce((sum, value, j) => sum + w[i * x.length + j]! * value, offset));
  const linear = (name: string, x: number[]): number[] => affine(tensor(`${name}.weight`), tensor(`${name}.bias`), x);
  const gru = (name: string, x: number[], h: number[]): number[] => {
    const a = affine(tensor(`${name}.weight_ih`), tensor(`${name}.bias_ih`), x);
    const c = affine(tensor(`${name}.weight_hh`), tensor(`${name}.bias_hh`), h);
    const n = h.length;
    return h.map((before, i) => {
      const r = sig(a[i]! + c[i]!);
      const z = sig(a[n + i]! + c[n + i]!);
      return (1 - z) * Math.tanh(a[2 * n + i]! + r * c[2 * n + i]!) + z * before;
    });
  };
  let turns: number[] = [];
  let turn = 0;
  const wrap = (a: number, b: number): number => {
    const count = (turns[turn] ??= Math.floor((b - a + R / 2) / R));
    turn += 1;
    return b - a + R / 2 - R * count - R / 2;
  };
  const lerp = (a: number, b: number, w: number): number => mod(a + w * wrap(a, b), R);

  let total = 0;
  for (let b = 0; b < B; b++) {
    const ring = Array.from({ length: R }, () => new Array<number>(D).fill(0));
    const sensed: number[][] = [];
    let h = new Array<number>(D).fill(0);
    let p = batch.pointer_unit[b]! * (R - 1);
    for (let t = 0; t < T; t++) {
      const x = [batch.x[b * T + t]!];
      let external: number[];
      if (config.sensory_ring) {
        const delayed = sensed[t - config.sensory_len];
        const u = linear("sensory_proj_in", x).map((v, i) => Math.tanh(v) + (delayed?.[i] ?? 0));
        sensed.push(gru("sensory_gru", u, sensed[t - 1] ?? u.map(() => 0)));
        external = linear("sensory_bridge", sensed[t]!).map(Math.tanh);
      } else external = linear("input_proj", x).map(Math.tanh);

      const key = `${b}/${t}`;
      const single = Math.fround(p);
      const share = (slot: number): number => sig(tensor("theta_ptr_reduced")[slot]!) * (R - 1);
      const between = (low: number, high: number, f: number): number => low * (1 - f) + high * f;
      const fresh = (): Decision => {
        const slot = mod(Math.floor(single), R);
        const fraction = single - Math.floor(single);
        const target = between(share(slot), share((slot + 1) % R), fraction);
        const base = Math.min(Math.max(Math.floor(p), 0), R - 1);
        return { base, slot, fraction, rounding: halfEven(target) - target, turns: [] };
      };
      const decision = decisions.get(key) ?? fresh();
      decisions.set(key, decision);
      turns = decision.turns;
      turn = 0;

      const centers = Array.from({ length: 2 * K + 1 }, (_, k) => mod(decision.base + k - K, R));
      const powers = centers.map((c) => Math.exp(-(wrap(p, c) ** 2) / config.window_tau));
      const weights = powers.map((power) => power / powers.reduce((s, v) => s + v, 0));
      const read = h.map((_, i) => centers.reduce((sum, c, k) => sum + weights[k]! * ring[c]![i]!, 0));
      const scale = sig(tensor("context_logit")[0]!);
      h = gru(
        "gru",
        external.map((v, i) => v + scale * read[i]!),
        h,
      );
      for (const [k, c] of centers.entries())
        ring[c] = ring[c]!.map((v, i) => v + weights[k]! * config.update_scale * h[i]!);

      if (t % config.ptr_update_every !== 0) continue;
      const [j0, j1] = [decision.slot, (decision.slot + 1) % R];
      const gates = tensor("theta_gate_reduced");
      const target = between(share(j0), share(j1), decision.fraction) + decision.rounding;
      const jump = sig(linear("jump_score", h)[0]! + between(gates[j0]!, gates[j1]!, decision.fraction));
      const inertia = Math.min(sig(linear("inertia_head", h)[0]!), 0.99);
      const zone = Math.log1p(Math.exp(linear("deadzone_head", h)[0]!));
      let m = lerp(p, mod(p + 1, R), sig(linear("walk_head", h)[0]!));
      m = lerp(m, target, jump);
      m = lerp(p, m, 1 - inertia);
      const way = wrap(p, m);
      p = mod(p + sig((Math.abs(way) - zone) / config.deadzone_tau) * way, R);
    }
    const last = decisions.get(`${b}/end`)?.base ?? Math.min(Math.max(Math.floor(p), 0), R - 1);
    decisions.set(`${b}/end`, { base: last, slot: 0, fraction: 0, rounding: 0, turns: [] });
    const head = config.expert_heads === 1 ? "head.single" : `head.experts.${last % config.expert_heads}`;
    const logits = linear(
      head,
      ring[last]!.map((v, i) => v + h[i]!),
    );
    const highest = Math.max(...logits);
    total += Math.log(logits.reduce((sum, v) => sum + Math.exp(v - highest), 0)) + highest - logits[batch.y[b]!]!;
  }
  return total / B;
}
