import type { Transform } from "@vrx/manifest";
import { randomStream } from "@vrx/ring-engine";
import { ExperimentError } from "../errors.js";
import { sizeOf } from "../tensor/program.js";
import { type Batch, type DataFile, type Dataset, type LossReference, heldOut } from "./dataset.js";
import { signalShares } from "./generate.js";
import type { HostArray } from "./npy.js";
import { placesOf, wholeBatches } from "./token-dataset.js";

/** Rows of arrays side by side. What a batch gets besides may depend on random numbers, which follow from a name. */
export function sampleDataset(options: {
  readonly arrays: Readonly<Record<string, HostArray>>;
  readonly val_frac: number;
  readonly files: readonly DataFile[];
  readonly name: string;
  readonly reference?: (batch: Batch) => LossReference;
  /** Makes a batch of rows; `draw` names the random numbers. */
  readonly transform?: (rows: Batch, seed: number, draw: string) => Batch;
}): Dataset {
  const { arrays, name, files, reference, transform = (batch: Batch): Batch => batch } = options;
  const counts = Object.entries(arrays).map(([key, { shape }]) => [key, shape[0] ?? 0] as const);
  const count = counts[0]?.[1] ?? 0;
  const other = counts.find(([, n]) => n !== count);
  if (other !== undefined || count === 0) {
    const found = counts.map(([key, n]) => `${key} ${n}`).join(", ");
    throw new ExperimentError(
      "invalid_data",
      `${name}: expected the same number of samples everywhere, found ${found}`,
    );
  }
  const held = heldOut(count, options.val_frac);
  const rows = (indices: readonly number[]): Batch =>
    Object.fromEntries(
      Object.entries(arrays).map(([key, { shape, data }]) => {
        const width = sizeOf(shape.slice(1));
        const picked =
          data instanceof Int32Array
            ? new Int32Array(indices.length * width)
            : new Float32Array(indices.length * width);
        for (const [row, index] of indices.entries())
          picked.set(data.subarray(index * width, (index + 1) * width), row * width);
        return [key, { data: picked, shape: [indices.length, ...shape.slice(1)] }] as const;
      }),
    );
  return {
    files,
    train_samples: count - held,
    val_samples: held,
    ...(reference === undefined ? {} : { reference }),
    trainBatch: (seed, place, size) =>
      transform(rows(placesOf(seed, place, size, count - held)), seed, `train ${place}`),
    *valBatches(size, seed) {
      let place = 0;
      for (const batch of wholeBatches(held, size)) {
        yield transform(rows(batch.map((row) => count - held + row)), seed, `val ${place++}`);
      }
    },
  };
}

/** Noise of a random level in samples `x0`: `x_t`, its level `t`, and the noise `eps` that is in it. */
export function addDiffusionNoise(timesteps: number): (rows: Batch, seed: number, draw: string) => Batch {
  const shares = signalShares(timesteps);
  return (rows, seed, draw) => {
    const x = rows["x"];
    if (x === undefined) throw new ExperimentError("missing_key", "there are no samples x to add noise to");
    const [count = 1] = x.shape;
    const width = x.data.length / count;
    const levels = randomStream(seed, "data", `levels ${draw}`);
    const noise = randomStream(seed, "data", `noise ${draw}`);
    const t = Int32Array.from({ length: count }, (_, i) => Math.floor(levels.uniform(i) * timesteps));
    const eps = Float32Array.from({ length: x.data.length }, (_, i) => noise.normal(i));
    const x_t = eps.map((e, i) => {
      const share = shares[t[Math.floor(i / width)] ?? 0] ?? 1;
      return Math.sqrt(share) * (x.data[i] ?? 0) + Math.sqrt(1 - share) * e;
    });
    return { x_t: { data: x_t, shape: x.shape }, t: { data: t, shape: [count] }, eps: { data: eps, shape: x.shape } };
  };
}

/** The transforms of `dataset.tensors`, in order. */
export function applyTransforms(transforms: readonly Transform[]): (rows: Batch, seed: number, draw: string) => Batch {
  return (rows, seed, draw) =>
    transforms.reduce((batch, transform, i) => applyTransform(batch, transform, seed, `${i} ${draw}`), rows);
}

function applyTransform(batch: Batch, transform: Transform, seed: number, draw: string): Batch {
  const need = (key: string): Batch[string] => {
    const found = batch[key];
    if (found !== undefined) return found;
    throw new ExperimentError(
      "missing_key",
      `${transform.type}: there is no ${key}; there are ${Object.keys(batch).join(", ")}`,
    );
  };
  switch (transform.type) {
    case "rename_keys":
      for (const key of Object.keys(transform.mapping)) need(key);
      return Object.fromEntries(Object.entries(batch).map(([key, value]) => [transform.mapping[key] ?? key, value]));
    case "cast_dtype": {
      const cast = Object.entries(transform.dtypes).map(([key, dtype]) => {
        const { data, shape } = need(key);
        const whole = dtype === "int32" || dtype === "int64" || dtype === "uint8" || dtype === "bool";
        const values = whole
          ? Int32Array.from(data, (v) => (dtype === "bool" ? Number(v !== 0) : dtype === "uint8" ? v & 0xff : v))
          : Float32Array.from(data);
        return [key, { data: values, shape }] as const;
      });
      return { ...batch, ...Object.fromEntries(cast) };
    }
    case "add_mask": {
      const { data, shape } = need(transform.src_key);
      const mask = Float32Array.from(data, (value) => (value === transform.ignore_index ? 0 : 1));
      return { ...batch, [transform.mask_key]: { data: mask, shape } };
    }
    case "token_shift": {
      const { data, shape } = need(transform.src);
      const length = shape.at(-1) ?? 0;
      if (length < 2)
        throw new ExperimentError("invalid_data", `token_shift: expected at least 2 tokens, found ${length}`);
      const rows = data.length / length;
      const part = (offset: number): Batch[string] => ({
        data: Int32Array.from({ length: rows * (length - 1) }, (_, i) => {
          const row = Math.floor(i / (length - 1));
          return data[row * length + (i % (length - 1)) + offset] ?? 0;
        }),
        shape: [...shape.slice(0, -1), length - 1],
      });
      return { ...batch, input_ids: part(0), target_ids: part(1) };
    }
    case "gaussian_noise": {
      const { data, shape } = need(transform.src);
      const noise = randomStream(seed, "data", `noise ${draw}`);
      const noisy = Float32Array.from(data, (value, i) => value + transform.sigma * noise.normal(i));
      return { ...batch, [transform.out]: { data: noisy, shape } };
    }
    case "graph_batch":
      return batch;
  }
}

/** One graph: training looks at the nodes of one mask, validation at those of another. */
export function graphDataset(options: {
  readonly x: HostArray;
  readonly adjacency: HostArray;
  readonly labels: HostArray;
  readonly train_mask: HostArray | null;
  readonly val_mask: HostArray | null;
  readonly add_self_loops: boolean;
  readonly val_frac: number;
  readonly files: readonly DataFile[];
  readonly name: string;
  readonly reference?: (batch: Batch) => LossReference;
}): Dataset {
  const { x, adjacency, labels, name, files, reference } = options;
  const nodes = x.shape[0] ?? 0;
  const square = adjacency.shape.length === 2 && adjacency.shape.every((size) => size === nodes);
  if (x.shape.length !== 2 || !square || labels.data.length !== nodes || !(labels.data instanceof Int32Array)) {
    throw new ExperimentError(
      "invalid_data",
      `${name}: expected features (N, F), an adjacency matrix (N, N) and N whole labels, ` +
        `found ${x.shape.join(" x ")}, ${adjacency.shape.join(" x ")} and ${labels.shape.join(" x ")}`,
    );
  }
  const adj = Float32Array.from(adjacency.data);
  // A node that is its own neighbour already stays that, once.
  if (options.add_self_loops) for (let n = 0; n < nodes; n++) adj[n * nodes + n] = Math.max(1, adj[n * nodes + n] ?? 0);
  const [train, val] = masks(options, nodes);
  const given = {
    x: { data: Float32Array.from(x.data), shape: x.shape },
    adj: { data: adj, shape: adjacency.shape },
    labels: { data: labels.data, shape: [nodes] },
  };
  const batch = (counts: Float32Array): Batch => ({ ...given, counts: { data: counts, shape: [nodes] } });
  const size = (mask: Float32Array): number => mask.reduce((sum, value) => sum + value, 0);
  return {
    files,
    train_samples: size(train),
    val_samples: size(val),
    ...(reference === undefined ? {} : { reference }),
    trainBatch: () => batch(train),
    *valBatches() {
      if (size(val) > 0) yield batch(val);
    },
  };
}

function masks(
  { train_mask, val_mask, val_frac, name }: Parameters<typeof graphDataset>[0],
  nodes: number,
): [Float32Array, Float32Array] {
  const read = (mask: HostArray): Float32Array => {
    if (mask.data.length !== nodes) {
      throw new ExperimentError(
        "invalid_data",
        `${name}: expected a mask of ${nodes} nodes, found ${mask.data.length}`,
      );
    }
    return Float32Array.from(mask.data, (value) => Number(value !== 0));
  };
  if (train_mask !== null) return [read(train_mask), val_mask === null ? new Float32Array(nodes) : read(val_mask)];
  if (val_mask !== null) {
    const val = read(val_mask);
    return [val.map((value) => 1 - value), val];
  }
  // Held-out nodes are spread over the graph, the same ones for every seed.
  const held = new Set(placesOf(0, 0, heldOut(nodes, val_frac), nodes));
  const val = Float32Array.from({ length: nodes }, (_, n) => Number(held.has(n)));
  return [val.map((value) => 1 - value), val];
}
