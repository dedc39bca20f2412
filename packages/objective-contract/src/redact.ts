/** What stands where a secret was. */
export const REDACTED = "[redacted]";

/** The environment variables that are recorded: they change how a run is executed and carry no secret. */
export const recordedEnvVars = [
  "CUDA_VISIBLE_DEVICES",
  "PYTORCH_CUDA_ALLOC_CONF",
  "OMP_NUM_THREADS",
  "MKL_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "CUDA_DEVICE_ORDER",
  "CUDA_LAUNCH_BLOCKING",
  "NVIDIA_TF32_OVERRIDE",
  "NVIDIA_VISIBLE_DEVICES",
  "NODE_OPTIONS",
  "UV_THREADPOOL_SIZE",
] as const;

/** Words that name a secret when a name ends in them, and pairs of words that do. */
const secretWords =
  /^(pass|password|passwd|passphrase|pwd|secret|secrets|token|apikey|auth|authorization|credential|credentials|bearer|cookie|signature|sig|pat|jwt)$/;
const secretPairs = /^(api|access|private|secret|encryption|signing|account|client) (key|secret|token)$/;

/** The forms of tokens that services hand out, whose prefix alone gives them away. */
const knownTokens =
  /\b(gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|hf_\w{16,}|npm_\w{16,}|sk-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|AKIA[A-Z\d]{12,}|eyJ[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?)/g;

/**
 * A command line without its secrets: values of options and variables whose names say that they are secret
 * (`--token x`, `--api-key=x`, `HF_TOKEN=x`, `-H "Authorization: x"`), credentials in URLs, tokens of known
 * form and long random-looking strings become `[redacted]`. Doing it again changes nothing.
 *
 * @example
 * redactArgv(["train.py", "--api-key", "abc", "--max-tokens", "512"]);
 * // ["train.py", "--api-key", "[redacted]", "--max-tokens", "512"]
 */
export function redactArgv(argv: readonly string[]): readonly string[] {
  let secretNext = false;
  return argv.map((arg) => {
    if (secretNext && !arg.startsWith("--")) {
      secretNext = false;
      return REDACTED;
    }
    secretNext = /^-{1,2}[A-Za-z]/.test(arg) && !arg.includes("=") && namesSecret(arg);
    return redactText(arg);
  });
}

/** A text without its secrets, by the rules of `redactArgv` for one argument; for messages of exceptions too. */
export function redactText(text: string): string {
  return text
    .replace(/([a-z][a-z\d+.-]*:\/\/)[^\s/@]+@/gi, `$1${REDACTED}@`)
    .replace(/(\b(?:proxy-)?authorization["']?\s*[:=])(?!\s*\[redacted\])\s*[^\n"']+/gi, `$1 ${REDACTED}`)
    .replace(/(\bbearer)\s+(?!\[redacted\])[\w.~+/=-]+/gi, `$1 ${REDACTED}`)
    .replace(
      /([A-Za-z][\w.-]*)(["']?\s*[:=]\s*["']?)([^\s"'&;,]+)/g,
      (whole, name: string, sign: string, value: string) =>
        namesSecret(name) && !value.startsWith(REDACTED) && !value.startsWith("//") ? name + sign + REDACTED : whole,
    )
    .replace(knownTokens, REDACTED)
    .replace(/[A-Za-z\d+]{22,}/g, (word) => (looksRandom(word) ? REDACTED : word));
}

/** The recorded environment variables: null where one is not set, without secrets where it is. */
export function redactEnv(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[] = recordedEnvVars,
): Readonly<Record<string, string | null>> {
  return Object.fromEntries(
    names.map((name) => {
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      return [name, value === undefined ? null : redactText(value)];
    }),
  );
}

/** Whether a name (`--hf-token`, `apiKey`, `DB_PASSWORD`) says that its value is a secret. */
function namesSecret(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== "");
  const last = words[words.length - 1] ?? "";
  return secretWords.test(last) || secretPairs.test(words.slice(-2).join(" "));
}

/** Long hexadecimal strings, and long mixtures of cases and digits with much entropy. Names of files are neither. */
function looksRandom(word: string): boolean {
  if (/^[\da-f]{32,}$/i.test(word)) return true;
  const digits = word.replace(/\D/g, "").length;
  return digits >= 3 && /[a-z]/.test(word) && /[A-Z]/.test(word) && entropy(word) >= 3.8;
}

/** Shannon entropy in bits per character. */
function entropy(word: string): number {
  const counts = new Map<string, number>();
  for (const char of word) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / word.length) * Math.log2(count / word.length);
  return bits;
}
