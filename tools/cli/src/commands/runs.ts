import { defineGroup } from "../frame/define-command.js";
import { runsGrep } from "./runs-grep.js";
import { runsList } from "./runs-list.js";
import { runsQuery } from "./runs-query.js";
import { runsShow } from "./runs-show.js";

/** `vrx runs` */
export const runs = defineGroup({
  name: "runs",
  summary: "ask what was measured: SQL and shortcuts over run directories, packets and reports",
  commands: [runsQuery, runsList, runsShow, runsGrep],
});
