export { type Axis } from "./axis.js";
export { type PacketAxis, packetAxes, packetAxis } from "./axes.js";
export {
  type BuildPacketOptions,
  type BuiltPacket,
  type ProbeArtifacts,
  artifact,
  buildPacket,
} from "./build-packet.js";
export type { AssocTaskSettings, CapabilityLevels, CapabilityReport } from "./capability-report.js";
export { type Comparison, type Ranked, type Ranking, compareOn, rankPoints } from "./compare-on.js";
export {
  type Cost,
  type Price,
  type PriceTable,
  type PriceTableRead,
  costOf,
  pricedDevice,
  readPriceTable,
} from "./cost.js";
export { AntRatioError, type AntRatioErrorCode, isAntRatioError } from "./errors.js";
export { type JsonTextIssue, type JsonTextRead, readJsonText } from "./internal/json-text.js";
export type { Artifact, PacketIssue } from "./internal/statements.js";
export { type AntRatioPacket, type NamedTier, PACKET_SCHEMA_VERSION, type PacketFacts } from "./packet.js";
export { type Dominated, type Frontier, paretoFrontier } from "./pareto-frontier.js";
export {
  type Rankable,
  type RankablePolicy,
  type UnrankableCode,
  type UnrankableReason,
  configurationKey,
  groupByConfiguration,
  rankable,
} from "./rankable.js";
export {
  MAX_PACKET_BYTES,
  type PacketRead,
  type PacketReadIssue,
  checkPacket,
  readPacket,
  readPackets,
} from "./read-packet.js";
export { type SummaryOptions, type SummaryRow, summarise } from "./summary.js";
export { tierOf } from "./tier.js";
export {
  BUDGET_TOLERANCE,
  type PacketBudget,
  type TokenBudgetInput,
  type TokenBudgetPlan,
  planTokenBudget,
  recordedBudgetSteps,
} from "./token-budget.js";
export { type Interval, normalQuantile, wilsonInterval } from "./wilson-interval.js";
