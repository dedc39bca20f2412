/** The version of this package, for sweeps whose results may come from no other; a test holds it to package.json. */
export const HARNESS_VERSION = "0.1.0";
