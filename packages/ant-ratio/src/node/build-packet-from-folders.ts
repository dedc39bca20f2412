import { type BuildPacketOptions, buildPacket } from "../build-packet.js";
import type { PacketIssue } from "../internal/statements.js";
import type { AntRatioPacket } from "../packet.js";
import { type ArtifactIssue, readProbeArtifacts, readReportArtifact } from "./read-artifacts.js";

export type BuiltFromFolders =
  | { readonly status: "ok"; readonly packet: AntRatioPacket }
  /** A file is missing or is no artifact. */
  | { readonly status: "unreadable"; readonly issues: readonly ArtifactIssue[] }
  /** The artifacts say something that cannot be joined. */
  | { readonly status: "refused"; readonly reasons: readonly PacketIssue[] };

/** Joins a run directory and the folder of a capability report into one packet; see `buildPacket`. */
export async function buildPacketFromFolders(
  probeDir: string,
  assocDir: string,
  options: BuildPacketOptions = {},
): Promise<BuiltFromFolders> {
  const [probe, report] = await Promise.all([readProbeArtifacts(probeDir), readReportArtifact(assocDir)]);
  if (probe.status === "invalid" || report.status === "invalid") {
    const issues = [probe, report].flatMap((read) => (read.status === "invalid" ? read.issues : []));
    return { status: "unreadable", issues };
  }
  return buildPacket(probe.artifacts, report.artifacts, {
    probe_run_root: probeDir,
    assoc_run_root: assocDir,
    ...options,
  });
}
