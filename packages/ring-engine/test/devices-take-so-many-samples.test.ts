import { presets } from "@vrx/workload-schema";
import { expect, it } from "vitest";
import { cudaRefusal } from "../src/cuda-backend.js";
import { requireRingOptions } from "../src/options.js";
import { ringConfig } from "../src/ring-config.js";

/** Of an H100 or H200, as docs/cuda-engine.md has it. */
const limits = { multiprocessors: 132, shared_bytes_per_block: 227 * 1024 };

it.each([
  ["od1_small", "fp32", 553],
  ["od1_real", "fp32", 435],
  ["od1_stress", "fp32", 416],
  ["od1_small", "fp64", 368],
  ["od1_real", "fp64", 272],
  ["od1_stress", "fp64", 224],
] as const)(
  "a device of 132 multiprocessors takes as many samples of %s in %s as is documented",
  (name, precision, most) => {
    const { ant_spec, colony_spec, ...rest } = presets[name];
    const refusal = (batch_size: number): string | null => {
      const spec = { ...rest, ant_spec: { ...ant_spec, precision }, colony_spec: { ...colony_spec, batch_size } };
      return cudaRefusal(ringConfig(spec, requireRingOptions()), limits);
    };
    expect(refusal(most)).toBeNull();
    expect(refusal(most + 1)).toMatch(/shared memory in a block, and this device has 232448: make batch_size smaller/);
  },
);
