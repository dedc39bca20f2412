import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { Decoder } from "../src/generate/decoder.js";
import { BATCH, OUTPUT, buildContinuation, buildForward } from "../src/system/build-system.js";
import { Weights } from "../src/system/weights.js";
import { languageModel } from "./support/models.js";
import { counting, workOf } from "./support/work.js";

const d_model = 16;
const decoupled = { type: "AttentionLayer", d_model, n_heads: 2, mode: "decoupled", sem_dim: 8, geo_dim: 8 } as const;
const mixers = {
  "standard attention": { type: "AttentionLayer", d_model, n_heads: 2 },
  "attention without positions": { type: "AttentionLayer", d_model, n_heads: 2, rope_enabled: false },
  "attention with stretched positions": {
    type: "AttentionLayer",
    d_model,
    n_heads: 2,
    rope_scaling: {
      rope_type: "llama3",
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 16,
    },
  },
  "attention with a learned temperature, some queries at a time": {
    type: "AttentionLayer",
    d_model,
    n_heads: 2,
    learned_temp: true,
    q_chunk: 3,
  },
  "grouped-query attention": { type: "AttentionLayer", d_model, n_heads: 4, n_kv_heads: 2, mode: "gqa" },
  "grouped-query attention with a window": {
    type: "AttentionLayer",
    d_model,
    n_heads: 4,
    n_kv_heads: 1,
    mode: "gqa",
    local_window: 7,
  },
  "a window of 5": { type: "AttentionLayer", d_model, n_heads: 2, local_window: 5 },
  "decoupled attention": { ...decoupled, decoupled_gate: true },
  "decoupled attention without a gate, with a window": { ...decoupled, local_window: 6 },
  "decoupled attention with everything": {
    ...decoupled,
    decoupled_gate: true,
    decoupled_gate_dynamic: true,
    rope_semantic: true,
    tie_qk: true,
    null_attn: true,
    learned_temp: true,
  },
  "a mixture of experts": { type: "MoELayer", d_model, num_experts: 3, top_k: 2, d_ff: 8 },
  "a state space": { type: "SSMLayer", d_model, d_state: 4 },
  "an LSTM": { type: "RNNLayer", input_size: d_model, hidden_size: d_model },
  "an LSTM with a projection, in two layers": {
    type: "RNNLayer",
    input_size: d_model,
    hidden_size: 24,
    proj_size: d_model,
    num_layers: 2,
  },
  "a GRU": { type: "RNNLayer", input_size: d_model, hidden_size: d_model, cell_type: "gru" },
  "a plain RNN": { type: "RNNLayer", input_size: d_model, hidden_size: d_model, cell_type: "rnn_tanh" },
} as const;

const batch = 2;
const tokens = 50;
const ids = Array.from({ length: batch }, (_, row) =>
  Array.from({ length: tokens }, (_, t) => (7 * t * t + 3 * row) % 17),
);

describe("logits with a cache equal those without to 1e-5", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openJaxEngine();
  });

  it.each(Object.entries(mixers))("%s", async (_, mixer) => {
    const { spec } = languageModel([mixer, mixer]);
    const built = buildForward(spec, { input_ids: { shape: [batch, tokens], dtype: "int32" } });
    const weights = new Weights(engine, built.parameters, 3);
    const run = engine.prepare({ kind: "evaluate", program: built.program });
    const input = engine.put(Int32Array.from(ids.flat()), [batch, tokens]);
    const whole = await engine.read(run.run({ ...weights.inputs(), [`${BATCH}input_ids`]: input })[`${OUTPUT}logits`]!);
    const expected = (row: number, t: number) => whole.slice((row * tokens + t) * 17, (row * tokens + t + 1) * 17);

    // A prompt that is no power of two, in several chunks; then token by token past the room there was.
    const decoder = new Decoder({ engine, spec, weights, batch, max_tokens: 64, chunk: 8 });
    const prompt = 21;
    let logits = await decoder.read(ids.map((text) => text.slice(0, prompt)));
    for (let t = prompt - 1; ; t++) {
      for (let row = 0; row < batch; row++) {
        const wanted = expected(row, t);
        const worst = Math.max(...wanted.map((value, i) => Math.abs(value - logits[row * 17 + i]!)));
        expect(worst, `token ${t}`).toBeLessThan(1e-5);
      }
      if (t + 1 === tokens) break;
      logits = await decoder.read(ids.map((text) => [text[t + 1]!]));
    }
    expect(decoder.position).toBe(tokens);
    decoder.dispose();
    weights.dispose();
  });

  it.each([
    ["attention that sees what comes", { type: "AttentionLayer", d_model, n_heads: 2, is_causal: false }],
    ["an RNN that reads backwards", { type: "RNNLayer", input_size: d_model, hidden_size: 8, bidirectional: true }],
  ] as const)("refuses %s", (_, mixer) => {
    const { spec } = languageModel([mixer]);
    expect(() => buildContinuation(spec, { batch: 1, tokens: 4, capacity: 8 })).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    );
  });

  it("refuses a model that says one thing of a whole text", () => {
    const { system } = languageModel([mixers["standard attention"]]).spec;
    if (system.impl !== null || system.ref !== "system.language_model") throw new Error("no language model");
    const pooled = {
      ...system,
      config: { ...system.config, model: { ...system.config.model, pooling: "mean" as const } },
    };
    for (const tokens of [1, 4]) {
      expect(() => buildContinuation({ system: pooled }, { batch: 1, tokens, capacity: 8 })).toThrow(
        expect.objectContaining({ code: "unsupported" }),
      );
    }
  });

  it("goes back to an earlier token, and says when there is no more room", async () => {
    const { spec } = languageModel([mixers["standard attention"]]);
    const built = buildForward(spec, { input_ids: { shape: [1, 8], dtype: "int32" } });
    const weights = new Weights(engine, built.parameters, 3);
    const decoder = new Decoder({ engine, spec, weights, batch: 1, max_tokens: 8 });
    await decoder.read([[1, 2, 3]]);
    const first = await decoder.read([[4]]);
    decoder.truncate(3);
    expect([...(await decoder.read([[4]]))]).toEqual([...first]);
    await expect(decoder.read([[1, 2, 3, 4, 5]])).rejects.toMatchObject({ code: "cache_overflow" });
    decoder.dispose();
  });
});

describe("a token costs", () => {
  /** The work of one more token after so many, and of reading all of them anew. */
  async function costs(mixer: (typeof mixers)[keyof typeof mixers], context: number) {
    const engine = counting(await openJaxEngine());
    const { spec } = languageModel([mixer]);
    const { parameters, program } = buildForward(spec, { input_ids: { shape: [1, context + 1], dtype: "int32" } });
    const weights = new Weights(engine, parameters, 3);
    const decoder = new Decoder({ engine, spec, weights, batch: 1, max_tokens: 2 * context });
    await decoder.read([Array.from({ length: context }, (_, i) => i % 17)]);
    // The first one makes room; what counts is what all others cost.
    await decoder.read([[1]]);
    engine.reset();
    await decoder.read([[2]]);
    const cached = engine.work;
    decoder.dispose();
    weights.dispose();
    return { cached, anew: workOf(program) };
  }

  it.each(["a state space", "an LSTM", "a GRU", "a mixture of experts"] as const)(
    "the same wherever it stands, with %s",
    async (name) => {
      const [early, late] = [await costs(mixers[name], 16), await costs(mixers[name], 64)];
      expect(late.cached).toBe(early.cached);
      expect(late.anew).toBeGreaterThan(3 * early.anew);
    },
  );

  it.each([
    "standard attention",
    "grouped-query attention",
    "a window of 5",
    "decoupled attention",
    "decoupled attention with everything",
  ] as const)("a look at what is kept, not the whole text again, with %s", async (name) => {
    const [early, late] = [await costs(mixers[name], 16), await costs(mixers[name], 256)];
    // Sixteen times the context: less than sixteen times the work, and all of the text would be far more than that.
    expect(late.cached).toBeLessThan(16 * early.cached);
    expect(late.anew).toBeGreaterThan(16 * early.anew);
    expect(late.anew).toBeGreaterThan(50 * late.cached);
  });
});
