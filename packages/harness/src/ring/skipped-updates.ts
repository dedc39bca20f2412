const SAID = "updates skipped because gradients overflowed: ";

/** What the program of the ring says last of its loss scaling, a line of stderr; empty where every update was applied. */
export function skippedUpdatesLine(count: number): string {
  return count === 0 ? "" : `${SAID}${count}\n`;
}

/** The count that a program which ran to its end has said; 0 where it said none. */
export function skippedUpdatesIn(log: string): number {
  const at = log.lastIndexOf(SAID);
  return at === -1 ? 0 : Number.parseInt(log.slice(at + SAID.length), 10);
}
