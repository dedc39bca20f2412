// Asks the driver for a report. Started from a text (see run-apart.ts); its arguments are the build of @vrx/native-cuda to
// load, and the driver's library or nothing.
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import type * as Native from "@vrx/native-cuda";
import { askDriver } from "./ask-driver.js";

const [file = "", library = ""] = process.argv.slice(1);

const load: (path: string) => typeof Native = createRequire(file);

askDriver(load(file), library === "" ? null : library).then(
  (answer) => void writeSync(3, JSON.stringify(answer)),
  (error: unknown) => {
    process.stderr.write(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
