/**
 * The `[Symbol.dispose]` method where the consumer's library knows that symbol, nothing where it does not:
 * the declarations of this package compile with and without `esnext.disposable`.
 */
export type Disposes = SymbolConstructor extends { readonly dispose: infer Key extends symbol }
  ? Readonly<Record<Key, () => void>>
  : unknown;
