import type { Engine, EngineTensor, Executable } from "../engine/engine.js";
import { ExperimentError } from "../errors.js";
import { STATE, type StateSpec } from "../layers/forward-pass.js";
import { BATCH, LENGTH, OUTPUT, POSITION, type SystemSpec, buildContinuation } from "../system/build-system.js";
import type { Weights } from "../system/weights.js";
import { Graph } from "../tensor/graph.js";
import { sizeOf } from "../tensor/program.js";

/** What a decoder is opened over. */
export interface DecoderOptions {
  readonly engine: Engine;
  readonly spec: Pick<SystemSpec, "system" | "code">;
  readonly weights: Weights;
  /** Texts side by side; they are continued in step. */
  readonly batch: number;
  /** The most tokens a text may have. */
  readonly max_tokens: number;
  /** Tokens of a prompt at a time, at most; a power of two. */
  readonly chunk?: number;
}

const SMALLEST_CAPACITY = 32;

/**
 * Continues texts token by token with what the layers keep (keys and values, states), so that a token costs the same
 * wherever it stands: programs have fixed shapes, with room that doubles when it is used up. Compiled programs are kept.
 */
export class Decoder {
  readonly #options: DecoderOptions;
  readonly #chunk: number;
  readonly #programs = new Map<string, { readonly run: Executable; readonly states: readonly StateSpec[] }>();
  #states = new Map<string, EngineTensor>();
  #capacity = 0;
  #position = 0;

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#chunk = options.chunk ?? 128;
  }

  /** How many tokens have been read so far. */
  get position(): number {
    return this.#position;
  }

  /** Bytes of what is kept now, in the engine. */
  get state_bytes(): number {
    return [...this.#states.values()].reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  }

  /**
   * Reads tokens, as many of each text, and gives the logits after the last of them, text by text. Throws
   * `cache_overflow` where there would be more than `max_tokens`.
   */
  async read(texts: readonly (readonly number[] | Int32Array)[]): Promise<Float32Array> {
    const { batch, max_tokens, engine } = this.#options;
    const tokens = texts[0]?.length ?? 0;
    if (texts.length !== batch || tokens === 0 || texts.some((text) => text.length !== tokens)) {
      throw new ExperimentError(
        "invalid_argument",
        `expected ${batch} texts with the same number of tokens, at least one`,
      );
    }
    if (this.#position + tokens > max_tokens) {
      throw new ExperimentError(
        "cache_overflow",
        `Cache overflow: ${this.#position + tokens} tokens, and there is room for ${max_tokens}`,
      );
    }
    this.#reserve(this.#position + tokens);
    let logits = new Float32Array();
    for (let start = 0; start < tokens; start += this.#chunk) {
      const part = texts.map((text) => Array.from(text.slice(start, start + this.#chunk)));
      const result = this.#run(part);
      if (start + this.#chunk >= tokens) logits = Float32Array.from(await engine.read(result));
      result.dispose();
    }
    return logits;
  }

  /** Forgets all tokens from `position` on. Only layers that keep a place per token can; others throw `unsupported`. */
  truncate(position: number): void {
    if (position > this.#position || position < 0) {
      throw new ExperimentError("invalid_argument", `there is nothing to forget from ${position} on`);
    }
    const running = [...this.#states].find(([, { shape }]) => shape.length !== 4 || shape[2] !== this.#capacity);
    if (running !== undefined && position !== this.#position && position !== 0) {
      throw new ExperimentError("unsupported", `${running[0]} is a state of all tokens together and cannot go back`);
    }
    this.#position = position;
    if (position === 0) this.#forget();
  }

  dispose(): void {
    this.#forget();
    for (const { run } of this.#programs.values()) run.dispose();
    this.#programs.clear();
  }

  #forget(): void {
    for (const tensor of this.#states.values()) tensor.dispose();
    this.#states.clear();
    this.#capacity = 0;
  }

  /** Makes room, by doubling, and moves what is kept. */
  #reserve(tokens: number): void {
    if (tokens <= this.#capacity) return;
    const { engine, max_tokens } = this.#options;
    let capacity = Math.max(SMALLEST_CAPACITY, this.#capacity);
    while (capacity < tokens) capacity *= 2;
    capacity = Math.max(tokens, Math.min(capacity, max_tokens));
    const before = this.#capacity;
    this.#capacity = capacity;
    for (const { name, shape } of this.#program(1).states) {
      const old = this.#states.get(name);
      if (old === undefined) this.#states.set(name, engine.put(new Float32Array(sizeOf(shape)), shape));
      else if (old.shape[2] === before && shape[2] === capacity && shape.length === 4) {
        this.#states.set(name, widened(engine, old, capacity - before));
      }
    }
  }

  #program(tokens: number): { readonly run: Executable; readonly states: readonly StateSpec[] } {
    const key = `${tokens} of ${this.#capacity}`;
    let program = this.#programs.get(key);
    if (program === undefined) {
      const { spec, batch, engine } = this.#options;
      const built = buildContinuation(spec, { batch, tokens, capacity: this.#capacity });
      program = { run: engine.prepare({ kind: "evaluate", program: built.program }), states: built.states };
      this.#programs.set(key, program);
    }
    return program;
  }

  #run(texts: readonly (readonly number[])[]): EngineTensor {
    const { engine, weights, batch } = this.#options;
    const length = texts[0]?.length ?? 0;
    // A few sizes of chunk are enough: what is shorter is filled up.
    let size = 1;
    while (size < length) size *= 2;
    const ids = new Int32Array(batch * size);
    for (const [row, text] of texts.entries()) ids.set(text, row * size);
    const own = {
      [`${BATCH}input_ids`]: engine.put(ids, [batch, size]),
      [POSITION]: engine.put(Int32Array.of(this.#position), []),
      [LENGTH]: engine.put(Int32Array.of(length), []),
    };
    const states = Object.fromEntries([...this.#states].map(([name, tensor]) => [STATE + name, tensor]));
    const results = this.#program(size).run.run(
      { ...weights.inputs(), ...states, ...own },
      { consume: new Set([...Object.keys(states), ...Object.keys(own)]) },
    );
    this.#position += length;
    let logits: EngineTensor | undefined;
    for (const [name, tensor] of Object.entries(results)) {
      if (name.startsWith(STATE)) this.#states.set(name.slice(STATE.length), tensor);
      else if (name === `${OUTPUT}logits`) logits = tensor;
    }
    for (const [name, tensor] of Object.entries(own)) if (!name.startsWith(BATCH)) tensor.dispose();
    if (logits === undefined) throw new ExperimentError("unsupported", "only a system with logits can continue a text");
    return logits;
  }
}

function widened(engine: Engine, tensor: EngineTensor, by: number): EngineTensor {
  const graph = new Graph();
  graph.output("wide", graph.pad(graph.input("narrow", tensor.shape), 2, 0, by));
  const run = engine.prepare({ kind: "evaluate", program: graph.program() });
  const { wide } = run.run({ narrow: tensor }, { consume: new Set(["narrow"]) });
  run.dispose();
  if (wide === undefined) throw new ExperimentError("engine_failed", "the engine gave nothing back");
  return wide;
}
