import { type CallOf, defineCommand, operand } from "../frame/define-command.js";
import { answerExits, answerOptions, folders } from "./runs-common.js";

const takes = { operands: { sql: operand("SQL", "one SELECT"), folders }, options: answerOptions };

/** A call of `vrx runs query`. */
export type RunsQueryCall = CallOf<typeof takes>;

/** `vrx runs query` */
export const runsQuery = defineCommand({
  name: "query",
  summary: "ask in SQL: one SELECT over runs, samples, packets, reports and trials",
  description:
    "Answer one SELECT (DuckDB) over what lies below the folders, as the tables runs, samples, packets, reports and trials; " +
    "`DESCRIBE runs` shows the columns. Nothing else is taken: no statement that writes, no other file, no extension.",
  ...takes,
  interruptible: true,
  examples: [
    {
      does: "the fastest runs",
      line: 'vrx runs query "SELECT dir, verdict FROM runs ORDER BY median_step_time_s"',
    },
    { does: "of other folders, for a program", line: 'vrx runs query "SELECT * FROM packets" sweeps/demo --json' },
  ],
  exits: answerExits,
  load: async () => (await import("../actions/runs-query.js")).run,
});
