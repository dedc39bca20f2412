import { join } from "node:path";

/**
 * Where a tokenizer that a manifest names by its model or encoding is looked for, below `root`:
 * `tokenizers/NAME.json`, `tokenizers/NAME/tokenizer.json` or `tokenizers/NAME.tiktoken`.
 */
export function tokenizerPaths(name: string, root: string): string[] {
  const folder = join(root, "tokenizers");
  return [join(folder, `${name}.json`), join(folder, name, "tokenizer.json"), join(folder, `${name}.tiktoken`)];
}
