import type { PriceTable } from "../cost.js";
import type { AntRatioPacket } from "../packet.js";
import type { RunDetails } from "./report-model.js";

/** What a report can be told beyond its packets. */
export interface ReportOptions {
  /** What it is called; default `Cost against capability`. */
  readonly title?: string;
  /** The axes the frontier starts with, by their keys. */
  readonly x?: string;
  readonly y?: string;
  /** What is known of the run behind a packet, for its detail: the same packet objects as those of the report. */
  readonly details?: ReadonlyMap<AntRatioPacket, RunDetails>;
  /** Adds an axis of cost for each currency of the table; see `readPriceTable`. */
  readonly prices?: PriceTable;
  /** Which sweep a packet is from, where several are shown together. */
  readonly sources?: ReadonlyMap<AntRatioPacket, string>;
}
