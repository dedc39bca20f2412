/** What a graph works on, and whether it is still there. */
export interface CapturedObject {
  readonly disposed: boolean;
}

/** A capture under way: what the graph will refer to, and the streams and events that belong to it. */
export interface Capture {
  readonly used: Set<CapturedObject>;
  readonly members: Set<object>;
}

const captures = new WeakMap<object, Capture>();

/** The capture that a stream or an event takes part in. */
export function captureOf(member: object | undefined): Capture | undefined {
  return member === undefined ? undefined : captures.get(member);
}

export function beginCapture(stream: object): Capture {
  const capture: Capture = { used: new Set(), members: new Set([stream]) };
  captures.set(stream, capture);
  return capture;
}

export function endCapture(capture: Capture): void {
  for (const member of capture.members) captures.delete(member);
}

/** `member` takes part from now on, where `through` does: an event recorded in a capture, a stream that waits for it. */
export function joinCapture(member: object, through: object | undefined): void {
  const capture = captureOf(through);
  if (capture === undefined) return;
  captures.set(member, capture);
  capture.members.add(member);
}

/** Remembers what the graph of a stream's capture refers to, so that it is never run without. */
export function noteUse(stream: object | undefined, ...objects: readonly CapturedObject[]): void {
  const capture = captureOf(stream);
  for (const object of objects) capture?.used.add(object);
}
