/** The error for an optional package that is not installed, with what needs it and what to do. */
export function missingPeer(name: string, what: string, cause: unknown): Error {
  return new Error(`${what} need the package ${name}, which is not installed here: npm install ${name}`, { cause });
}
