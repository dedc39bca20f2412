import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "../internal/crc32.js";

/**
 * A run in the offline format of Weights & Biases: `offline-run-DATE-ID/run-ID.wandb`, a log of protocol-buffer records
 * in LevelDB's framing, which `wandb sync` reads. Written from the published format; untried against the service. Every
 * record is handed to the system before the call returns, so that records stay in order and a killed run keeps its own.
 */
export class WandbFile {
  readonly dir: string;
  readonly #file: number;
  #offset = 0;
  #number = 0;
  readonly #began = Date.now();

  private constructor(dir: string, file: number) {
    this.dir = dir;
    this.#file = file;
  }

  static create(
    folder: string,
    run: {
      readonly id: string;
      readonly project: string;
      readonly entity: string;
      readonly name: string;
      readonly group: string;
      readonly config: Readonly<Record<string, unknown>>;
    },
  ): WandbFile {
    const stamp = new Date().toISOString().replace(/[-:]/g, "").replace("T", "_").slice(0, 15);
    const dir = join(folder, `offline-run-${stamp}-${run.id}`);
    mkdirSync(join(dir, "files"), { recursive: true });
    writeFileSync(join(dir, "files", "config.json"), `${JSON.stringify(run.config, null, 2)}\n`);
    const wandb = new WandbFile(dir, openSync(join(dir, `run-${run.id}.wandb`), "wx"));
    wandb.#write(Buffer.from([...Buffer.from(":W&B"), 0xe1, 0xbe, 0]));
    wandb.#offset = HEADER;
    wandb.#record(
      21,
      message([
        [
          1,
          message([
            [1, "vrx"],
            [2, "0.13.0"],
          ]),
        ],
      ]),
    );
    const config = Object.entries(run.config).map(([key, value]): Field => [
      1,
      message([
        [1, key],
        [16, JSON.stringify(value)],
      ]),
    ]);
    wandb.#record(
      17,
      message([
        [1, run.id],
        [2, run.entity],
        [3, run.project],
        [4, message(config)],
        [6, run.group],
        [8, run.name],
        [17, message([[1, Math.floor(Date.now() / 1000)]])],
      ]),
    );
    return wandb;
  }

  /** Figures of a step. */
  history(step: number, figures: Readonly<Record<string, number>>): void {
    const values = {
      _step: step,
      _runtime: (Date.now() - this.#began) / 1000,
      _timestamp: Date.now() / 1000,
      ...figures,
    };
    const items = Object.entries(values)
      .filter(([, value]) => Number.isFinite(value))
      .map(([key, value]): Field => [
        1,
        message([
          [1, key],
          [16, JSON.stringify(value)],
        ]),
      ]);
    this.#record(2, message([...items, [2, message([[1, step]])]]));
  }

  /** Ends the run: the last figures, and how it went. */
  end(summary: Readonly<Record<string, number>>, exitCode: number): void {
    const items = Object.entries(summary)
      .filter(([, value]) => Number.isFinite(value))
      .map(([key, value]): Field => [
        1,
        message([
          [1, key],
          [16, JSON.stringify(value)],
        ]),
      ]);
    this.#record(3, message(items));
    this.#record(
      18,
      message([
        [1, exitCode],
        [2, Math.floor((Date.now() - this.#began) / 1000)],
      ]),
    );
    closeSync(this.#file);
  }

  #record(kind: number, body: Uint8Array): void {
    this.#number++;
    this.#append(
      message([
        [1, this.#number],
        [kind, body],
      ]),
    );
  }

  /** One record, in as many pieces as blocks of 32 KiB ask for. */
  #append(data: Uint8Array): void {
    const parts: Uint8Array[] = [];
    let at = 0;
    do {
      let room = BLOCK - (this.#offset % BLOCK);
      if (room < HEADER) {
        parts.push(new Uint8Array(room));
        this.#offset += room;
        room = BLOCK;
      }
      const piece = data.subarray(at, at + room - HEADER);
      const [first, last] = [at === 0, at + piece.length === data.length];
      const type = first && last ? 1 : first ? 2 : last ? 4 : 3;
      const head = Buffer.alloc(HEADER);
      head.writeUInt32LE(crc32(piece, crc32(Uint8Array.of(type))), 0);
      head.writeUInt16LE(piece.length, 4);
      head.writeUInt8(type, 6);
      parts.push(head, piece);
      this.#offset += HEADER + piece.length;
      at += piece.length;
    } while (at < data.length);
    this.#write(Buffer.concat(parts));
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += writeSync(this.#file, bytes, at);
  }
}

const BLOCK = 32_768;
const HEADER = 7;

type Field = readonly [number, string | number | Uint8Array];

/** A protocol-buffer message: texts and messages by length, whole numbers as varints. Empty texts are left out. */
function message(fields: readonly Field[]): Uint8Array {
  const bytes: number[] = [];
  const varint = (value: number): void => {
    let left = value;
    while (left >= 128) {
      bytes.push((left % 128) | 128);
      left = Math.floor(left / 128);
    }
    bytes.push(left);
  };
  for (const [number, value] of fields) {
    if (typeof value === "number") {
      varint(number * 8);
      varint(value);
      continue;
    }
    const content = typeof value === "string" ? new TextEncoder().encode(value) : value;
    if (typeof value === "string" && content.length === 0) continue;
    varint(number * 8 + 2);
    varint(content.length);
    for (const byte of content) bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}
