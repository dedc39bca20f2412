import {
  checkRunnable,
  formatIssues,
  formatPlan,
  lowerManifest,
  manifestDigest,
  planManifest,
  readManifest,
  resolveTarget,
} from "../../src/index.js";

/** Seconds of this process's own time that a few kilobytes may take: what else the machine does counts nothing. */
const patience_s = 10;

const spent_s = (): number => process.cpuUsage().user / 1e6;

/** Finds texts on which the reader breaks a promise: that it never throws or hangs, places its issues, and that what it takes can be planned. */
export function fuzz(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  const begin_s = spent_s();
  const read = readManifest(text);
  if (read.status === "ok") {
    const { manifest } = read;
    const plan = planManifest(manifest);
    must(formatPlan(plan, { shapes: true }) === formatPlan(planManifest(manifest), { shapes: true }), "plans repeat");
    const lowered = lowerManifest(manifest);
    must(manifestDigest(lowered) === manifestDigest(lowerManifest(manifest)), "digests repeat");
    must(resolveTarget(manifest, manifest.targets[0]?.name).status === "ok", "a good manifest has a target");
    checkRunnable(plan, {
      backends: { jax: { status: "available", devices: ["cpu"], capabilities: { kinds: {} } } },
      memory_bytes: 1,
      network: false,
      generate_data: false,
      exists: () => false,
      hasTokenizer: () => false,
      processes: [],
    }).forEach(({ message }) => must(message.length > 0, "a blocker says why"));
  } else {
    must(read.issues.length > 0, "an invalid text has an issue");
    let last = -1;
    for (const { line, column, offset, message, code } of read.issues) {
      must(/^[ -~]+$/.test(message), "messages print");
      if (code === "too_many_issues" || offset === undefined) continue;
      must(line !== undefined && line >= 1 && column !== undefined && column >= 1, "places count from 1");
      must(offset >= last, "issues are in the order of the text");
      last = offset;
    }
    formatIssues(read.issues, { filename: "fuzz.yml" });
  }
  must(spent_s() - begin_s < patience_s, `${text.length} characters are read in time`);
}

function must(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`broken: ${promise}`);
}
