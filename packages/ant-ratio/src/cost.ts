import { type JsonValue, isJsonObject } from "@vrx/objective-contract";
import type { AntRatioPacket } from "./packet.js";

/** What an hour of one device costs, and who says so. */
export interface Price {
  /** The device as artifacts name it: a GPU's name, or `cpu` for a host without one. */
  readonly device: string;
  /** ISO 4217: `USD`, `EUR`. */
  readonly currency: string;
  readonly per_hour: number;
  /** Where the price is from: an address or a contract. */
  readonly source: string;
  /** The day it held, as YYYY-MM-DD. */
  readonly date: string;
}

/** `vrx_prices_v1`: prices of devices. vrx ships none: prices change, and differ by contract. */
export interface PriceTable {
  readonly schema_version: "vrx_prices_v1";
  readonly prices: readonly Price[];
}

export type PriceTableRead =
  | { readonly status: "ok"; readonly table: PriceTable }
  | { readonly status: "invalid"; readonly issues: readonly { readonly pointer: string; readonly message: string }[] };

const PRICE_KEYS = ["device", "currency", "per_hour", "source", "date"] as const;

function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);
}

/** Reads a price table strictly: every price names its source and its day. All problems at once. */
export function readPriceTable(json: JsonValue): PriceTableRead {
  const issues: { pointer: string; message: string }[] = [];
  const wrong = (pointer: string, expected: string, found: JsonValue | undefined): void => {
    const text = found === undefined ? "nothing" : JSON.stringify(found).slice(0, 60);
    issues.push({ pointer, message: `${pointer === "" ? "/" : pointer}: expected ${expected}, found ${text}` });
  };
  if (!isJsonObject(json)) {
    wrong("", "an object", json);
    return { status: "invalid", issues };
  }
  if (json["schema_version"] !== "vrx_prices_v1") wrong("/schema_version", '"vrx_prices_v1"', json["schema_version"]);
  for (const key of Object.keys(json)) {
    if (key !== "schema_version" && key !== "prices")
      wrong(`/${key}`, "no other key than schema_version and prices", json[key]);
  }
  const list = json["prices"];
  const prices: Price[] = [];
  if (!Array.isArray(list)) wrong("/prices", "a list", list);
  else
    for (const [index, entry] of (list as readonly JsonValue[]).entries())
      prices.push(...readPrice(entry, `/prices/${index}`, wrong));
  const names = prices.map(({ device, currency }) => `${device} in ${currency}`);
  for (const [index, name] of names.entries()) {
    if (names.indexOf(name) < index) wrong(`/prices/${index}/device`, "each device once per currency", name);
  }
  return issues.length > 0
    ? { status: "invalid", issues }
    : { status: "ok", table: { schema_version: "vrx_prices_v1", prices } };
}

function readPrice(
  entry: JsonValue,
  pointer: string,
  wrong: (pointer: string, expected: string, found: JsonValue | undefined) => void,
): readonly Price[] {
  if (!isJsonObject(entry)) {
    wrong(pointer, "an object", entry);
    return [];
  }
  for (const key of Object.keys(entry)) {
    if (!PRICE_KEYS.some((known) => known === key)) wrong(`${pointer}/${key}`, `one of ${PRICE_KEYS.join(", ")}`, key);
  }
  const { device, currency, per_hour, source, date } = entry;
  const text = (
    key: string,
    value: JsonValue | undefined,
    expected: string,
    holds: (text: string) => boolean,
  ): string => {
    if (typeof value === "string" && holds(value)) return value;
    wrong(`${pointer}/${key}`, expected, value);
    return "";
  };
  if (typeof per_hour !== "number" || !(per_hour >= 0)) {
    wrong(`${pointer}/per_hour`, "an amount of at least 0", per_hour);
  }
  return [
    {
      device: text("device", device, "the name of a device", (value) => value !== ""),
      currency: text("currency", currency, "three capital letters (ISO 4217)", (value) => /^[A-Z]{3}$/.test(value)),
      per_hour: typeof per_hour === "number" ? per_hour : 0,
      source: text("source", source, "where the price is from", (value) => value !== ""),
      date: text("date", date, "a day as YYYY-MM-DD", isDate),
    },
  ];
}

export interface Cost {
  /** By currency, for a million ring tokens of training; empty where no price is known. */
  readonly per_1m_ring_tokens: Readonly<Record<string, number>>;
  readonly joules_per_ring_token: number | null;
  /** Why a figure is missing, and which prices were used: source and day. */
  readonly why: readonly string[];
}

/** The device of a packet as a price table names it. */
export function pricedDevice(packet: AntRatioPacket): string | null {
  return packet.vrx?.gpu_name ?? (packet.vrx?.device_kind === "cpu" ? "cpu" : null);
}

/**
 * What a million ring tokens cost on the device of a packet: price per hour over ring tokens per hour, for each currency
 * that the table has, and joules per ring token where energy was measured. A ring token is one position of one sequence
 * in the ring workload; it is no token of a language model.
 */
export function costOf(packet: AntRatioPacket, table: PriceTable): Cost {
  const why: string[] = [];
  const per_1m_ring_tokens: Record<string, number> = {};
  const device = pricedDevice(packet);
  const speed = packet.throughput_tokens_per_s;
  const prices =
    device === null ? [] : table.prices.filter((price) => price.device.toLowerCase() === device.toLowerCase());
  if (device === null) why.push("the artifacts do not name the device");
  else if (prices.length === 0) why.push(`the price table has no price for ${device}`);
  if (speed === null || speed <= 0) why.push("the throughput is not known");
  else {
    for (const { currency, per_hour, source, date } of prices) {
      per_1m_ring_tokens[currency] = (per_hour / 3600 / speed) * 1e6;
      why.push(`${per_hour} ${currency} per hour by ${source}, ${date}`);
    }
  }
  const energy = packet.vrx?.energy_per_step_joules ?? null;
  const { batch_size, seq_len } = packet;
  const known = energy !== null && batch_size !== null && seq_len !== null;
  if (!known) why.push("energy was not measured");
  return { per_1m_ring_tokens, joules_per_ring_token: known ? energy / (batch_size * seq_len) : null, why };
}
