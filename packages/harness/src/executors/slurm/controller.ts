import { setTimeout as delay } from "node:timers/promises";
import { HarnessError } from "../../errors.js";
import type { SlurmAnswer } from "./slurm-commands.js";

const first_wait_s = 1;
const longest_wait_s = 60;

type Unreachable = Extract<SlurmAnswer, { readonly status: "unreachable" }>;

/** Asks again, more and more rarely, while the controller of Slurm is away. */
export interface Patience {
  /**
   * The first answer that is not `unreachable`. Throws `executor_unavailable` when the controller has been away for
   * longer than the limit, or when the signal is aborted in the meantime.
   */
  ask<T extends { readonly status: string }>(question: () => Promise<T>): Promise<Exclude<T, Unreachable>>;
}

export function patience(limit_s: number, say: (text: string) => void, signal: AbortSignal | null): Patience {
  return {
    async ask<T extends { readonly status: string }>(question: () => Promise<T>) {
      let since_ms: number | null = null;
      for (let wait_s = first_wait_s; ; wait_s = Math.min(longest_wait_s, wait_s * 2)) {
        const answer = await question();
        if (!isUnreachable(answer)) {
          // What is left of T by the guard above.
          if (since_ms !== null) say("the controller of Slurm answers again");
          return answer as Exclude<T, Unreachable>;
        }
        if (since_ms === null) {
          since_ms = performance.now();
          say(`the controller of Slurm does not answer (${answer.why}); what is queued stays queued, trying again`);
        }
        const away_s = (performance.now() - since_ms) / 1000;
        if (away_s >= limit_s || signal?.aborted === true) {
          const away = `the controller of Slurm has not answered for ${away_s.toFixed(0)} s: ${answer.why}`;
          throw new HarnessError("executor_unavailable", away);
        }
        await delay(Math.min(wait_s, limit_s - away_s) * 1000, undefined, signal === null ? {} : { signal }).catch(
          () => undefined,
        );
      }
    },
  };
}

function isUnreachable<T extends { readonly status: string }>(answer: T): answer is T & Unreachable {
  return answer.status === "unreachable";
}
