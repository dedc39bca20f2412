import { expect, test } from "vitest";
import * as root from "../src/index.js";

test("the package exports", () => {
  expect(Object.keys(root).sort()).toEqual([
    "DEFAULT_RING_OPTIONS",
    "RANDOM_GENERATOR",
    "RING_MODEL_VERSION",
    "RingEngineError",
    "SIZE_OPTIONS",
    "countFlops",
    "createEngine",
    "engineSupports",
    "initialParameters",
    "isRingEngineError",
    "loadAddon",
    "parameterLayout",
    "predictMemory",
    "predictionError",
    "randomStream",
    "readGolden",
    "replayGolden",
    "requireRingOptions",
    "resolveRingOptions",
    "ringBatch",
    "ringConfig",
    "runIdentity",
    "stateLoopProjection",
  ]);
});
