// Proves that a process, this one, can be on a GPU. Started from a text (see run-apart.ts); its arguments are the builds of
// @vrx/native-cuda and of this package to load, the device's UUID, and the driver's library or nothing.
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import type * as Native from "@vrx/native-cuda";
import type { gatherResidencyEvidence } from "../gather-residency-evidence.js";

interface Gate {
  readonly gatherResidencyEvidence: typeof gatherResidencyEvidence;
}

const [nativeFile = "", gateFile = "", uuid = "", library = ""] = process.argv.slice(1);
const loadNative: (path: string) => typeof Native = createRequire(nativeFile);
const loadGate: (path: string) => Gate = createRequire(gateFile);

loadNative(nativeFile)
  .openDevice(uuid, library === "" ? {} : { library })
  .then((device) => loadGate(gateFile).gatherResidencyEvidence({ device }))
  .then(
    (proof) => void writeSync(3, JSON.stringify(proof)),
    (error: unknown) => {
      process.stderr.write(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    },
  );
