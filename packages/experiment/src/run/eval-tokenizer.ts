import type { Verify } from "@vrx/manifest";
import { isAbsolute, resolve } from "node:path";
import { findTokenizer, readTokenizer } from "../data/tokenizers/find-tokenizer.js";
import { type Tokenizer, byteTokenizer } from "../data/tokenizers/tokenizer.js";

type EvalTokenizer = Extract<Verify, { type: "eval" }>["tokenizer"];

/** The tokenizer an eval names, from disk alone. Rejects with `missing_file`, which says where it may be put. */
export async function evalTokenizer(wanted: EvalTokenizer, root: string): Promise<Tokenizer> {
  switch (wanted.type) {
    case "byte":
      return byteTokenizer;
    case "hf-json":
      return readTokenizer(isAbsolute(wanted.path) ? wanted.path : resolve(root, wanted.path));
    case "llama":
      return findTokenizer(wanted.model_id, root);
    case "tiktoken":
      return findTokenizer(wanted.encoding, root);
    case "gpt2":
      return findTokenizer("gpt2", root);
  }
}
