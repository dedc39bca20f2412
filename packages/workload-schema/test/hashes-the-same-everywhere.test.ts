import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { nativeSha256, portableSha256 } from "../src/internal/sha256.js";

test("the portable hash is Node's", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
      expect(portableSha256(text)).toBe(createHash("sha256").update(text).digest("hex"));
    }),
  );
});

test("Node's one-shot hash is taken where there is one", () => {
  const runtime = (builtins: object | undefined) => ({ process: { getBuiltinModule: () => builtins } });
  expect(nativeSha256(globalThis)?.("abc")).toBe(portableSha256("abc"));
  expect(nativeSha256(runtime({ hash: () => "from the runtime" }))?.("abc")).toBe("from the runtime");
  for (const other of [{}, { process: {} }, runtime(undefined), runtime({ createHash })])
    expect(nativeSha256(other)).toBeUndefined();
});
