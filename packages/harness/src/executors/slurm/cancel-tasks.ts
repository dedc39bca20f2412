import { setTimeout as delay } from "node:timers/promises";
import { type PlacedTask, cancelTargets } from "./cancel-targets.js";
import { patience } from "./controller.js";
import type { SlurmCommand } from "./slurm-commands.js";
import { isAlive, queueOf } from "./slurm-queue.js";

// KillWait of Slurm is 30 s by default: a task that does not end at SIGTERM is killed then.
const cancel_wait_s = 90;

/**
 * Takes tasks out of Slurm and waits until none of them waits or runs; others of the same arrays stay. Null when that is
 * done, or why it could not be.
 */
export async function cancelTasks(
  tasks: readonly PlacedTask[],
  command: SlurmCommand,
  say: (text: string) => void,
): Promise<string | null> {
  const ids = cancelTargets(tasks);
  if (ids.length === 0) return null;
  const insistent = patience(cancel_wait_s, say, null);
  try {
    for (const id of ids) await insistent.ask(() => command("scancel", ["--quiet", id]));
    const names = [...new Set(tasks.map(({ submission }) => submission.name))];
    const wanted = new Set(tasks.map(({ submission, index }) => `${submission.name} ${index}`));
    const until_ms = performance.now() + cancel_wait_s * 1000;
    while (performance.now() < until_ms) {
      const queue = await insistent.ask(() => queueOf(names, command));
      if (queue.status !== "ok") return null;
      if (!queue.tasks.some(({ name, index, state }) => wanted.has(`${name} ${index}`) && isAlive(state))) return null;
      await delay(500);
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
