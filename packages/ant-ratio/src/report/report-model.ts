/** An axis a chart can have, as a report carries it. */
export interface ReportAxis {
  readonly key: string;
  readonly label: string;
  /** Null for a bare number. */
  readonly unit: string | null;
  readonly better: "higher" | "lower";
  /** A share from 0 to 1, shown in per cent. */
  readonly share: boolean;
}

/** A figure of one point: a value, or why there is none. */
export type ReportFigure =
  | { readonly value: number; readonly interval?: { readonly low: number; readonly high: number } }
  | { readonly value: null; readonly why: string };

/** One packet as a report shows it. */
export interface ReportPoint {
  /** Its place among the packets, from 0. */
  readonly id: number;
  /** What tells it apart from every other point of the report. */
  readonly name: string;
  readonly tier: string;
  readonly heads: number | null;
  readonly verdict: "pass" | "fail";
  readonly fail_reasons: readonly string[];
  readonly rankable: boolean;
  /** Why it is not rankable; empty when it is. */
  readonly unrankable_reasons: readonly string[];
  /** By the key of the axis; every axis of the report has one. */
  readonly figures: Readonly<Record<string, ReportFigure>>;
  /** Everything the packet says, for the detail of the point. */
  readonly facts: readonly (readonly [name: string, value: string | number | boolean | null])[];
  readonly details: RunDetails | null;
}

/** A gate of a run, as a report shows it. */
export interface GateDetail {
  readonly gate: string;
  readonly outcome: string;
  readonly value: number | string | null;
  readonly limit: number | null;
  readonly unit: string | null;
  readonly reason: string;
}

/** What is known of the run behind a packet, beyond the packet. */
export interface RunDetails {
  /** Seconds of each measured step, in order; null where a step's time is not known. */
  readonly times_s: readonly (number | null)[];
  readonly gates: readonly GateDetail[];
  readonly verdict: string | null;
  /** What else is worth a line: engine, device, seed. */
  readonly facts?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Everything a page or a chart shows, as plain data. */
export interface ReportModel {
  readonly title: string;
  /** When the newest packet was made; null when none says so. */
  readonly generated_utc: string | null;
  readonly axes: readonly ReportAxis[];
  readonly points: readonly ReportPoint[];
  /** The axes the frontier starts with. */
  readonly x: string;
  readonly y: string;
  /** The axes of speed against memory. */
  readonly speed: string;
  readonly memory: string;
}
