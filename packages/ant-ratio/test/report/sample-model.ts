import type { ReportFigure, ReportModel, ReportPoint } from "../../src/report/report-model.js";

const axes = [
  { key: "throughput", label: "Throughput", unit: "ring tokens/s", better: "higher", share: false },
  { key: "memory", label: "Memory reserved", unit: null, better: "lower", share: true },
  { key: "accuracy", label: "Accuracy", unit: null, better: "higher", share: true },
  { key: "cost", label: "Cost", unit: "USD per 1M ring tokens", better: "lower", share: false },
] as const;

/** A point with the given figures; the others have none, with a reason. */
export function samplePoint(
  id: number,
  figures: Readonly<Record<string, number | ReportFigure>>,
  over: Partial<ReportPoint> = {},
): ReportPoint {
  const figureOf = (key: string): ReportFigure => {
    const figure = figures[key];
    if (figure === undefined) return { value: null, why: `nobody measured the ${key}` };
    return typeof figure === "number" ? { value: figure } : figure;
  };
  return {
    id,
    name: `point ${id}`,
    tier: "small",
    heads: 1,
    verdict: "pass",
    fail_reasons: [],
    rankable: true,
    unrankable_reasons: [],
    figures: Object.fromEntries(axes.map(({ key }) => [key, figureOf(key)])),
    facts: [["precision", "fp16"]],
    details: null,
    ...over,
  };
}

export function sampleModel(points: readonly ReportPoint[], over: Partial<ReportModel> = {}): ReportModel {
  return {
    title: "A report",
    generated_utc: "2026-01-01T12:00:00Z",
    axes,
    points,
    x: "throughput",
    y: "accuracy",
    speed: "throughput",
    memory: "memory",
    ...over,
  };
}

/** `count` points that look like a sweep's: tiers, heads, failures, missing figures, intervals. The same every time. */
export function manyPoints(count: number): ReportPoint[] {
  let state = 7;
  const random = (): number => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
  return Array.from({ length: count }, (_, id) => {
    const tier = ["small", "real", "stress", "custom"][Math.floor(random() * 4)]!;
    const heads = 2 ** Math.floor(random() * 5);
    const throughput = 1e4 * 10 ** (random() * 2);
    const failed = random() < 0.2;
    const accuracy = Math.min(0.97, Math.max(0.03, 1.1 - Math.log10(throughput) / 6 + (random() - 0.6) * 0.5));
    const rankable = !failed && random() < 0.7;
    return samplePoint(
      id,
      {
        throughput,
        memory: random(),
        ...(random() < 0.1
          ? {}
          : { accuracy: { value: accuracy, interval: { low: accuracy - 0.03, high: accuracy + 0.025 } } }),
      },
      {
        name: `${tier}, heads ${heads}, batch ${id + 1}`,
        tier,
        heads,
        verdict: failed ? "fail" : "pass",
        fail_reasons: failed ? ["vram_guard"] : [],
        rankable,
        unrankable_reasons: rankable ? [] : ["measured on one seed, two are needed"],
        details: {
          times_s: Array.from({ length: 50 }, () => 0.01 + random() * 0.002),
          verdict: failed ? "fail" : "pass",
          gates: [
            {
              gate: "vram_guard",
              outcome: failed ? "fail" : "pass",
              value: 0.85,
              limit: 0.92,
              unit: "ratio",
              reason: "reserved memory against the device's",
            },
            { gate: "heartbeat_stall", outcome: "cannot_fire", value: null, limit: 60, unit: "s", reason: "" },
          ],
        },
      },
    );
  });
}
