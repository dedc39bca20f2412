import type { Verify } from "@vrx/manifest";
import { isAbsolute, resolve } from "node:path";
import { exists, readWhole } from "../data/files.js";
import { readTiktoken } from "../data/tokenizers/read-tiktoken.js";
import { readTokenizerJson } from "../data/tokenizers/read-tokenizer-json.js";
import { type Tokenizer, byteTokenizer } from "../data/tokenizers/tokenizer.js";
import { ExperimentError } from "../errors.js";
import { tokenizerPaths } from "./tokenizer-paths.js";

type EvalTokenizer = Extract<Verify, { type: "eval" }>["tokenizer"];

/**
 * The tokenizer an eval names, from disk alone. One that is named by its model or encoding is looked for in
 * `tokenizers/` below `root`: `NAME.json`, `NAME/tokenizer.json` or `NAME.tiktoken`. Rejects with `missing_file`.
 */
export async function evalTokenizer(wanted: EvalTokenizer, root: string): Promise<Tokenizer> {
  switch (wanted.type) {
    case "byte":
      return byteTokenizer;
    case "hf-json":
      return read(isAbsolute(wanted.path) ? wanted.path : resolve(root, wanted.path));
    case "llama":
      return named(wanted.model_id, root);
    case "tiktoken":
      return named(wanted.encoding, root);
    case "gpt2":
      return named("gpt2", root);
  }
}

async function named(name: string, root: string): Promise<Tokenizer> {
  const paths = tokenizerPaths(name, root);
  for (const path of paths) if (await exists(path)) return read(path);
  throw new ExperimentError("missing_file", `the tokenizer ${name} is not here: put it at ${paths.join(" or ")}`);
}

async function read(path: string): Promise<Tokenizer> {
  const text = (await readWhole(path)).bytes.toString("utf8");
  return path.endsWith(".tiktoken") ? readTiktoken(text, path) : readTokenizerJson(text, path);
}
