import { describe, expect, it } from "vitest";
import { type PriceTable, costOf, readPriceTable } from "../src/index.js";
import { samplePacket } from "./report/sample-packets.js";

const table: PriceTable = {
  schema_version: "vrx_prices_v1",
  prices: [
    { device: "NVIDIA H100", currency: "USD", per_hour: 3.6, source: "https://example.org/prices", date: "2026-01-31" },
    { device: "NVIDIA H100", currency: "EUR", per_hour: 7.2, source: "a contract", date: "2026-01-31" },
    { device: "cpu", currency: "USD", per_hour: 0.36, source: "a contract", date: "2026-01-31" },
  ],
};

describe("the cost of a packet", () => {
  it("is price per hour over ring tokens per hour, in each currency, with the source and the day of each price", () => {
    const packet = samplePacket({ throughput_tokens_per_s: 1000 }, { gpu_name: "nvidia h100" });
    const { per_1m_ring_tokens, why } = costOf(packet, table);
    // 1,000 s of a device that costs 0.001 a second.
    expect(per_1m_ring_tokens).toEqual({ USD: expect.closeTo(1, 12) as number, EUR: expect.closeTo(2, 12) as number });
    expect(why).toContain("3.6 USD per hour by https://example.org/prices, 2026-01-31");
    expect(costOf(samplePacket({ throughput_tokens_per_s: 100 }), table).per_1m_ring_tokens).toEqual({
      USD: expect.closeTo(1, 12) as number,
    });
  });

  it("has joules only where energy was measured", () => {
    expect(costOf(samplePacket(), table)).toMatchObject({
      joules_per_ring_token: null,
      why: expect.arrayContaining(["energy was not measured"]) as string[],
    });
    // 64 J for a step of 16 x 8 ring tokens.
    expect(costOf(samplePacket({}, { energy_per_step_joules: 64 }), table).joules_per_ring_token).toBe(0.5);
  });

  it("is missing with a reason, never 0", () => {
    const unknown = costOf(samplePacket({}, { gpu_name: "NVIDIA T4" }), table);
    expect(unknown.per_1m_ring_tokens).toEqual({});
    expect(unknown.why).toContain("the price table has no price for NVIDIA T4");
    const still = costOf(samplePacket({ throughput_tokens_per_s: 0 }), table);
    expect(still.per_1m_ring_tokens).toEqual({});
    expect(still.why).toContain("the throughput is not known");
  });
});

describe("a price table", () => {
  it("names source and day of every price, and is told everything that is wrong with it", () => {
    expect(readPriceTable(JSON.parse(JSON.stringify(table)) as never)).toEqual({ status: "ok", table });
    const [first] = table.prices;
    const { source, ...unsourced } = first!;
    expect(source).not.toBe("");
    const read = readPriceTable({
      schema_version: "vrx_prices_v1",
      prices: [
        unsourced,
        { ...first!, device: "x", date: "2026-02-30" },
        { ...first!, device: "y", currency: "usd", per_hour: -1, colour: "red" },
        { ...first!, device: "z" },
        { ...first!, device: "z" },
      ],
    });
    expect(read.status === "invalid" && read.issues.map(({ pointer }) => pointer)).toEqual([
      "/prices/0/source",
      "/prices/1/date",
      "/prices/2/colour",
      "/prices/2/per_hour",
      "/prices/2/currency",
      "/prices/4/device",
    ]);
  });
});
