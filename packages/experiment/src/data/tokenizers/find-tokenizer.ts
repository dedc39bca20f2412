import { ExperimentError } from "../../errors.js";
import { exists, readWhole } from "../files.js";
import { readTiktoken } from "./read-tiktoken.js";
import { readTokenizerJson } from "./read-tokenizer-json.js";
import { tokenizerPaths } from "./tokenizer-paths.js";
import { type Tokenizer, byteTokenizer } from "./tokenizer.js";

/** The tokenizer of a name, from disk alone. Rejects with `missing_file`, which says where it may be put. */
export async function findTokenizer(name: string, root: string): Promise<Tokenizer> {
  if (name === "byte") return byteTokenizer;
  const paths = tokenizerPaths(name, root);
  for (const path of paths) if (await exists(path)) return readTokenizer(path);
  throw new ExperimentError("missing_file", `the tokenizer ${name} is not here: put it at ${paths.join(" or ")}`);
}

/** The tokenizer in a file: .tiktoken, or a tokenizer.json of Hugging Face. */
export async function readTokenizer(path: string): Promise<Tokenizer> {
  const text = (await readWhole(path)).bytes.toString("utf8");
  return path.endsWith(".tiktoken") ? readTiktoken(text, path) : readTokenizerJson(text, path);
}
