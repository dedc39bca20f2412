// What measuring says of a GPU, beside what nvidia-smi says.

/** A check that makes no sense on a fake driver. */
const onHardware = (check) => Object.assign(check, { needs_hardware: true });

export const checks = {
  "env.json names the GPU, its memory, its compute capability and its driver as nvidia-smi does": onHardware(
    async ({ smi }) => {
      const { collectEnv } = await import("@vrx/objective-contract/node");
      const env = await collectEnv({ precision: "fp32", amp: false });
      const found = [env.gpu_name, env.total_vram_bytes, env.compute_capability, env.driver_version];
      const expected = [smi?.name, smi?.total_bytes, smi?.compute_capability, smi?.driver_version];
      return String(found) === String(expected) || `expected ${expected.join(", ")}, found ${found.join(", ")}`;
    },
  ),
  "a program that reports its memory is held to the VRAM guard of this GPU": onHardware(async ({ smi }) => {
    const { commandWorkload, probe } = await import("@vrx/harness");
    const { presets } = await import("@vrx/workload-schema");
    const hello = { hello: { executed_precision: "fp32", device: "cuda:0" } };
    const script = `
      const { writeSync } = require("node:fs");
      const write = (line) => writeSync(Number(process.env.VRX_SAMPLES_FD), JSON.stringify(line) + "\\n");
      write(${JSON.stringify(hello)});
      for (let step = 0; step < 25; step++)
        write({ step, time_s: 0.01, loss: 1, vram_reserved_bytes: ${smi?.total_bytes ?? 0} });`;
    const { verdict } = await probe(commandWorkload({ argv: [process.execPath, "-e", script] }), presets.od1_small, {
      warmup_steps: 5,
      measure_steps: 20,
    });
    return (verdict.status === "fail" && verdict.fail_reasons.includes("vram_guard")) || JSON.stringify(verdict);
  }),
};
