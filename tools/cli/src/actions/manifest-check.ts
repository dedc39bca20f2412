import { type Blocker, checkRunnable, manifestDigest, lowerManifest, planManifest } from "@vrx/manifest";
import type { ManifestCheckCall } from "../commands/manifest-check.js";
import { type ExitCode, exitCodes } from "../frame/exit-codes.js";
import { printable, quoteName } from "../frame/printable.js";
import { manifestHost } from "../inputs/manifest-host.js";
import { ManifestProblems, manifestOf, targetLines, targetOf } from "../inputs/manifest-source.js";

/** Says everything that is wrong with a manifest; of a good one, what will not run here. */
export async function run({ operands, options, output }: ManifestCheckCall): Promise<ExitCode> {
  let named;
  try {
    named = await manifestOf(operands.manifest, options);
  } catch (error) {
    if (!(error instanceof ManifestProblems)) throw error;
    if (options.json) output.printJson({ status: "invalid", issues: error.issues });
    else for (const line of error.message.split("\n")) output.problem(line);
    return exitCodes.wrongInput;
  }
  const { name, manifest } = named;
  if (options["list-targets"]) {
    if (options.json)
      output.printJson({ targets: manifest.targets.map((one) => one.name), entrypoints: manifest.entrypoints });
    else targetLines(manifest).forEach((line) => output.print(line));
    return exitCodes.ok;
  }
  const target = options.target === undefined ? undefined : targetOf(manifest, options.target);
  const plan = planManifest(manifest, { target });
  const blockers = checkRunnable(plan, manifestHost({ generateData: options.data === "generate" }));
  const digest = manifestDigest(lowerManifest(manifest));
  if (options.json) {
    output.printJson({ status: "ok", name, digest, targets: plan.targets.map((one) => one.name), blockers });
    return exitCodes.ok;
  }
  output.print(`${name}: ${output.style.good("ok")}, ${plan.targets.length} of ${plan.targets_count} targets planned`);
  for (const one of plan.targets) {
    const own = blockers.filter((blocker) => blocker.target === one.name || blocker.target === null);
    if (own.length === 0) output.print(`${quoteName(one.name)}: ${output.style.good("runs here")}`);
    else {
      output.print(`${quoteName(one.name)}: ${output.style.unsure("does not run here")}`);
      own.map(blockerLine).forEach((line) => output.print(`  ${line}`));
    }
  }
  return exitCodes.ok;
}

function blockerLine({ code, pointer, message, fix }: Blocker): string {
  return printable(`${pointer}: ${code}: ${message}; ${fix}`);
}
