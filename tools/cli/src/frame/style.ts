/** Colours by meaning. Each function returns its text painted, or as it is where colours are off. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly unsure: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

const plain = (text: string): string => text;
const sgr = (on: number, off: number) => (text: string) => `\u001b[${on}m${text}\u001b[${off}m`;

/** No colours. */
export const plainStyle: Style = { good: plain, bad: plain, unsure: plain, strong: plain, faint: plain };

/** The sixteen-colour escapes every terminal knows (ECMA-48 SGR). */
export const terminalStyle: Style = {
  good: sgr(32, 39),
  bad: sgr(31, 39),
  unsure: sgr(33, 39),
  strong: sgr(1, 22),
  faint: sgr(2, 22),
};

/** Whether to colour a stream: https://no-color.org wins, then FORCE_COLOR, then whether it is a terminal that can. */
export function wantsColour(isTerminal: () => boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const forced = env["FORCE_COLOR"] ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  return env["TERM"] !== "dumb" && isTerminal();
}
