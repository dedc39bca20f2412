import { choice, text } from "../frame/options.js";

/** Where the sidecar is; the same for all its clients. */
export const sidecarOptions = {
  socket: text("PATH", "the sidecar's socket (default: $XDG_RUNTIME_DIR/vrx-residency.sock)", {
    short: "s",
    completes: "file",
  }),
  url: text("URL", "a sidecar on TCP instead, such as http://127.0.0.1:8765; takes --token-file"),
  "token-file": text("FILE", "file with the bearer token", { completes: "file" }),
};

/** How much of a shard is looked at. */
export const tierOption = choice(
  ["signature", "leaves", "tree", "read_back"],
  "what is looked at: the seal alone, leaves drawn at random, all bytes hashed on the device, all bytes read back",
  "tree",
);
