import { randomStream } from "@vrx/ring-engine";
import { ExperimentError } from "../errors.js";
import { type Batch, type DataFile, type Dataset, heldOut } from "./dataset.js";
import type { Generated } from "./generate.js";
import { shuffledIndex } from "./shuffle.js";

/** Reads token ids written as numbers between white space. */
export function readTokenText(text: string, name: string): Int32Array {
  const words = text.split(/\s+/).filter((word) => word !== "");
  return Int32Array.from(words, (word, i) => {
    if (/^\d{1,10}$/.test(word) && Number(word) < 2 ** 31) return Number(word);
    throw new ExperimentError(
      "invalid_file",
      `${name}: expected whole numbers of 31 bits, found ${word.slice(0, 20)} at ${i}`,
    );
  });
}

/**
 * Windows over a text of token ids. The text itself is split before anything is cut from it, its end held out, so that
 * no held-out token is ever trained on. Training windows begin at every token; held-out ones follow each other.
 */
export function tokenDataset(options: {
  readonly tokens: Int32Array;
  readonly block_size: number;
  readonly val_frac: number;
  readonly files: readonly DataFile[];
  readonly name: string;
  readonly generated?: Generated;
}): Dataset {
  const { tokens, block_size: block, files, name, generated } = options;
  const lowest = tokens.reduce((a, b) => Math.min(a, b), 0);
  if (lowest < 0)
    throw new ExperimentError("invalid_data", `${name}: expected token ids of at least 0, found ${lowest}`);
  const held = heldOut(tokens.length, options.val_frac);
  const train = tokens.subarray(0, tokens.length - held);
  const val = tokens.subarray(tokens.length - held);
  if (train.length <= block) {
    throw new ExperimentError(
      "invalid_data",
      `${name}: expected more than block_size=${block} tokens to train on, found ${train.length}`,
    );
  }
  const windows = train.length - block;
  const valWindows = Math.max(0, Math.floor((val.length - 1) / block));
  if (held > 0 && valWindows === 0) {
    throw new ExperimentError(
      "invalid_data",
      `${name}: the ${held} held-out tokens are no more than block_size=${block}: raise val_frac or lower block_size`,
    );
  }
  const cut = (text: Int32Array, starts: readonly number[]): Batch => windowsAt(text, block, starts);
  return {
    files,
    train_samples: windows,
    val_samples: valWindows,
    tokens: { train, val, block_size: block },
    ...(generated === undefined ? {} : { reference: generated.reference }),
    trainBatch: (seed, place, size) => cut(train, placesOf(seed, place, size, windows)),
    *valBatches(size) {
      for (const rows of wholeBatches(valWindows, size))
        yield cut(
          val,
          rows.map((row) => row * block),
        );
    },
  };
}

/** The samples at a place of training: each once per epoch, in the order of the seed, in whole batches. */
export function placesOf(seed: number, place: number, size: number, samples: number): number[] {
  const perEpoch = Math.max(1, Math.floor(samples / size));
  const epoch = Math.floor(place / perEpoch);
  const start = (place % perEpoch) * size;
  // Fewer samples than a batch has: they come again.
  return Array.from({ length: size }, (_, i) => shuffledIndex(seed, epoch, (start + i) % samples, samples));
}

/** Numbers 0 to `count` - 1 in batches of `size`; what is left over is left out, unless it is all there is. */
export function* wholeBatches(count: number, size: number): Iterable<number[]> {
  const step = Math.min(size, count);
  if (step === 0) return;
  for (let start = 0; start + step <= count; start += step) yield Array.from({ length: step }, (_, i) => start + i);
}

/** Windows of random ids: sample i follows from the seed and i alone. */
export function randomTokenDataset(config: {
  readonly vocab_size: number;
  readonly block_size: number;
  readonly length: number;
  readonly seed: number;
  readonly val_frac: number;
}): Dataset {
  const { vocab_size, block_size: block, length, seed } = config;
  const held = heldOut(length, config.val_frac);
  const make = (samples: readonly number[]): Batch => {
    const shape = [samples.length, block];
    const input_ids = new Int32Array(samples.length * block);
    const target_ids = new Int32Array(samples.length * block);
    for (const [row, sample] of samples.entries()) {
      const random = randomStream(seed, "data", `sample ${sample}`);
      for (let t = 0; t <= block; t++) {
        const id = Math.floor(random.uniform(t) * vocab_size);
        if (t < block) input_ids[row * block + t] = id;
        if (t > 0) target_ids[row * block + t - 1] = id;
      }
    }
    return { input_ids: { data: input_ids, shape }, target_ids: { data: target_ids, shape } };
  };
  const even = Math.log(vocab_size);
  return {
    files: [],
    train_samples: length - held,
    val_samples: held,
    reference: () => ({ floor: even, guessing: even }),
    trainBatch: (order, place, size) => make(placesOf(order, place, size, length - held)),
    *valBatches(size) {
      for (const rows of wholeBatches(held, size)) yield make(rows.map((row) => length - held + row));
    },
  };
}

/** Batches of windows that follow each other in a text; at most `limit`. */
export function cutWindows(text: Int32Array, block: number, size: number, limit: number): Batch[] {
  const windows = Math.max(0, Math.floor((text.length - 1) / block));
  const batches: Batch[] = [];
  for (const rows of wholeBatches(windows, size)) {
    if (batches.length === limit) break;
    batches.push(
      windowsAt(
        text,
        block,
        rows.map((row) => row * block),
      ),
    );
  }
  return batches;
}

/** Windows of a text by where they begin, with the token after each token as its target. */
export function windowsAt(text: Int32Array, block: number, starts: readonly number[]): Batch {
  const shape = [starts.length, block];
  const input_ids = new Int32Array(starts.length * block);
  const target_ids = new Int32Array(starts.length * block);
  for (const [row, start] of starts.entries()) {
    input_ids.set(text.subarray(start, start + block), row * block);
    target_ids.set(text.subarray(start + 1, start + block + 1), row * block);
  }
  return { input_ids: { data: input_ids, shape }, target_ids: { data: target_ids, shape } };
}
