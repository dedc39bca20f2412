import type { AssocTask } from "./assoc-task.js";

/** What is wrong with a task, in words; empty when nothing is. `length` is the number of positions of a sample. */
export function taskProblems(task: AssocTask, length: number): readonly string[] {
  const problems: string[] = [];
  const whole = (name: keyof AssocTask, min: number): void => {
    const value = task[name];
    if (Number.isSafeInteger(value) && value >= min) return;
    problems.push(`${name}: expected a whole number of at least ${min}, found ${value}`);
  };
  whole("keys", 2);
  whole("pairs", 1);
  whole("values", 2);
  whole("train_samples", 1);
  whole("eval_samples", 1);
  if (task.pairs > task.keys) {
    problems.push(
      `pairs: expected at most keys = ${task.keys}, since the keys of a sample all differ, found ${task.pairs}`,
    );
  }
  if (length < 2 * task.pairs + 1) {
    const fits = Math.floor((length - 1) / 2);
    problems.push(
      `pairs: ${task.pairs} pairs and a question need a sequence of ${2 * task.pairs + 1}, found ${length}: ` +
        (fits >= 1 ? `at most ${fits} fit, or make synth_len longer` : "make synth_len longer"),
    );
  }
  return problems;
}
