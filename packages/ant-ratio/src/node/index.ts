export { type BuiltFromFolders, buildPacketFromFolders } from "./build-packet-from-folders.js";
export { type ArtifactIssue, type ArtifactsRead, readProbeArtifacts, readReportArtifact } from "./read-artifacts.js";
