import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AntRatioPacket, MAX_PACKET_BYTES, type PacketRead, readPacket, readPackets } from "../src/index.js";
import { readJsonText } from "../src/internal/json-text.js";
import { samplePacket } from "./report/sample-packets.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

async function all(source: Iterable<Uint8Array>): Promise<PacketRead[]> {
  const reads: PacketRead[] = [];
  for await (const read of readPackets(source)) reads.push(read);
  return reads;
}

function issuesOf(read: PacketRead): readonly string[] {
  return read.status === "ok" ? [] : read.issues.map(({ code, pointer }) => `${code} ${pointer}`);
}

describe("a packet", () => {
  it("is read back as it was written, with keys of v0 that may be absent as null", () => {
    const packet = samplePacket();
    expect(readPacket(JSON.stringify(packet))).toEqual({ status: "ok", packet, line: 1 });
    // The same through the reader that looks at every token.
    expect(readPacket(JSON.stringify(packet, null, 2))).toEqual({ status: "ok", packet, line: 1 });
    const { workload_id, probe_id, vrx, token_budget, ...seed } = packet;
    expect([workload_id, probe_id, vrx, token_budget]).not.toContain(undefined);
    const rest: Partial<AntRatioPacket> = { ...packet };
    delete (rest as { vrx?: unknown }).vrx;
    expect(readPacket(JSON.stringify(seed))).toEqual({
      status: "ok",
      packet: { ...rest, workload_id: null, probe_id: null, token_budget: null },
      line: 1,
    });
  });

  it.each([
    ["schema_version", "ant_ratio_packet_v1"],
    ["stability_pass", null],
    ["stability_pass", 1],
    ["had_oom", "false"],
    ["fail_reasons", "oom"],
    ["fail_reasons", [1]],
    ["batch_size", 0],
    ["batch_size", 1.5],
    ["amp", true],
    ["assoc_byte_disjoint_accuracy", 1.1],
    ["throughput_tokens_per_s", -1],
    ["generated_utc", null],
    ["vrx", null],
    ["vrx", { nested: {} }],
  ])("is refused with %s of %j", (key, value) => {
    expect(issuesOf(readPacket(JSON.stringify({ ...samplePacket(), [key]: value })))).toEqual([`wrong_value /${key}`]);
  });

  it("is told everything that is wrong with it at once, and the key that was meant", () => {
    const { had_nan, ...packet } = samplePacket({ batch_size: -1 });
    expect(had_nan).toBe(false);
    const read = readPacket(JSON.stringify({ ...packet, "Batch-Size": 4, zzzzz: 1 }), 7);
    expect(issuesOf(read)).toEqual([
      "wrong_value /batch_size",
      "missing_key /had_nan",
      "unknown_key /Batch-Size",
      "unknown_key /zzzzz",
    ]);
    const issues = read.status === "ok" ? [] : read.issues;
    expect(issues[2]).toMatchObject({ suggestion: "batch_size", line: 7 });
    expect(issues[3]).not.toHaveProperty("suggestion");
  });

  it("may not say a key twice, whoever wrote it", () => {
    const text = JSON.stringify(samplePacket());
    const twice = `{"had_oom":true,${text.slice(1)}`;
    expect(JSON.parse(twice)).toMatchObject({ had_oom: false });
    const read = readPacket(twice);
    expect(read.status === "invalid" && read.issues[0]?.message).toContain('the key "had_oom" comes twice');
  });

  it("that Python wrote is read as well: floats, spaces and the keys its sweep adds", () => {
    const text = JSON.stringify({ ...samplePacket(), cap_train_rc: 0 })
      .replaceAll('":', '": ')
      .replace("0.9", "0.90");
    expect(readPacket(text)).toMatchObject({ status: "ok", packet: { assoc_byte_disjoint_accuracy: 0.9 } });
  });
});

describe("JSON of artifacts", () => {
  it("is what JSON.parse reads, without keys that come twice", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const read = readJsonText(text);
        if (read.status === "ok") expect(JSON.stringify(read.json)).toBe(JSON.stringify(JSON.parse(text)));
        else expect(read.issue.message).toMatch(/twice|levels|double/);
      }),
    );
  });

  it("is refused where JSON.parse refuses it, with the place", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ unit: "binary", maxLength: 2 }), (text, at, junk) => {
        const place = at % (text.length + 1);
        const broken = text.slice(0, place) + junk + text.slice(place);
        let valid = true;
        try {
          JSON.parse(broken);
        } catch {
          valid = false;
        }
        if (!valid) expect(readJsonText(broken).status).toBe("invalid");
      }),
    );
    expect(readJsonText('{"a": "\n"}')).toMatchObject({ issue: { line: 1, column: 7 } });
    expect(readJsonText('"\\q"').status).toBe("invalid");
    expect(readJsonText('"open').status).toBe("invalid");
    expect(readJsonText("1e999").status).toBe("invalid");
  });

  it("takes a text of megabytes, and refuses one that is nested without end", () => {
    const long = JSON.stringify({ text: `${"a".repeat(8_000_000)}\\"` });
    expect(readJsonText(long).status).toBe("ok");
    expect(readJsonText("[".repeat(1_000_000)).status).toBe("invalid");
  });
});

describe("packets as a stream", () => {
  const packets = [1, 2, 3].map((seed) => samplePacket({ probe_id: `größe ${seed} 😀` }));
  const text = packets.map((packet) => `${JSON.stringify(packet)}\n`).join("");

  it("are the same whatever the pieces they come in", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 60 }), async (sizes) => {
        const bytes = bytesOf(text);
        // One buffer that the source uses again for each piece, as streams may.
        const shared = new Uint8Array(1000);
        function* source(): Generator<Uint8Array> {
          for (let from = 0, i = 0; from < bytes.length; i++) {
            const size = Math.min(sizes[i % sizes.length]!, bytes.length - from);
            shared.set(bytes.subarray(from, from + size));
            yield shared.subarray(0, size);
            shared.fill(0);
            from += size;
          }
        }
        const reads = await all(source());
        expect(reads.map((read) => read.status === "ok" && read.packet)).toEqual(packets);
        expect(reads.map(({ line }) => line)).toEqual([1, 2, 3]);
      }),
      { numRuns: 50 },
    );
  });

  it("go on after a line that is none, and name each by its line", async () => {
    const lines = [text.split("\n")[0]!, "", "{", "  ", JSON.stringify({ a: 1 }), text.split("\n")[1]!];
    const reads = await all([bytesOf(lines.join("\n"))]);
    expect(reads.map(({ status, line }) => [status, line])).toEqual([
      ["ok", 1],
      ["invalid", 3],
      ["invalid", 5],
      ["ok", 6],
    ]);
    const invalid = await all([new Uint8Array([0xff, 10])]);
    expect(issuesOf(invalid[0]!)).toEqual(["invalid_utf8 "]);
  });

  it("hold no more than one line, however long the stream and its lines are", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const held = (): number => {
      gc();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    const block = bytesOf(text.repeat(200));
    const junk = new Uint8Array(65_536).fill(97);
    let lines = 0;
    let most = 0;
    let early = 0;
    function* source(): Generator<Uint8Array> {
      for (let round = 0; round < 40; round++) {
        yield block;
        // A line of 4 MB, which nobody keeps.
        for (let piece = 0; piece < 64; piece++) {
          yield junk;
          if (piece === 63 && round === 3) early = held();
          if (piece === 63 && round > 3 && round % 9 === 0) most = Math.max(most, held());
        }
        yield bytesOf("\n");
      }
    }
    const statuses = new Map<string, number>();
    for await (const read of readPackets(source())) {
      lines++;
      const word = read.status === "ok" ? "ok" : read.issues[0]!.code;
      statuses.set(word, (statuses.get(word) ?? 0) + 1);
    }
    expect(lines).toBe(40 * 601);
    expect(Object.fromEntries(statuses)).toEqual({ ok: 40 * 600, too_long: 40 });
    expect(early).toBeGreaterThan(0);
    // 24 MB of packets and 160 MB of junk have passed by; a few lines' worth is what engines move by themselves.
    expect(most - early).toBeLessThan(8 * MAX_PACKET_BYTES);
  });
});
