import { Session } from "node:inspector";
import { pathToFileURL } from "node:url";

/** Counts the blocks of one script that run, by V8's precise coverage. */
export class Coverage {
  #session = new Session();
  #url;
  /** Per block: the buckets of its count that were seen, as bits. */
  #seen = new Map();

  constructor(file) {
    this.#url = pathToFileURL(file).href;
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** What ran since the last call that had not run before (or not so often, by powers of two): how many blocks. */
  fresh() {
    let fresh = 0;
    for (const script of this.#post("Profiler.takePreciseCoverage").result) {
      if (script.url !== this.#url) continue;
      for (const { ranges } of script.functions)
        for (const { startOffset, endOffset, count } of ranges) {
          // A block that did not run counts too: V8 tells of code after an early return only by what was left out.
          const key = startOffset * 2 ** 24 + endOffset;
          const bucket = count === 0 ? 1 << 31 : 1 << Math.min(30, 31 - Math.clz32(count));
          const before = this.#seen.get(key) ?? 0;
          if ((before & bucket) !== 0) continue;
          this.#seen.set(key, before | bucket);
          fresh++;
        }
    }
    return fresh;
  }

  get blocks() {
    return this.#seen.size;
  }

  #post(method, params = {}) {
    let answer;
    this.#session.post(method, params, (error, result) => {
      if (error) throw new Error(`${method}: ${error.message}`);
      answer = result;
    });
    return answer;
  }
}
