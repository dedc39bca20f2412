import { writeWhole } from "@vrx/ant-ratio/report";
import type { TokenPreparation } from "@vrx/manifest";
import { ExperimentError } from "../errors.js";
import { readWhole } from "./files.js";
import { writeNpy } from "./npy.js";
import { trainBpe } from "./tokenizers/bpe-tokenizer.js";
import { findTokenizer } from "./tokenizers/find-tokenizer.js";
import { readTiktoken } from "./tokenizers/read-tiktoken.js";
import { readTokenizerJson } from "./tokenizers/read-tokenizer-json.js";
import { type Tokenizer, byteTokenizer } from "./tokenizers/tokenizer.js";

type TextRecipe = Extract<TokenPreparation, { type: "text" }>;

/** Where texts and tokenizers are, and which tokenizer is meant where a recipe names none. */
export interface TextSources {
  readonly root: string;
  readonly at: (path: string) => string;
  readonly tokenizer: string;
}

/** Makes the file of token ids of a recipe: its texts one after the other, in the recipe's tokens. */
export async function prepareText(path: string, recipe: TextRecipe, sources: TextSources): Promise<void> {
  const { files, append_eos } = recipe;
  const texts = await Promise.all(files.map(async (file) => utf8((await readWhole(sources.at(file))).bytes, file)));
  const tokenizer = await tokenizerOf(recipe, texts, sources);
  if (append_eos && tokenizer.eos_id === null) {
    throw new ExperimentError(
      "invalid_data",
      `${tokenizer.name}: there is no token that ends a text; set append_eos: false`,
    );
  }
  const eos = append_eos && tokenizer.eos_id !== null ? [tokenizer.eos_id] : [];
  const ids = Int32Array.from(texts.flatMap((text) => [...tokenizer.encode(text), ...eos]));
  await writeWhole(path, writeNpy({ shape: [ids.length], data: ids }));
}

async function tokenizerOf(
  { tokenizer }: TextRecipe,
  texts: readonly string[],
  { root, at, tokenizer: usual }: TextSources,
): Promise<Tokenizer> {
  const read = async (path: string): Promise<string> => utf8((await readWhole(at(path))).bytes, path);
  switch (tokenizer?.type) {
    case undefined:
      return findTokenizer(usual, root);
    case "byte":
      return byteTokenizer;
    case "bpe":
      return trainBpe(texts, tokenizer.vocab_size);
    case "hf-json":
      return readTokenizerJson(await read(tokenizer.path), tokenizer.path);
    case "tiktoken":
      return readTiktoken(await read(tokenizer.path), tokenizer.path);
  }
}

/** Text from bytes. What is no UTF-8 would come back as other text. */
function utf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ExperimentError("invalid_data", `${name}: expected UTF-8, found other bytes`, { cause });
  }
}
