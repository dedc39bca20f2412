export { type OpenRunsOptions, type RunsAnswer, type RunsDatabase, openRuns } from "./open-runs.js";
