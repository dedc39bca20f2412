import { isAbsolute, join, resolve } from "node:path";

/** What the short names of a manifest stand for. */
const shortNames: Readonly<Record<string, string>> = { llama: "meta-llama/Llama-3.2-1B", tiktoken: "gpt2" };

/**
 * Where the tokenizer of a name is looked for, in order. A name that ends in .json or .tiktoken is a file, relative to
 * `root`; others, of a model or an encoding, are in `tokenizers/` below it: `NAME.json`, `NAME/tokenizer.json` or
 * `NAME.tiktoken`. `byte` needs no file.
 */
export function tokenizerPaths(name: string, root: string): readonly string[] {
  if (name === "byte") return [];
  if (/\.(json|tiktoken)$/.test(name)) return [isAbsolute(name) ? name : resolve(root, name)];
  const folder = join(root, "tokenizers");
  const full = Object.hasOwn(shortNames, name) ? (shortNames[name] ?? name) : name;
  return [join(folder, `${full}.json`), join(folder, full, "tokenizer.json"), join(folder, `${full}.tiktoken`)];
}
