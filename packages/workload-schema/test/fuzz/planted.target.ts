/** A defect behind three branches, each of which coverage tells apart and chance alone does not pass. */
export function fuzz(bytes: Uint8Array): void {
  if (bytes[0] !== 0x7b) return;
  if (bytes[1] !== 0x22) return;
  if (bytes[2] !== 0x9b) return;
  throw new Error("the planted defect");
}
