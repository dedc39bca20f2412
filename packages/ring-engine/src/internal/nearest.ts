/** Insertions, deletions and replacements between two words. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, letter] of Array.from(a).entries()) {
    const current = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const replaced = (previous[j] ?? 0) + (letter === other ? 0 : 1);
      current.push(Math.min(replaced, (previous[j + 1] ?? 0) + 1, (current[j] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}

/** The word that `word` was probably meant to be, or null where none is close. */
export function nearest(word: string, words: readonly string[]): string | null {
  if (word.length > 64) return null;
  const [best] = words
    .map((candidate) => ({ candidate, far: distance(word.toLowerCase(), candidate) }))
    .sort((a, b) => a.far - b.far);
  return best !== undefined && best.far <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : null;
}
