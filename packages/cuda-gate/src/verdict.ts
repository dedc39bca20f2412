/** What a rule of the GPUTRAIN family says. There is no third outcome: what cannot be shown fails. */
export type GateVerdict = "pass" | "fail";

/** A condition as a verdict. */
export function verdictOf(holds: boolean): GateVerdict {
  return holds ? "pass" : "fail";
}
