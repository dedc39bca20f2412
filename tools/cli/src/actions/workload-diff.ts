import {
  type KnobDiff,
  type SpecInteger,
  type WorkloadSpec,
  computeWorkloadDigest,
  computeWorkloadId,
  diffWorkloads,
} from "@vrx/workload-schema";
import type { WorkloadDiffCall } from "../commands/workload-diff.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { jsonText } from "../frame/json-text.js";
import type { Output } from "../frame/output.js";
import { quoteName } from "../frame/printable.js";
import { readNamedSpecs } from "../inputs/spec-source.js";
import { specDocument } from "./spec-document.js";

type Spec = WorkloadSpec<SpecInteger>;

/** Says which knobs differ, and which labels where the workloads are the same. */
export async function run({ operands, options, output }: WorkloadDiffCall): Promise<ExitCode> {
  const [before, after] = await readNamedSpecs([operands.before, operands.after], options.dialect);
  if (before?.status !== "ok" || after?.status !== "ok") {
    for (const named of [before, after]) {
      if (named?.status === "invalid") named.problems.forEach((problem) => output.problem(problem));
    }
    if (options.json && before !== undefined && after !== undefined) {
      output.printJson({ same: null, a: specDocument(before), b: specDocument(after) });
    }
    return exitCodes.wrongInput;
  }
  const knobs = diffWorkloads(before.spec, after.spec);
  const labels = differingLabels(before.spec, after.spec);
  if (options.json) {
    output.printJson({ same: knobs.length === 0, a: specDocument(before), b: specDocument(after), knobs, labels });
  } else if (knobs.length === 0) {
    printSame(computeWorkloadId(before.spec), labels, output);
  } else {
    for (const { name, spec } of [before, after]) output.print(`${computeWorkloadId(spec)}\t${quoteName(name)}`);
    printKnobs(knobs, output);
    if (computeWorkloadId(before.spec) === computeWorkloadId(after.spec)) {
      output.print("The ids are equal and the workloads are not: 12 digits collide. The digests differ:");
      for (const { name, spec } of [before, after]) output.print(`${computeWorkloadDigest(spec)}\t${quoteName(name)}`);
    }
  }
  return knobs.length === 0 ? exitCodes.ok : exitCodes.fail;
}

function printSame(id: string, labels: readonly string[], output: Output): void {
  output.print(`${id}\tthe same workload`);
  if (labels.length > 0) output.print(`Labels, which are not part of the id, differ: ${labels.join(", ")}`);
}

function printKnobs(knobs: readonly KnobDiff[], output: Output): void {
  const width = Math.max(...knobs.map(({ section, knob }) => section.length + knob.length + 1));
  for (const { section, knob, a, b } of knobs) output.print(`${`${section}.${knob}`.padEnd(width)}  ${a} -> ${b}`);
}

/** JSON pointers of the names and notes that differ. */
function differingLabels(a: Spec, b: Spec): readonly string[] {
  const places = [
    ["", a, b],
    ["/ant_spec", a.ant_spec, b.ant_spec],
    ["/colony_spec", a.colony_spec, b.colony_spec],
  ] as const;
  return places.flatMap(([place, one, other]) =>
    (["name", "notes"] as const).flatMap((label) =>
      jsonText(one[label]) === jsonText(other[label]) ? [] : [`${place}/${label}`],
    ),
  );
}
