import { readNpy, writeNpy } from "../../src/data/npy.js";
import { readSafetensors, writeSafetensors } from "../../src/data/safetensors.js";
import { readTokenText } from "../../src/data/token-dataset.js";
import { readTiktoken } from "../../src/data/tokenizers/read-tiktoken.js";
import { readTokenizerJson } from "../../src/data/tokenizers/read-tokenizer-json.js";
import { isExperimentError } from "../../src/errors.js";

/**
 * Finds files on which a reader breaks a promise: that it throws nothing but an error that names the file, and that what
 * it takes comes back from its writer or tokenizer.
 */
export function fuzz(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  const array = read(() => readNpy(bytes, "FILE"));
  if (array !== undefined) {
    must(array.data.length === array.shape.reduce((a, b) => a * b, 1), "as many numbers as the shape says");
    const again = readNpy(writeNpy(array), "again");
    must(same(again.data, array.data), "numbers come back");
  }
  const file = read(() => readSafetensors(bytes, "FILE"));
  if (file !== undefined) {
    const again = readSafetensors(writeSafetensors(file.tensors, file.metadata), "again");
    must(again.tensors.size === file.tensors.size, "tensors come back");
    for (const [name, { data }] of file.tensors) must(same(again.tensors.get(name)?.data, data), "numbers come back");
  }
  read(() => readTokenText(text, "FILE"));
  for (const tokenizer of [read(() => readTiktoken(text, "FILE")), read(() => readTokenizerJson(text, "FILE"))]) {
    if (tokenizer === undefined) continue;
    // A vocabulary need not have every byte.
    const ids = read(() => tokenizer.encode("Größe 12, the end"));
    if (ids !== undefined)
      must(
        ids.every((id) => id >= 0 && id < tokenizer.vocab_size),
        "ids are below the vocabulary's size",
      );
    tokenizer.decode(ids ?? [0]);
  }
}

function read<T>(attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (!isExperimentError(error)) throw error;
    must(error.message.includes("FILE"), `the error names the file: ${error.message}`);
    return undefined;
  }
}

function same(a: ArrayLike<number> | undefined, b: ArrayLike<number>): boolean {
  return a?.length === b.length && Array.from(b).every((value, i) => Object.is(value, a[i]) || value === a[i]);
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
