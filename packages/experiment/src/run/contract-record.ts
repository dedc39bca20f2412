import type { LoweredRun } from "@vrx/manifest";
import type { JsonObject, RunDevice, Verdict } from "@vrx/objective-contract";
import { type RunWriter, createRunHeader, openRun } from "@vrx/objective-contract/node";
import type { WorkloadSpec } from "@vrx/workload-schema";
import { JAX_VERSION } from "../engine/jax-version.js";
import type { Figures } from "../train/training-session.js";
import type { StopReason } from "../train/checkpoint.js";

const cpu: RunDevice = { kind: "cpu", name: "cpu", simulated: false };

/**
 * A run of training as the objective contract knows it: its steps are recorded and judged like those of a probe. The
 * workload of a run without a ring has a ring of one place; its tokens and batches are the run's, and what else changes
 * the result is in its options.
 */
export class ContractRecord {
  readonly #writer: RunWriter;
  readonly #warmup: number;
  #steps = 0;

  private constructor(writer: RunWriter, warmup: number) {
    this.#writer = writer;
    this.#warmup = warmup;
  }

  /** Opens the record of a run in an empty folder. */
  static async open(
    dir: string,
    run: LoweredRun,
    batch_size: number,
    options: JsonObject,
    argv: readonly string[],
  ): Promise<ContractRecord> {
    const { block_size } = run.train;
    const workload: WorkloadSpec = {
      schema_version: "workload_schema_v1",
      ant_spec: { ring_len: 1, slot_dim: 1, ptr_dtype: "fp32", precision: "fp32" },
      colony_spec: {
        seq_len: block_size,
        synth_len: block_size,
        batch_size,
        ptr_update_every: 1,
        state_loop_samples: 1,
      },
    };
    // The first step compiles the program; it says nothing of the others.
    const warmup_steps = Math.min(1, run.steps - 1);
    const header = createRunHeader({
      workload,
      engine: "jax",
      engine_version: JAX_VERSION,
      device: cpu,
      warmup_steps,
      measure_steps: run.steps - warmup_steps,
      step_time_mode: "perf_counter",
      run_options: options,
      seed: run.seed,
      threads: 1,
      argv,
    });
    const writer = await openRun(dir, header);
    writer.prepared({ executed: { precision: "fp32", amp: false }, device: cpu });
    return new ContractRecord(writer, warmup_steps);
  }

  /** Between steps, while something else takes its time. */
  beat(): void {
    this.#writer.beat();
  }

  step(figures: Figures, time_s: number): void {
    const place = this.#steps++;
    const measured = place >= this.#warmup;
    this.#writer.append({
      step: measured ? place - this.#warmup : place,
      phase: measured ? "measure" : "warmup",
      time_s,
      end_s: this.#writer.elapsed_s(),
      loss: figures["loss"] ?? null,
      rss_bytes: process.memoryUsage.rss(),
    });
  }

  async finish(reason: StopReason | Error): Promise<Verdict> {
    const executed = { precision: "fp32", amp: false } as const;
    if (reason instanceof Error) {
      const exception = { type: reason.name, message: reason.message };
      return (
        await this.#writer.finish({ status: "failed", stop_reason: "exception", exception, executed, device: cpu })
      ).verdict;
    }
    const status = reason === "interrupted" ? ("interrupted" as const) : ("completed" as const);
    const stop_reason = reason === "steps" ? "measure_steps_reached" : reason;
    return (await this.#writer.finish({ status, stop_reason, executed, device: cpu })).verdict;
  }
}
