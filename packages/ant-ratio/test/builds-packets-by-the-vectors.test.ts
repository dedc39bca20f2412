import { readFileSync } from "node:fs";
import type { JsonObject, JsonValue } from "@vrx/objective-contract";
import { describe, expect, it } from "vitest";
import { readJsonText } from "../src/internal/json-text.js";
import { buildPacket } from "../src/index.js";

interface Case {
  readonly name: string;
  readonly ours: "same" | "null" | "refuse" | "any";
  readonly metrics: JsonObject;
  readonly env: JsonObject;
  readonly run_cmd: JsonObject;
  readonly report: JsonObject;
  readonly token_budget: readonly [number, number, number] | null;
  readonly capability_steps_override: number | null;
  readonly ant_tier_override: string | null;
  readonly packet: Record<string, JsonValue> | null;
}

const text = readFileSync(new URL("vectors/packets.json", import.meta.url), "utf8");
const read = readJsonText(text);
if (read.status === "invalid") throw new Error(read.issue.message);
const { cases } = read.json as unknown as { cases: readonly Case[] };
const floats = read.floats;

/** The floats of one document of a case, by pointers of that document. */
function within(prefix: string): ReadonlySet<string> {
  return new Set(Array.from(floats).flatMap((p) => (p.startsWith(`${prefix}/`) ? [p.slice(prefix.length)] : [])));
}

function build(c: Case, index: number): ReturnType<typeof buildPacket> {
  const of = (key: "metrics" | "env" | "run_cmd" | "report") => ({
    json: c[key],
    floats: within(`/cases/${index}/${key}`),
  });
  const [token_budget, min_steps, max_steps] = c.token_budget ?? [];
  return buildPacket({ metrics: of("metrics"), env: of("env"), run_cmd: of("run_cmd") }, of("report"), {
    budget: token_budget === undefined ? null : { token_budget, min_steps: min_steps!, max_steps: max_steps! },
    capability_steps: c.capability_steps_override,
    ant_tier: c.ant_tier_override,
  });
}

/** What a packet says, without what is new each time and who made it. */
function said(packet: object): Record<string, unknown> {
  const { generated_utc, git_commit, probe_run_root, assoc_run_root, ...rest } = packet as Record<string, unknown>;
  expect([typeof generated_utc, git_commit, probe_run_root, assoc_run_root]).toEqual(["string", null, null, null]);
  return rest;
}

describe("packets of the vectors", () => {
  it("has cases of every kind", () => {
    expect(new Set(cases.map(({ ours }) => ours))).toEqual(new Set(["same", "null", "refuse", "any"]));
  });

  it.each(cases.map((c, index) => [c.name, c, index] as const))("%s", (_name, c, index) => {
    const built = build(c, index);
    if (c.ours === "refuse") {
      expect(built.status).toBe("refused");
      return;
    }
    if (built.status === "refused") throw new Error(built.reasons.map(({ message }) => message).join("\n"));
    if (c.ours === "same") expect(said(built.packet)).toEqual(c.packet);
    if (c.ours === "null") {
      const packet = said(built.packet);
      for (const [key, value] of Object.entries(c.packet ?? {})) {
        const reference = value === false || value === 0 || (Array.isArray(value) && value.length === 0);
        const unstated = ["had_oom", "had_nan", "had_inf"].includes(key)
          ? !(key in c.metrics)
          : key === "fail_reasons" && (c.metrics[key] ?? null) === null;
        expect(packet[key], key).toEqual(reference && unstated ? null : value);
      }
    }
  });
});

describe("a probe and a report of two configurations", () => {
  const [first] = cases;
  if (first === undefined) throw new Error("no cases");
  const shape = { ring_len: 2048, slot_dim: 256, expert_heads: 4 };
  const built = (settings: JsonObject): ReturnType<typeof buildPacket> =>
    buildPacket(
      { metrics: { json: first.metrics }, env: { json: first.env }, run_cmd: { json: first.run_cmd } },
      { json: { ...first.report, settings: { eval_disjoint: true, ...settings } } },
    );

  it.each(Object.keys(shape))("are refused where both state %s and it differs", (key) => {
    expect(built(shape).status).toBe("ok");
    const refused = built({ ...shape, [key]: 8 });
    expect(refused).toMatchObject({
      status: "refused",
      reasons: [{ artifact: "report.json", pointer: `/settings/${key}`, found: "8" }],
    });
  });

  it("are refused with every difference at once", () => {
    const refused = built({ ring_len: 8, slot_dim: 8, expert_heads: 8 });
    expect(refused.status === "refused" ? refused.reasons.map(({ pointer }) => pointer) : []).toEqual([
      "/settings/ring_len",
      "/settings/slot_dim",
      "/settings/expert_heads",
    ]);
  });

  it("are not told apart by what only one of them states", () => {
    expect(built({}).status).toBe("ok");
  });
});
