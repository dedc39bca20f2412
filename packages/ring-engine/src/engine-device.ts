/** The device an engine computes on. */
export interface EngineDevice {
  /** What it is called among those this process sees, such as `cuda:0`. */
  readonly ordinal_name: string;
  /** `GPU-...` or `MIG-...`: the same from every process. */
  readonly uuid: string;
  readonly name: string;
  readonly total_bytes: number;
  readonly compute_capability: string;
  readonly multiprocessors: number;
  readonly shared_bytes_per_block: number;
  /** True on a fake driver: what runs there proves nothing of a device. */
  readonly simulated: boolean;
}
