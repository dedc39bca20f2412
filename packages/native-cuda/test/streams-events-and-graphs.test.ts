import { describe, expect, it } from "vitest";
import { held, launches, nothingToTest, onFake } from "./on-a-fake-driver.js";

const code = (wanted: string): Error => expect.objectContaining({ code: wanted }) as Error;

describe.skipIf(nothingToTest)("streams and events", () => {
  it("keep order, within a stream and across streams by events", async () => {
    // Operations wait a little, so that what only worked by chance does not.
    const { context } = await onFake({ delay_us: 500 });
    const [a, b] = [context.createStream({ independent: true }), context.createStream({ independent: true })];
    const [buffer, event] = [context.alloc(1 << 16), context.createEvent({ timing: false })];
    for (let i = 1; i <= 20; i += 1) {
      buffer.fill(i, { stream: a });
      event.record(a);
      b.wait(event);
      buffer.copyFromBuffer(buffer, { stream: b, offset: 1 << 15, bytes: 1 << 15 });
      event.record(b);
      a.wait(event);
    }
    await a.synchronize();
    const bytes = new Uint8Array(1 << 16);
    buffer.copyToSync(bytes, { stream: a });
    expect(new Set(bytes)).toEqual(new Set([20]));
    for (const thing of [buffer, event, a, b]) thing.dispose();
  });

  it("say when they are done, and how long it took on the device", async () => {
    const { fake, context } = await onFake({ delay_us: 100 });
    const stream = context.createStream();
    const [start, end, mark] = [context.createEvent(), context.createEvent(), context.createEvent({ timing: false })];
    expect(end.done).toBe(true);
    const buffer = context.alloc(16);
    fake.reschedule({ held: true });
    start.record(stream);
    for (let i = 0; i < 4; i += 1) buffer.fill(i, { stream });
    end.record(stream);
    expect(end.done).toBe(false);
    expect(stream.idle).toBe(false);
    expect(() => end.elapsedSince_ms(start)).toThrow(code("busy"));
    fake.reschedule({ held: false });
    await end.synchronize();
    expect(end.done).toBe(true);
    expect(end.elapsedSince_ms(start)).toBeGreaterThan(0);
    stream.synchronizeBlocking();
    expect(stream.idle).toBe(true);
    expect(() => mark.elapsedSince_ms(start)).toThrow(/measures no time/);
    for (const thing of [buffer, start, end, mark, stream]) thing.dispose();
  });

  it("that are disposed of while someone waits for them end after that", async () => {
    const { fake, context } = await onFake({ delay_us: 2000 });
    const [stream, buffer] = [context.createStream(), context.alloc(16)];
    buffer.fill(1, { stream });
    const waiting = stream.synchronize();
    stream.dispose();
    buffer.dispose();
    context.dispose();
    expect(() => stream.idle).toThrow(code("disposed"));
    await waiting;
    expect(held(fake)).toEqual({});
  });
});

describe.skipIf(nothingToTest)("graphs", () => {
  it("run again what was captured, and nothing while it was", async () => {
    const { context } = await onFake();
    const increment = (await launches(context)).kernel("increment", ["buffer"]);
    const [stream, buffer] = [context.createStream(), context.alloc(4)];
    buffer.fill(0);
    const graph = stream.capture(() => {
      for (let i = 0; i < 10; i += 1) increment.launch({ grid: 1, block: 1, stream }, buffer);
    });
    expect(graph.nodes).toBe(10);
    const word = new Uint32Array(1);
    buffer.copyToSync(word);
    expect(word[0]).toBe(0);
    for (let i = 0; i < 7; i += 1) graph.launch({ stream });
    await stream.synchronize();
    buffer.copyToSync(word);
    expect(word[0]).toBe(70);
    // What it works on is gone: it is refused instead of writing to freed memory.
    buffer.dispose();
    expect(() => graph.launch({ stream })).toThrow(/disposed of: capture it again/);
    for (const thing of [graph, stream]) thing.dispose();
    expect(() => graph.launch()).toThrow(code("disposed"));
  });

  it("take in other streams that fork from them and join again", async () => {
    const { context } = await onFake();
    const increment = (await launches(context)).kernel("increment", ["buffer"]);
    const [stream, side] = [context.createStream(), context.createStream()];
    const [fork, join] = [context.createEvent({ timing: false }), context.createEvent({ timing: false })];
    const [a, b] = [context.alloc(4), context.alloc(4)];
    for (const buffer of [a, b]) buffer.fill(0);
    const graph = stream.capture(() => {
      increment.launch({ grid: 1, block: 1, stream }, a);
      fork.record(stream);
      side.wait(fork);
      increment.launch({ grid: 1, block: 1, stream: side }, b);
      join.record(side);
      stream.wait(join);
    });
    graph.launch({ stream });
    await stream.synchronize();
    const word = new Uint32Array(1);
    b.copyToSync(word);
    expect(word[0]).toBe(1);
    b.dispose();
    expect(() => graph.launch({ stream })).toThrow(code("disposed"));
    for (const thing of [graph, fork, join, a, stream, side]) thing.dispose();
  });

  it("are given up when capturing throws, waits, or does what a capture excludes; the stream goes on", async () => {
    const { fake, context } = await onFake();
    const [stream, buffer] = [context.createStream(), context.alloc(4)];
    const capture = (enqueue: () => unknown) => () => stream.capture(enqueue);
    expect(
      capture(() => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
    expect(capture(() => Promise.resolve())).toThrow(/synchronous function/);
    expect(capture(() => stream.capture(() => undefined))).toThrow(code("invalid_capture"));
    expect(capture(() => stream.synchronizeBlocking())).toThrow(code("invalid_capture"));
    buffer.fill(3, { stream });
    await stream.synchronize();
    expect(fake.statistics().graphs).toBe(0);
    for (const thing of [buffer, stream]) thing.dispose();
  });
});
