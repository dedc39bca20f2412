import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { openProofBundle } from "../../src/proof-bundle.js";

// Properties of this file are drawn from one seed, which is kept.
const seed = randomBytes(4).readInt32LE();
fc.configureGlobal({ seed });
openProofBundle({ type: "unit", mode: "simulated" }).recordSeed(seed);
