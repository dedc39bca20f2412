import type { ExperimentTarget, Manifest } from "./schema/manifest.js";

/** What a command line changes in every experiment. */
export interface Overrides {
  readonly backend?: ExperimentTarget["backend"] | undefined;
  readonly device?: string | undefined;
}

/** The manifest with another backend or device in all of its experiments. */
export function overrideManifest(manifest: Manifest, { backend, device }: Overrides): Manifest {
  return {
    ...manifest,
    targets: manifest.targets.map((target) =>
      target.type === "process"
        ? target
        : {
            ...target,
            ...(backend === undefined ? {} : { backend }),
            runs: target.runs.map((run) => (device === undefined ? run : { ...run, train: { ...run.train, device } })),
          },
    ),
  };
}
