import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Data, lowerManifest, parseManifest } from "@vrx/manifest";
import { afterAll, describe, expect, it } from "vitest";
import type { DataLimits } from "../src/data/check-values.js";
import { type HostArray, readNpy, writeNpy } from "../src/data/npy.js";
import { openDataset, readTokens } from "../src/data/open-dataset.js";
import { readSafetensors, writeSafetensors } from "../src/data/safetensors.js";
import { readTiktoken } from "../src/data/tokenizers/read-tiktoken.js";
import { readTokenizerJson } from "../src/data/tokenizers/read-tokenizer-json.js";
import { runTarget } from "../src/run/run-target.js";
import { smallExperiment } from "./support/experiments.js";

const root = mkdtempSync(join(tmpdir(), "vrx-malformed-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A .npy file with any header. */
function npy(
  header: string,
  body: Uint8Array = new Uint8Array(),
  { version = 1, length = header.length } = {},
): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const bytes = Buffer.alloc(start + header.length + body.length);
  bytes.write("\x93NUMPY", "latin1");
  bytes.writeUInt8(version, 6);
  if (version === 1) bytes.writeUInt16LE(length, 8);
  else bytes.writeUInt32LE(length, 8);
  bytes.write(header, start, "latin1");
  bytes.set(body, start + header.length);
  return bytes;
}
const header = (descr: string, shape: string, order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`;

/** A .safetensors file with any header. */
function safetensors(document: unknown, data = 0, length?: number): Uint8Array {
  const text = Buffer.from(typeof document === "string" ? document : JSON.stringify(document));
  const bytes = Buffer.alloc(8 + text.length + data);
  bytes.writeBigUInt64LE(BigInt(length ?? text.length));
  bytes.set(text, 8);
  return bytes;
}
const tensor = (dtype: string, shape: unknown, ...data_offsets: unknown[]): object => ({ dtype, shape, data_offsets });

describe("a .npy file", () => {
  const four = new Uint8Array(16);
  it.each<[string, Uint8Array, RegExp]>([
    ["of nothing", new Uint8Array(), /no \.npy file/],
    ["of something else", Buffer.from("PK\x03\x04 a zip file"), /no \.npy file/],
    [
      "of a version to come",
      npy(header("<f4", "4,"), four, { version: 9 }),
      /expected version 1, 2 or 3 of the format, found 9/,
    ],
    ["whose header is cut off", npy(header("<f4", "4,"), four).subarray(0, 40), /the header is cut off/],
    [
      "whose header is said to be longer",
      npy(header("<f4", "4,"), new Uint8Array(), { length: 60_000 }),
      /the header is cut off/,
    ],
    [
      "of version 2 with four gigabytes of header",
      npy(header("<f4", "4,"), four, { version: 2, length: 2 ** 32 - 1 }),
      /cut off/,
    ],
    ["with a number less", npy(header("<f4", "4,"), four.subarray(4)), /expected 4 numbers of 4 bytes, found 12 bytes/],
    ["with a byte more", npy(header("<f4", "4,"), new Uint8Array(17)), /expected 4 numbers of 4 bytes, found 17 bytes/],
    [
      "of more numbers than there are",
      npy(header("<f4", "99999999999, 99999999999"), four),
      /expected .* numbers of 4 bytes, found 16/,
    ],
    [
      "in Fortran's order",
      npy(header("<f4", "2, 2", "True"), four),
      /expected C order, found Fortran order: save it with order='C'/,
    ],
    ["in big endian", npy(header(">f4", "4,"), four), /expected little endian, found big endian/],
    ["of complex numbers", npy(header("<c8", "2,"), four), /expected numbers of 1 to 8 bytes, found c8/],
    [
      "of objects",
      npy("{'descr': '|O', 'fortran_order': False, 'shape': (4,), }", four),
      /lacks descr, fortran_order or shape/,
    ],
    ["without a shape", npy("{'descr': '<f4', 'fortran_order': False, }", four), /lacks descr, fortran_order or shape/],
    [
      "of a number of 64 bits",
      npy(header("<i8", "1,"), Buffer.from("ffffffffffffff7f", "hex")),
      /expected whole numbers of 32 bits, found 9\d* at 0/,
    ],
  ])("%s is refused by name", (_, bytes, message) => {
    expect(() => readNpy(bytes, "a.npy")).toThrow(message);
    expect(() => readNpy(bytes, "a.npy")).toThrow(/^a\.npy: /);
  });

  it("of every type that fits is read as its numbers", () => {
    const bytes = (hex: string): Buffer => Buffer.from(hex, "hex");
    for (const [descr, body, value] of [
      ["|b1", "01", 1],
      ["|i1", "ff", -1],
      ["|u1", "ff", 255],
      ["<i2", "feff", -2],
      ["<u2", "feff", 65_534],
      ["<i4", "fdffffff", -3],
      ["<u4", "07000000", 7],
      ["<i8", "fcffffffffffffff", -4],
      ["<u8", "0800000000000000", 8],
      ["<f2", "003c", 1],
      ["<f4", "0000c03f", 1.5],
      ["<f8", "000000000000f83f", 1.5],
    ] as const) {
      expect([...readNpy(npy(header(descr, "1,"), bytes(body)), "x").data], descr).toEqual([value]);
    }
    expect(readNpy(npy(header("<f4", ""), new Uint8Array(4)), "scalar")).toEqual({
      shape: [],
      data: Float32Array.of(0),
    });
  });
});

describe("a .safetensors file", () => {
  it.each<[string, Uint8Array, RegExp]>([
    ["of nothing", new Uint8Array(3), /shorter than its length field/],
    [
      "whose header is said to be longer than the file",
      safetensors({}, 0, 1_000_000),
      /the header has 1000000 bytes, and the file 10: it is cut off/,
    ],
    ["whose header is said to have 2^63 bytes", safetensors({}, 0, 2 ** 63), /it is cut off/],
    ["whose header is no JSON", safetensors("{]"), /the header is not a JSON object/],
    ["whose header is a list", safetensors([]), /the header is not a JSON object/],
    ["with a tensor that is none", safetensors({ a: 3 }), /a: expected a mapping/],
    ["of a type that is none", safetensors({ a: tensor("F8", [1], 0, 1) }, 1), /a: there is no type F8/],
    [
      "with a shape of text",
      safetensors({ a: tensor("F32", "1", 0, 4) }, 4),
      /a: expected a shape and two offsets, in whole numbers/,
    ],
    ["with a negative shape", safetensors({ a: tensor("F32", [-1], 0, 4) }, 4), /in whole numbers/],
    ["with one offset", safetensors({ a: tensor("F32", [1], 0) }, 4), /two offsets/],
    [
      "with offsets beyond the file",
      safetensors({ a: tensor("F32", [2], 0, 8) }, 4),
      /a: the bytes 0 to 8 are not in the file/,
    ],
    [
      "with offsets the wrong way round",
      safetensors({ a: tensor("F32", [1], 4, 0) }, 4),
      /a: the bytes 4 to 0 are not in the file/,
    ],
    ["with more numbers than bytes", safetensors({ a: tensor("F32", [2], 0, 4) }, 4), /a: expected 8 bytes, found 4/],
    [
      "whose tensors overlap",
      safetensors({ a: tensor("F32", [2], 0, 8), b: tensor("F32", [2], 4, 12) }, 12),
      /b: expected it at byte 8, found it at 4/,
    ],
    [
      "with a hole between tensors",
      safetensors({ a: tensor("F32", [1], 0, 4), b: tensor("F32", [1], 8, 12) }, 12),
      /b: expected it at byte 4, found it at 8/,
    ],
    [
      "with bytes after the last one",
      safetensors({ a: tensor("F32", [1], 0, 4) }, 6),
      /there are 2 bytes after the last tensor/,
    ],
  ])("%s is refused by name", (_, bytes, message) => {
    expect(() => readSafetensors(bytes, "a.safetensors")).toThrow(message);
    expect(() => readSafetensors(bytes, "a.safetensors")).toThrow(/^a\.safetensors: /);
  });

  it("with names that objects have by themselves keeps them", () => {
    const names = ["constructor", "toString", "a.b"];
    const tensors = new Map<string, HostArray>(names.map((name) => [name, { shape: [1], data: Float32Array.of(2) }]));
    expect([...readSafetensors(writeSafetensors(tensors), "x").tensors.keys()].sort()).toEqual([...names].sort());
  });
});

describe("token ids", () => {
  it("are whole numbers, in .npy or between white space", async () => {
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(root, name), content);
      return join(root, name);
    };
    expect([...(await readTokens(file("a.txt", "1 2\n3\t4\r\n"))).tokens]).toEqual([1, 2, 3, 4]);
    await expect(readTokens(file("b.txt", "1 2 x"))).rejects.toThrow(
      /b\.txt: expected whole numbers of 31 bits, found x at 2/,
    );
    await expect(readTokens(file("c.tokens", "1 4294967296"))).rejects.toThrow(/found 4294967296 at 1/);
    await expect(readTokens(file("d.npy", writeNpy({ shape: [1], data: Float32Array.of(1) })))).rejects.toThrow(
      /expected whole numbers, found fractions/,
    );
    await expect(readTokens(join(root, "none.npy"))).rejects.toMatchObject({ code: "missing_file" });
  });
});

describe("a dataset", () => {
  const limits: DataLimits = { vocab_size: null, classes: 3, ignore_index: -100 };
  function data(ref: string, config: object): Data {
    const document = {
      version: 2,
      defaults: {},
      targets: [
        {
          type: "experiment",
          name: "t",
          backend: "jax",
          task:
            { "dataset.graph_npy": "task.node_classification", "dataset.diffusion_vector": "task.denoising" }[ref] ??
            "task.classification",
          data: { ref, config },
          system: { ref: "s", impl: "js:./s.mjs#S" },
          objective: { ref: "o", impl: "js:./o.mjs#O" },
          trainer: "trainer.standard",
          runs: [],
        },
      ],
    };
    const [target] = lowerManifest(parseManifest(JSON.stringify(document))).targets;
    if (target?.type !== "experiment") throw new Error("no experiment");
    return target.data;
  }
  const write = (name: string, shape: readonly number[], values: readonly number[], whole = false): string => {
    const array = whole ? Int32Array.from(values) : Float32Array.from(values);
    writeFileSync(join(root, name), writeNpy({ shape, data: array }));
    return name;
  };
  const open = (ref: string, config: object) => openDataset(data(ref, config), { root, val_frac: 0, limits });

  it("of numbers that are none is refused with their place", async () => {
    const y_path = write("y.npy", [2], [0, 1], true);
    const x_path = write("nan.npy", [2, 3], [0, 1, 2, 3, NaN, 5]);
    await expect(open("dataset.npy_supervised", { x_path, y_path })).rejects.toThrow(
      /nan\.npy: expected finite numbers, found NaN at \(1, 1\)/,
    );
    const infinite = write("inf.npy", [3], [0, Infinity, 0]);
    await expect(open("dataset.diffusion_vector", { x_path: infinite })).rejects.toThrow(
      /inf\.npy: expected finite numbers, found Infinity at 1/,
    );
    const tensors = new Map<string, HostArray>([["w", { shape: [1], data: Float32Array.of(NaN) }]]);
    writeFileSync(join(root, "nan.safetensors"), writeSafetensors(tensors));
    await expect(open("dataset.tensors", { files: { x: "nan.safetensors" } })).rejects.toThrow(
      /nan\.safetensors: w: expected finite numbers, found NaN at 0/,
    );
  });

  it("of labels that are no class is refused; the one that stands for none is taken", async () => {
    const x_path = write("x.npy", [3, 2], [0, 1, 2, 3, 4, 5]);
    const y_path = write("labels.npy", [3], [0, 3, 1], true);
    await expect(open("dataset.npy_supervised", { x_path, y_path })).rejects.toThrow(
      /labels\.npy: expected labels from 0 to 2, found 3 at 1/,
    );
    const negative = write("negative.npy", [3], [0, -1, 1], true);
    await expect(open("dataset.npy_supervised", { x_path, y_path: negative })).rejects.toThrow(/found -1 at 1/);
    const ignored = write("ignored.npy", [3], [0, -100, 2], true);
    expect((await open("dataset.npy_supervised", { x_path, y_path: ignored })).train_samples).toBe(3);
  });

  it("whose parts do not fit is refused with what was found", async () => {
    const x_path = write("x3.npy", [3, 2], [0, 1, 2, 3, 4, 5]);
    const y_path = write("y2.npy", [2], [0, 1], true);
    await expect(open("dataset.npy_supervised", { x_path, y_path })).rejects.toThrow(
      /the same number of samples everywhere, found inputs 3, targets 2/,
    );
    const graph = {
      x_path,
      adj_path: write("adj.npy", [2, 2], [0, 1, 1, 0]),
      labels_path: write("l3.npy", [3], [0, 1, 2], true),
    };
    await expect(open("dataset.graph_npy", graph)).rejects.toThrow(
      /expected features \(N, F\), an adjacency matrix \(N, N\) and N whole labels, found 3 x 2, 2 x 2 and 3/,
    );
    const masked = {
      ...graph,
      adj_path: write("adj3.npy", [3, 3], new Array(9).fill(0)),
      train_mask_path: write("m.npy", [2], [1, 0], true),
    };
    await expect(open("dataset.graph_npy", masked)).rejects.toThrow(/expected a mask of 3 nodes, found 2/);
    const two = new Map<string, HostArray>(["a", "b"].map((name) => [name, { shape: [1], data: Float32Array.of(1) }]));
    writeFileSync(join(root, "two.safetensors"), writeSafetensors(two));
    await expect(open("dataset.tensors", { files: { x: "two.safetensors" } })).rejects.toThrow(
      /say which tensor in safetensors_tensors; there are a, b/,
    );
    const named = await open("dataset.tensors", { files: { x: "two.safetensors" }, safetensors_tensors: { x: "b" } });
    expect(named.train_samples).toBe(1);
  });

  it("of ids that the model has no row for is refused before anything is trained", async () => {
    const { manifest, target } = smallExperiment({ name: "ids" });
    await openDataset(target.data, { root, val_frac: 0.2 });
    const path = join(root, "data/t.npy");
    const { shape, data: ids } = readNpy(readFileSync(path), path);
    ids[700] = 12;
    writeFileSync(path, writeNpy({ shape, data: ids }));
    await expect(runTarget(manifest, target, { root })).rejects.toThrow(
      /t\.npy: expected token ids below the vocab_size 12, found 12 at 700: another tokenizer made them/,
    );
  });

  it("of a text that is made reads UTF-8 in the tokenizer of the defaults, and nothing else", async () => {
    writeFileSync(join(root, "text.txt"), "hi, how are you? ".repeat(20));
    writeFileSync(join(root, "latin.txt"), Buffer.from([0x68, 0xff, 0xfe]));
    const text = (file: string, path: string, tokenizer?: object): Data => {
      const prepare = { type: "text", files: [file], ...(tokenizer === undefined ? {} : { tokenizer }) };
      const { target } = smallExperiment();
      const config = { ...(target.data.impl === null ? target.data.config : {}), path };
      return data("dataset.tokens", { block_size: 4, ...config, prepare });
    };
    const made = await openDataset(text("text.txt", "made.npy"), { root, val_frac: 0.2, tokenizer: "byte" });
    expect(made.tokens!.train[0]).toBe("h".charCodeAt(0));
    const missing = openDataset(text("text.txt", "made2.npy"), { root, val_frac: 0.2, tokenizer: "llama" });
    await expect(missing).rejects.toThrow(
      /the tokenizer llama is not here: put it at .*tokenizers\/meta-llama\/Llama-3\.2-1B\.json or /,
    );
    const other = openDataset(text("latin.txt", "made3.npy", { type: "byte" }), { root, val_frac: 0.2 });
    await expect(other).rejects.toThrow(/latin\.txt: expected UTF-8, found other bytes/);
  });
});

describe("a tokenizer on disk", () => {
  it.each<[string, string, RegExp]>([
    ["no JSON", "{", /this is no JSON/],
    ["null", "null", /expected a JSON object/],
    ["a list", "[]", /expected a JSON object/],
    ["no model", "{}", /expected a BPE model with vocab and merges, found none/],
    ["a unigram model", JSON.stringify({ model: { type: "Unigram", vocab: [] } }), /found Unigram/],
    ["a vocabulary that is none", JSON.stringify({ model: { type: "BPE", vocab: [1], merges: [] } }), /vocab/],
    ["merges that are none", JSON.stringify({ model: { type: "BPE", vocab: { a: 0 }, merges: [3] } }), /merges/],
    ["an id that is none", JSON.stringify({ model: { type: "BPE", vocab: { a: "0" }, merges: [] } }), /vocab/],
  ])("with %s is refused by name", (_, text, message) => {
    expect(() => readTokenizerJson(text, "tokenizer.json")).toThrow(message);
    expect(() => readTokenizerJson(text, "tokenizer.json")).toThrow(/^tokenizer\.json: /);
  });

  it("may have more tokens than a call takes arguments", () => {
    const tokens = Array.from({ length: 200_000 }, (_, id) => [`t${id}`, id] as const);
    const model = { type: "BPE", vocab: Object.fromEntries(tokens), merges: [] };
    const text = JSON.stringify({ model, pre_tokenizer: { type: "ByteLevel", add_prefix_space: false } });
    expect(readTokenizerJson(text, "t.json").vocab_size).toBe(200_000);
  });

  it("in tiktoken's form has a token and a rank on each line, and all bytes", () => {
    expect(() => readTiktoken("YQ== 0\nYg==\n", "t.tiktoken")).toThrow(
      /t\.tiktoken:2: expected a token in base64 and its rank/,
    );
    expect(() => readTiktoken("YQ== 0\n", "t.tiktoken")).toThrow(/expected at least the 256 bytes, found 1 tokens/);
  });
});
