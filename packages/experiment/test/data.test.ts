import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type HostArray, readNpy, writeNpy } from "../src/data/npy.js";
import { openDataset } from "../src/data/open-dataset.js";
import { readSafetensors, writeSafetensors } from "../src/data/safetensors.js";
import { shuffledIndex } from "../src/data/shuffle.js";
import { tokenDataset } from "../src/data/token-dataset.js";
import { trainBpe } from "../src/data/tokenizers/bpe-tokenizer.js";
import { readTiktoken } from "../src/data/tokenizers/read-tiktoken.js";
import { readTokenizerJson } from "../src/data/tokenizers/read-tokenizer-json.js";
import { byteTokenizer } from "../src/data/tokenizers/tokenizer.js";
import { isExperimentError } from "../src/errors.js";
import { smallExperiment } from "./support/experiments.js";

const root = mkdtempSync(join(tmpdir(), "vrx-data-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("files of numbers", () => {
  it("come back as they were written", () => {
    const array = { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 5, 6) };
    expect(readNpy(writeNpy(array), "a.npy")).toEqual(array);
    const whole = { shape: [3], data: Int32Array.of(1, -2, 3) };
    const tensors = new Map<string, HostArray>([
      ["b", array],
      ["a", whole],
    ]);
    const read = readSafetensors(writeSafetensors(tensors, { note: "x" }), "t");
    expect(Object.fromEntries(read.tensors)).toEqual({ a: whole, b: array });
    expect(read.metadata).toEqual({ note: "x" });
    expect(readNpy(Buffer.from(writeNpy(array)), "pooled.npy")).toEqual(array);
  });

  it("are refused, never misread, when a byte is cut off, added or changed", () => {
    const files = [
      [readNpy, writeNpy({ shape: [4], data: Int32Array.of(1, 2, 3, 4) })],
      [readSafetensors, writeSafetensors(new Map([["w", { shape: [4], data: Float32Array.of(1, 2, 3, 4) }]]))],
    ] as const;
    for (const [read, bytes] of files) {
      expect(() => read(bytes.subarray(0, bytes.length - 1), "cut")).toThrow(/cut/);
      expect(() => read(Uint8Array.from([...bytes, 0]), "long")).toThrow(/long/);
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
          const changed = bytes.slice();
          changed[at] = value;
          try {
            read(changed, "changed");
          } catch (error) {
            expect(isExperimentError(error)).toBe(true);
          }
        }),
        { numRuns: 300 },
      );
    }
  });
});

describe("a text", () => {
  it("is split before it is cut into windows, so that no held-out token is trained on", () => {
    const tokens = Int32Array.from({ length: 100 }, (_, i) => i);
    const dataset = tokenDataset({ tokens, block_size: 8, val_frac: 0.2, files: [], name: "t" });
    let highest = 0;
    for (let place = 0; place < 40; place++) {
      for (const target of dataset.trainBatch(3, place, 4)["target_ids"]!.data) highest = Math.max(highest, target);
    }
    expect(highest).toBe(79);
    const held = [...dataset.valBatches(1, 0)].flatMap((batch) => [...batch["input_ids"]!.data]);
    expect(Math.min(...held)).toBe(80);
  });

  it("gives every sample once per epoch, in an order of the seed's", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(50), (count, seed) => {
        const seen = new Set(Array.from({ length: count }, (_, i) => shuffledIndex(seed, 0, i, count)));
        expect(seen.size).toBe(count);
      }),
      { numRuns: 50 },
    );
  });

  it("that is generated keeps its floor only as long as the recipe is the manifest's", async () => {
    const { target } = smallExperiment();
    const made = await openDataset(target.data, { root, val_frac: 0.2 });
    const [batch] = [...made.valBatches(2, 0)];
    const { floor, guessing } = made.reference!(batch!);
    expect(floor).toBeLessThan(guessing);
    writeFileSync(join(root, "data/t.npy.recipe.json"), "{}\n");
    expect((await openDataset(target.data, { root, val_frac: 0.2 })).reference).toBeUndefined();
  });
});

describe("tokenizers", () => {
  const texts = ["the cat sat on the mat. the end.", "Größe: 12 µm, 日本語 – \u{1f600}"];

  it.each(["byte", "bpe"])("%s gives every text back", (name) => {
    const tokenizer = name === "byte" ? byteTokenizer : trainBpe(texts, 280);
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
    );
    expect(Math.max(...texts.flatMap((text) => tokenizer.encode(text)))).toBeLessThan(tokenizer.vocab_size);
  });

  it("bpe joins what occurs often", () => {
    const tokenizer = trainBpe(texts, 280);
    expect(tokenizer.encode("the the").length).toBeLessThan(byteTokenizer.encode("the the").length / 2);
  });

  it("reads tiktoken files and byte-level tokenizer.json, and says what it does not know", () => {
    const lines = Array.from({ length: 256 }, (_, byte) => `${Buffer.from([byte]).toString("base64")} ${byte}`);
    const tiktoken = readTiktoken([...lines, `${Buffer.from("he").toString("base64")} 256`].join("\n"), "t.tiktoken");
    expect(tiktoken.encode("he<|endoftext|>x")).toEqual([256, 257, 120]);
    expect(tiktoken.decode([256, 120])).toBe("hex");
    expect(() => readTiktoken("not a token", "t.tiktoken")).toThrow("t.tiktoken:1");

    const document = {
      model: { type: "BPE", vocab: { h: 0, i: 1, "\u0120": 2, hi: 3, "\u0120hi": 4 }, merges: ["h i", "\u0120 hi"] },
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false },
      added_tokens: [{ id: 5, content: "</s>" }],
    };
    const hf = readTokenizerJson(JSON.stringify(document), "tokenizer.json");
    expect(hf.encode("hi hi</s>")).toEqual([3, 4, 5]);
    expect(hf.decode([3, 4, 5])).toBe("hi hi</s>");
    expect(hf.eos_id).toBe(5);
    const strange = { ...document, pre_tokenizer: { type: "Metaspace" } };
    expect(() => readTokenizerJson(JSON.stringify(strange), "t.json")).toThrow("Metaspace");
  });
});
