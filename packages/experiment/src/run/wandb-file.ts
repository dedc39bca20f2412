import { type FileHandle, mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "../internal/crc32.js";

/**
 * A run in the offline format of Weights & Biases: `offline-run-DATE-ID/run-ID.wandb`, a log of protocol-buffer records
 * in LevelDB's framing, which `wandb sync` reads. Written from the published format; untried against the service.
 */
export class WandbFile {
  readonly dir: string;
  readonly #file: FileHandle;
  #offset = 0;
  #number = 0;
  readonly #began = Date.now();

  private constructor(dir: string, file: FileHandle) {
    this.dir = dir;
    this.#file = file;
  }

  static async create(
    folder: string,
    run: {
      readonly id: string;
      readonly project: string;
      readonly entity: string;
      readonly name: string;
      readonly group: string;
      readonly config: Readonly<Record<string, unknown>>;
    },
  ): Promise<WandbFile> {
    const stamp = new Date().toISOString().replace(/[-:]/g, "").replace("T", "_").slice(0, 15);
    const dir = join(folder, `offline-run-${stamp}-${run.id}`);
    await mkdir(join(dir, "files"), { recursive: true });
    await writeFile(join(dir, "files", "config.json"), `${JSON.stringify(run.config, null, 2)}\n`);
    const wandb = new WandbFile(dir, await open(join(dir, `run-${run.id}.wandb`), "wx"));
    await wandb.#file.write(Buffer.from([...Buffer.from(":W&B"), 0xe1, 0xbe, 0]));
    wandb.#offset = HEADER;
    await wandb.#record(
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
    await wandb.#record(
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
  async history(step: number, figures: Readonly<Record<string, number>>): Promise<void> {
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
    await this.#record(2, message([...items, [2, message([[1, step]])]]));
  }

  /** Ends the run: the last figures, and how it went. */
  async end(summary: Readonly<Record<string, number>>, exitCode: number): Promise<void> {
    const items = Object.entries(summary)
      .filter(([, value]) => Number.isFinite(value))
      .map(([key, value]): Field => [
        1,
        message([
          [1, key],
          [16, JSON.stringify(value)],
        ]),
      ]);
    await this.#record(3, message(items));
    await this.#record(
      18,
      message([
        [1, exitCode],
        [2, Math.floor((Date.now() - this.#began) / 1000)],
      ]),
    );
    await this.#file.close();
  }

  async #record(kind: number, body: Uint8Array): Promise<void> {
    this.#number++;
    await this.#append(
      message([
        [1, this.#number],
        [kind, body],
      ]),
    );
  }

  /** One record, in as many pieces as blocks of 32 KiB ask for. */
  async #append(data: Uint8Array): Promise<void> {
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
    await this.#file.write(Buffer.concat(parts));
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
