import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AUDIT_GENESIS, verifyAudit, verifyAuditText } from "../src/verify/index.js";
import { auditLine } from "../src/verify/audit-chain.js";

function chain(events: readonly string[]) {
  let head = { seq: 0, hash: AUDIT_GENESIS };
  return events.map((event) => {
    const line = auditLine({ event }, head);
    ({ head } = line);
    return line;
  });
}
const lines = chain(["start", "sealed", "verified", "stopped"]);
const texts = lines.map(({ text }) => text);
const problem = (changed: readonly string[], options = {}) => {
  const verdict = verifyAudit(changed, options);
  return verdict.status === "broken" ? `${verdict.problem} at ${verdict.line}` : "intact";
};

describe("an audit chain", () => {
  it("is intact as it was written, and tells its head", () => {
    expect(verifyAudit(texts)).toEqual({ status: "intact", lines: 4, head: lines[3]!.head });
    expect(verifyAudit([])).toEqual({ status: "intact", lines: 0, head: { seq: 0, hash: AUDIT_GENESIS } });
    expect(verifyAudit(texts.slice(2), { from: lines[1]!.head })).toMatchObject({ status: "intact" });
  });

  it("shows changed, removed, added and swapped lines", () => {
    expect(problem([texts[0]!, texts[1]!.replace("sealed", "soiled"), ...texts.slice(2)])).toBe("hash_mismatch at 2");
    expect(problem([texts[0]!, ...texts.slice(2)])).toBe("wrong_previous at 2");
    expect(problem(texts.slice(1))).toBe("wrong_previous at 1");
    expect(problem([texts[1]!, texts[0]!])).toBe("wrong_previous at 1");
    expect(problem([texts[0]!, texts[0]!])).toBe("wrong_previous at 2");
    expect(problem([...texts, "{}"])).toBe("no_hash at 5");
    expect(problem([...texts, "what"])).toBe("not_json at 5");
    const renumbered = auditLine({ event: "x" }, { seq: 7, hash: lines[3]!.head.hash }).text;
    expect(problem([...texts, renumbered])).toBe("wrong_sequence at 5");
  });

  it("shows a cut end by its anchor, and a torn line by itself", () => {
    const anchor = lines[3]!.head;
    expect(problem(texts.slice(0, 3))).toBe("intact");
    expect(problem(texts.slice(0, 3), { anchor })).toBe("anchor_missing at 3");
    expect(problem(texts, { anchor })).toBe("intact");
    expect(problem(texts, { anchor: lines[1]!.head })).toBe("intact");
    expect(
      problem(
        chain(["start", "forged", "verified", "stopped"]).map(({ text }) => text),
        { anchor },
      ),
    ).toBe("anchor_mismatch at 4");
    expect(verifyAuditText(`${texts.join("\n")}\n`)).toMatchObject({ status: "intact" });
    expect(verifyAuditText(`${texts.join("\n")}\n${texts[0]!.slice(0, 20)}`)).toMatchObject({
      problem: "torn_line",
      line: 5,
    });
  });

  it("shows any single changed byte", () => {
    const text = `${texts.join("\n")}\n`;
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        if (changed !== text) expect(verifyAuditText(changed).status).toBe("broken");
      }),
      { numRuns: 500 },
    );
  });
});
