import * as jax from "@jax-js/jax";

type Tensor = jax.Array;
type Weights = Record<string, Tensor>;
const { numpy: np, nn } = jax;

/** The sizes of a small language model. */
export interface Sizes {
  readonly layers: number;
  readonly d_model: number;
  readonly n_heads: number;
  readonly d_ff: number;
  readonly vocab_size: number;
  readonly batch_size: number;
  readonly block_size: number;
}

/**
 * A language model (RMSNorm, rotary attention, SwiGLU) and AdamW as one writes them by hand over @jax-js/jax, with the
 * whole step in one jit: what a trainer over the same arithmetic is compared with. Arrays are counted by hand: functions
 * consume what they are given, `ref` is one more use.
 */
export function bareLanguageModel(sizes: Sizes, lr: number): (ids: Int32Array, targets: Int32Array) => number {
  const { layers, d_model: d, d_ff, vocab_size: vocab, batch_size: batch, block_size: tokens } = sizes;
  let count = 0;
  const matrix = (rows: number, columns: number): Tensor => {
    const bound = 1 / Math.sqrt(columns);
    const key = jax.random.key(++count);
    return jax.random.uniform(key, [rows, columns], { minval: -bound, maxval: bound });
  };
  let weights: Weights = { embedding: jax.random.normal(jax.random.key(0), [vocab, d]) };
  for (let i = 0; i < layers; i++) {
    for (const name of ["q", "k", "v", "o"]) weights[`${name}${i}`] = matrix(d, d);
    weights[`up${i}`] = matrix(2 * d_ff, d);
    weights[`down${i}`] = matrix(d, d_ff);
    weights[`norm_a${i}`] = np.ones([d]);
    weights[`norm_b${i}`] = np.ones([d]);
  }
  weights = { ...weights, norm: np.ones([d]), head: matrix(vocab, d) };
  const names = Object.keys(weights);
  const zeros = (): Weights => Object.fromEntries(names.map((name) => [name, np.zeros(weights[name]?.shape ?? [])]));
  let [mean, square] = [zeros(), zeros()];

  const lossOf = (w: Weights, ids: Tensor, targets: Tensor): Tensor => {
    const logits = forward(w, ids, sizes).reshape([batch * tokens, vocab]);
    const hot = np.equal(np.arange(vocab), targets.reshape([batch * tokens, 1]));
    return np.negative(np.sum(np.where(hot, nn.logSoftmax(logits, -1), 0))).mul(1 / (batch * tokens));
  };
  const step = jax.jit((w: Weights, m: Weights, v: Weights, ids: Tensor, targets: Tensor, correction: Tensor) => {
    const [loss, gradients] = jax.valueAndGrad(lossOf)(
      jax.tree.map((x: Tensor) => x.ref, w),
      ids,
      targets,
    );
    const next: [Weights, Weights, Weights] = [{}, {}, {}];
    for (const name of names) {
      const [g, old, first, second] = [gradients[name], w[name], m[name], v[name]];
      if (g === undefined || old === undefined || first === undefined || second === undefined) continue;
      const average = first.mul(0.9).add(g.ref.mul(0.1));
      const power = second.mul(0.999).add(np.square(g).mul(0.001));
      const [c1, c2] = [correction.ref.slice(0), correction.ref.slice(1)];
      const scale = np.sqrt(power.ref).mul(c2).add(1e-8);
      next[0][name] = old.sub(average.ref.mul(c1.mul(lr)).div(scale));
      next[1][name] = average;
      next[2][name] = power;
    }
    correction.dispose();
    return [loss, ...next] as [Tensor, Weights, Weights, Weights];
  });

  let steps = 0;
  return (ids, targets) => {
    steps++;
    const whole = (data: Int32Array): Tensor => np.array(data.slice(), { shape: [batch, tokens] });
    const correction = np.array(Float32Array.of(1 / (1 - 0.9 ** steps), 1 / Math.sqrt(1 - 0.999 ** steps)));
    const [loss, ...next] = step(weights, mean, square, whole(ids), whole(targets), correction);
    [weights, mean, square] = next;
    return loss.item();
  };
}

function forward(w: Weights, ids: Tensor, sizes: Sizes): Tensor {
  const { layers, d_model: d, n_heads: heads, batch_size: batch, block_size: tokens } = sizes;
  const weight = (name: string): Tensor => {
    const found = w[name];
    if (found === undefined) throw new Error(`there is no weight ${name}`);
    return found;
  };
  const linear = (x: Tensor, name: string): Tensor => np.matmul(x, np.transpose(weight(name)));
  const norm = (x: Tensor, name: string): Tensor => {
    const meanSquare = np.mean(np.square(x.ref), -1, { keepdims: true });
    return x.mul(np.reciprocal(np.sqrt(meanSquare.add(1e-5)))).mul(weight(name));
  };
  const width = d / heads;
  const angles = Float32Array.from(
    { length: (tokens * width) / 2 },
    (_, i) => Math.floor(i / (width / 2)) * 1e4 ** ((-2 * (i % (width / 2))) / width),
  );
  const table = (f: (x: number) => number): Tensor => np.array(angles.map(f), { shape: [tokens, width / 2] });
  const cos = table(Math.cos);
  const sin = table(Math.sin);
  const turned = (x: Tensor): Tensor => {
    const [a, b] = np.split(x, 2, -1) as [Tensor, Tensor];
    return np.concatenate([a.ref.mul(cos.ref).sub(b.ref.mul(sin.ref)), a.mul(sin.ref).add(b.mul(cos.ref))], -1);
  };
  const split = (x: Tensor): Tensor => np.transpose(x.reshape([batch, tokens, heads, width]), [0, 2, 1, 3]);
  const seen = np.lessEqual(np.arange(tokens).reshape([1, tokens]), np.arange(tokens).reshape([tokens, 1]));

  let x = np.take(weight("embedding"), ids, 0);
  for (let i = 0; i < layers; i++) {
    const h = norm(x.ref, `norm_a${i}`);
    const q = turned(split(linear(h.ref, `q${i}`)));
    const k = turned(split(linear(h.ref, `k${i}`)));
    const v = split(linear(h, `v${i}`));
    const scores = np.matmul(q, np.transpose(k, [0, 1, 3, 2])).mul(1 / Math.sqrt(width));
    const mixed = np.matmul(nn.softmax(np.where(seen.ref, scores, -1e9), -1), v);
    x = x.add(linear(np.transpose(mixed, [0, 2, 1, 3]).reshape([batch, tokens, d]), `o${i}`));
    const both = linear(norm(x.ref, `norm_b${i}`), `up${i}`);
    const [gate, up] = np.split(both, 2, -1) as [Tensor, Tensor];
    x = x.add(linear(nn.silu(gate).mul(up), `down${i}`));
  }
  for (const array of [cos, sin, seen]) array.dispose();
  return linear(norm(x, "norm"), "head");
}
