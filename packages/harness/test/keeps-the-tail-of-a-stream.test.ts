import fc from "fast-check";
import { expect, it } from "vitest";
import { TailBuffer } from "../src/command/tail-buffer.js";

it("keeps the last bytes, whatever the pieces", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 16 }), fc.array(fc.stringMatching(/^[a-z]{0,40}$/)), (limit, parts) => {
      const tail = new TailBuffer(limit);
      for (const part of parts) tail.push(Buffer.from(part));
      const whole = parts.join("");
      expect(tail.text()).toBe(whole.slice(-limit));
      expect(tail.totalBytes).toBe(whole.length);
    }),
  );
});
