/** Where the device of a run may be named, the first that does wins (INV-GPUTRAIN-001). */
export const DEVICE_SOURCES = ["--device", "APR_TRAIN_DEVICE", "VRX_TRAIN_DEVICE", "config", "default"] as const;

export type DeviceSource = (typeof DEVICE_SOURCES)[number];

/** What is said where; absent is not said. An empty text is said, and no device. */
export interface DeviceNames {
  /** The value of `--device`. */
  readonly option?: string | undefined;
  /** The environment; only `APR_TRAIN_DEVICE` and its alias `VRX_TRAIN_DEVICE` are looked at. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The device that a configuration file names. */
  readonly config?: string | undefined;
}

/** The device that counts, as it was written, where it was found, and the names that it overrode. */
export interface NamedDevice {
  readonly spec: string;
  readonly source: DeviceSource;
  readonly overridden: readonly { readonly spec: string; readonly source: DeviceSource }[];
}

/**
 * The device by the first source that names one: the option, the environment, the configuration, else `auto`. The text
 * is as it was found; `parseDevice` or `parseDeviceSelector` reads it.
 *
 * @example
 * namedDevice({ env: { VRX_TRAIN_DEVICE: "cuda:1" } }); // { spec: "cuda:1", source: "VRX_TRAIN_DEVICE", overridden: [] }
 */
export function namedDevice({ option, env = {}, config }: DeviceNames): NamedDevice {
  const said: readonly (readonly [DeviceSource, string | undefined])[] = [
    ["--device", option],
    ["APR_TRAIN_DEVICE", env["APR_TRAIN_DEVICE"]],
    ["VRX_TRAIN_DEVICE", env["VRX_TRAIN_DEVICE"]],
    ["config", config],
  ];
  const [first, ...overridden] = said.flatMap(([source, spec]) => (spec === undefined ? [] : [{ source, spec }]));
  return first === undefined ? { spec: "auto", source: "default", overridden: [] } : { ...first, overridden };
}
