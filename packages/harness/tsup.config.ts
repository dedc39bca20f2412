import { library } from "../../tools/workspace/tsup.js";

export default library({
  index: "src/index.ts",
  "bullmq/index": "src/bullmq/index.ts",
  "runs/index": "src/runs/index.ts",
  "ring-program": "src/ring/ring-program.ts",
  "slurm-task-program": "src/executors/slurm/slurm-task-program.ts",
  "trial-program": "src/trial/trial-program.ts",
});
