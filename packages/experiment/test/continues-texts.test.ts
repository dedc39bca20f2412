import { beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../src/engine/engine.js";
import { openJaxEngine } from "../src/engine/jax-engine.js";
import { Decoder } from "../src/generate/decoder.js";
import { BATCH, OUTPUT, buildForward } from "../src/system/build-system.js";
import { Weights } from "../src/system/weights.js";
import { languageModel } from "./support/models.js";

const d_model = 16;
const mixers = {
  "standard attention": { type: "AttentionLayer", d_model, n_heads: 2 },
  "grouped-query attention": { type: "AttentionLayer", d_model, n_heads: 4, n_kv_heads: 2, mode: "gqa" },
  "a window of 5": { type: "AttentionLayer", d_model, n_heads: 2, local_window: 5 },
  "decoupled attention": {
    type: "AttentionLayer",
    d_model,
    n_heads: 2,
    mode: "decoupled",
    sem_dim: 8,
    geo_dim: 8,
    decoupled_gate: true,
  },
  "a state space": { type: "SSMLayer", d_model, d_state: 4 },
  "an LSTM": { type: "RNNLayer", input_size: d_model, hidden_size: d_model },
  "a GRU": { type: "RNNLayer", input_size: d_model, hidden_size: d_model, cell_type: "gru" },
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
