import fc from "fast-check";
import { expect, it } from "vitest";
import { readGolden } from "../src/golden.js";
import { replayGolden } from "../src/replay-golden.js";
import { referenceEngine } from "./goldens.js";
import { recordGolden } from "./record-golden.js";
import { smallConfig } from "./small-config.js";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every place of a document, as a way of replacing what is there. */
function places(document: Json): ((value: Json) => void)[] {
  if (typeof document !== "object" || document === null) return [];
  if (Array.isArray(document)) {
    return document.flatMap((child, i) => [(value: Json) => void (document[i] = value), ...places(child)]);
  }
  return Object.entries(document).flatMap(([key, child]) => [
    (value: Json) => void (document[key] = value),
    ...places(child),
  ]);
}

const hostile: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json[]>(null, true, "", "float64", "__proto__", [], {}, 0, -1, 1e308, 1e-308, 2 ** 31, 0.5, [
    [[[1]]],
  ]),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -3, max: 40 }),
  fc.dictionary(fc.constantFrom("__proto__", "constructor", "gru.bias_ih", "a"), fc.constantFrom<Json[]>(null, 1, [1])),
);

it("a recording with anything in any place is refused with issues or replayed, never thrown over", async () => {
  const config = smallConfig({ ring_len: 4, slot_dim: 2, synth_len: 2, batch_size: 1, num_classes: 2, sensory_dim: 1 });
  const text = await recordGolden({ ...config, state_loop_samples: 1, state_loop_dim: 2 }, 1, 2);
  const count = places(JSON.parse(text) as Json).length;
  let refused = 0;
  let replayed = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(count - 1), hostile), { minLength: 1, maxLength: 3 }),
      async (changes) => {
        const document = JSON.parse(text) as Json;
        const all = places(document);
        for (const [index, value] of changes) all[index]!(value);
        const read = readGolden(JSON.stringify(document));
        if (read.status === "invalid") {
          refused += 1;
          expect(read.issues.length).toBeGreaterThan(0);
          expect(read.issues.every(({ message }) => message.length > 0 && message.length < 400)).toBe(true);
        } else {
          replayed += 1;
          expect(typeof (await replayGolden(read.golden, referenceEngine)).ok).toBe("boolean");
        }
      },
    ),
    { numRuns: 600, seed: 5 },
  );
  expect(refused).toBeGreaterThan(50);
  expect(replayed).toBeGreaterThan(50);
});

it("random texts are refused", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      expect(readGolden(text).status).toBe("invalid");
    }),
    { seed: 6 },
  );
});

it("deep nesting is refused", () => {
  const depth = 200_000;
  const brackets = "[".repeat(depth) + "]".repeat(depth);
  expect(readGolden(brackets).status).toBe("invalid");
  expect(readGolden(`{"name":"a","config":${brackets},"x":${brackets}}`).status).toBe("invalid");
});
