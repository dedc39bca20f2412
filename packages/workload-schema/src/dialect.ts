/**
 * Which texts are JSON. `strict` (the default) refuses duplicate keys, NaN and the infinities, lone surrogates and
 * nesting over 512. `python` takes what Python's `json.loads` takes from a UTF-8 file: the last duplicate wins,
 * NaN and the infinities and lone surrogates are values, nesting ends where Python 3.11's recursion limit ends it (993).
 */
export type Dialect = "strict" | "python";

export interface ReadOptions {
  readonly dialect?: Dialect | undefined;
}
