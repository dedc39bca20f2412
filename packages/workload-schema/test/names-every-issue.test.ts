import { describe, expect, test } from "vitest";
import { type Issue, type IssueCode, formatIssues, readWorkloadSpec } from "../src/index.js";

const good = `{
  "schema_version": "workload_schema_v1",
  "ant_spec": {
    "ring_len": 2048,
    "slot_dim": 256,
    "ptr_dtype": "fp64",
    "precision": "fp32"
  },
  "colony_spec": {
    "seq_len": 128,
    "synth_len": 128,
    "batch_size": 4,
    "ptr_update_every": 1,
    "state_loop_samples": 0
  }
}
`;

function issuesOf(source: string | Uint8Array, dialect: "strict" | "python" = "strict"): readonly Issue[] {
  const read = readWorkloadSpec(source, { dialect });
  return read.status === "ok" ? [] : read.issues;
}

/** The only issue of the good spec after one replacement. */
function issueAfter(find: string, replace: string, dialect: "strict" | "python" = "strict"): Issue {
  expect(good).toContain(find);
  const issues = issuesOf(
    good.replace(find, () => replace),
    dialect,
  );
  expect(issues.map(({ code }) => code)).toHaveLength(1);
  return issues[0]!;
}

test("the spec that the cases below spoil is good", () => {
  expect(issuesOf(good)).toEqual([]);
});

test("all issues come at once, in the order of the text, each at its place", () => {
  const text = `{
  "schema_version": "workload_schema_v2",
  "ant_spec": {
    "ring_length": 8192,
    "slot_dim": "576",
    "ptr_dtype": "FP64",
    "precision": true
  },
  "colony_spec": {
    "seq_len": 8e3, "synth_len": 0,
    "batch_size": 16.0,
    "batch_size": 16.5,
    "ptr_update_every": null
  },
  "note": NaN
}`;
  const found = issuesOf(text).map(({ code, pointer, line, column, suggestion }) => [
    code,
    pointer,
    line,
    column,
    suggestion,
  ]);
  expect(found).toEqual([
    ["wrong_schema_version", "/schema_version", 2, 21, "workload_schema_v1"],
    ["missing_key", "/ant_spec/ring_len", 3, 15, undefined],
    ["unknown_key", "/ant_spec/ring_length", 4, 5, "ring_len"],
    ["not_an_integer", "/ant_spec/slot_dim", 5, 17, "576"],
    ["not_in_enum", "/ant_spec/ptr_dtype", 6, 18, "fp64"],
    ["not_a_string", "/ant_spec/precision", 7, 18, undefined],
    ["missing_key", "/colony_spec/state_loop_samples", 9, 18, undefined],
    ["not_an_integer", "/colony_spec/seq_len", 10, 16, "8000"],
    ["too_small", "/colony_spec/synth_len", 10, 34, undefined],
    ["duplicate_key", "/colony_spec/batch_size", 12, 5, undefined],
    ["not_an_integer", "/colony_spec/batch_size", 12, 19, undefined],
    ["not_an_integer", "/colony_spec/ptr_update_every", 13, 25, undefined],
    ["unknown_key", "/note", 15, 3, "notes"],
    ["non_finite_number", "/note", 15, 11, undefined],
  ]);
});

describe("a value that is nearly right comes with what was meant", () => {
  test.each([
    ["2048", "2048.0", "not_an_integer", "an integer >= 1", "2048.0", "2048"],
    ["2048", "8e3", "not_an_integer", "an integer >= 1", "8e3", "8000"],
    ["2048", '"2048"', "not_an_integer", "an integer >= 1", '"2048"', "2048"],
    ["2048", '" 2_048 "', "not_an_integer", "an integer >= 1", '" 2_048 "', "2048"],
    ["2048", "2048.5", "not_an_integer", "an integer >= 1", "2048.5", undefined],
    ["2048", "true", "not_an_integer", "an integer >= 1", "true", undefined],
    ["2048", "null", "not_an_integer", "an integer >= 1", "null", undefined],
    ["2048", "[]", "not_an_integer", "an integer >= 1", "an array", undefined],
    ["2048", '"0"', "not_an_integer", "an integer >= 1", '"0"', undefined],
    ["2048", "-0", "too_small", "an integer >= 1", "0", undefined],
    ["2048", "-5", "too_small", "an integer >= 1", "-5", undefined],
    ['"fp32"', '" fp32 "', "not_in_enum", 'one of "fp64", "fp32", "fp16", "bf16", "amp"', '" fp32 "', "fp32"],
    ['"fp32"', '"FP32"', "not_in_enum", 'one of "fp64", "fp32", "fp16", "bf16", "amp"', '"FP32"', "fp32"],
    ['"fp32"', '"b16"', "not_in_enum", 'one of "fp64", "fp32", "fp16", "bf16", "amp"', '"b16"', "bf16"],
    ['"fp32"', '"float32"', "not_in_enum", 'one of "fp64", "fp32", "fp16", "bf16", "amp"', '"float32"', "fp32"],
    ['"fp32"', '"bfloat16"', "not_in_enum", 'one of "fp64", "fp32", "fp16", "bf16", "amp"', '"bfloat16"', "bf16"],
    ['"fp32"', '"integers"', "not_in_enum", 'one of "fp64", "fp32", "fp16", "bf16", "amp"', '"integers"', undefined],
    ['"fp32"', "32", "not_a_string", 'one of "fp64", "fp32", "fp16", "bf16", "amp"', "32", undefined],
  ])("%s as %s", (find, replace, code, expected, found, suggestion) => {
    expect(issueAfter(find, replace)).toMatchObject({ code, expected, found });
    expect(issueAfter(find, replace).suggestion).toBe(suggestion);
  });
});

describe("what every object has is an unknown key like any other", () => {
  test.each(["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"])("%s", (key) => {
    for (const place of ['"ring_len": 2048', '"seq_len": 128', '"schema_version": "workload_schema_v1"']) {
      const issue = issueAfter(place, `"${key}": {"ring_len": 1}, ${place}`);
      expect(issue).toMatchObject({ code: "unknown_key", found: `the key "${key}"` });
      expect(issue.pointer.endsWith(`/${key}`)).toBe(true);
    }
  });

  test("and it does no harm where anything is allowed", () => {
    const read = readWorkloadSpec(
      good.replace("{", '{ "notes": {"__proto__": {"polluted": 1}, "a": [1.0, {"__proto__": 2}]},'),
    );
    if (read.status !== "ok") throw new Error(formatIssues(read.issues));
    const notes = read.spec.notes as Record<string, unknown>;
    expect(Object.keys(notes)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(notes)).toBe(Object.prototype);
    expect(JSON.stringify(notes)).toBe('{"__proto__":{"polluted":1},"a":[1,{"__proto__":2}]}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

test("pointers escape ~ and /, and lead through arrays", () => {
  expect(issueAfter('"seq_len"', '"a/b~c": 1, "seq_len"').pointer).toBe("/colony_spec/a~1b~0c");
  const deep = issueAfter('"ring_len": 2048', '"notes": [0, {"x": [NaN]}], "ring_len": 2048');
  expect(deep).toMatchObject({ pointer: "/ant_spec/notes/1/x/0", path: ["ant_spec", "notes", 1, "x", 0] });
});

describe("a text that cannot be read on ends in one issue that says where", () => {
  test.each<[IssueCode, string, number, number, string, string]>([
    ["syntax_error", "", 1, 1, "a value", "the end of the text"],
    ["syntax_error", '{"a":1,}', 1, 8, "a key in double quotes", '"}"'],
    ["syntax_error", "{\n  a: 1}", 2, 3, "a key in double quotes", '"a"'],
    ["syntax_error", '{"a" 1}', 1, 6, "a colon", '"1"'],
    ["syntax_error", '{"a":1 "b":2}', 1, 8, "a comma or }", '"\\""'],
    ["syntax_error", '{"a":[1 2]}', 1, 9, "a comma or ]", '"2"'],
    ["syntax_error", '{"a":01}', 1, 7, "a comma or }", '"1"'],
    ["syntax_error", '{"a":+1}', 1, 6, "a value", '"+1"'],
    ["syntax_error", '{"a":-x}', 1, 7, "a digit", '"x"'],
    ["syntax_error", '{"a":tru}', 1, 6, "a value", '"tru"'],
    ["syntax_error", '{"a":None}', 1, 6, "a value", '"None"'],
    ["syntax_error", "{'a':1}", 1, 2, "a key in double quotes", '"\'"'],
    ["syntax_error", '{"a":"b', 1, 8, "the closing quote of the string", "the end of the text"],
    ["syntax_error", '{"a":"b\nc"}', 1, 8, "an escaped control character", '"\\n"'],
    ["syntax_error", '{} {"a":1}', 1, 4, "the end of the text", '"{"'],
    ["byte_order_mark", "\ufeff{}", 1, 1, "a text without a byte order mark", "U+FEFF at its start"],
  ])("%s in %j", (code, text, line, column, expected, found) => {
    expect(issuesOf(text)).toMatchObject([{ code, line, column, expected, found }]);
    expect(issuesOf(text, "python")).toMatchObject([{ code, line, column, expected, found }]);
  });

  test.each([
    ["\\x41", 2],
    ["\\u12", 2],
    ["\\u 041", 2],
    ["\\", 2],
  ])("an escape that is none: %s", (escape, column) => {
    expect(issuesOf(`"${escape}`)).toMatchObject([{ code: "syntax_error", line: 1, column }]);
  });
});

describe("tokens that only the python dialect takes", () => {
  test.each<[IssueCode, string]>([
    ["non_finite_number", "NaN"],
    ["non_finite_number", "Infinity"],
    ["non_finite_number", "-Infinity"],
    ["lone_surrogate", '"\\ud800"'],
    ["lone_surrogate", '"\\udc00\\ud800"'],
    ["duplicate_key", '{"a":1,"\\u0061":2}'],
    ["nesting_too_deep", "[".repeat(512) + "]".repeat(512)],
  ])("%s: %.40s", (code, notes) => {
    const text = good.replace("{", `{ "notes": ${notes},`);
    expect(issuesOf(text)).toMatchObject([{ code }]);
    expect(issuesOf(text, "python")).toEqual([]);
  });

  test("nesting of 512 is strict, and deeper than Python goes is refused by both without exhausting the stack", () => {
    expect(issuesOf(good.replace("{", `{ "notes": ${"[".repeat(511)}${"]".repeat(511)},`))).toEqual([]);
    for (const open of ["[", '{"a":']) {
      for (const dialect of ["strict", "python"] as const)
        expect(issuesOf(open.repeat(1_000_000), dialect)).toMatchObject([{ code: "nesting_too_deep" }]);
    }
  });

  test("in python the last duplicate replaces the whole value", () => {
    const text = `{"ant_spec": {"ring_len": 1.5, "junk": 1},${good.slice(1)}`;
    expect(issuesOf(text, "python")).toEqual([]);
    expect(issuesOf(text).map(({ code }) => code)).toEqual(["duplicate_key"]);
  });
});

describe("bytes", () => {
  test.each([
    ["a stray continuation byte", [0x80]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate in UTF-8", [0xed, 0xa0, 0x80]],
    ["a sequence cut short", [0xe2, 0x82]],
  ])("%s are refused with their place", (_, bad) => {
    const before = Buffer.from('{\n "name": "é');
    const source = Buffer.concat([before, Buffer.from(bad), Buffer.from('"}')]);
    for (const dialect of ["strict", "python"] as const) {
      const [issue, ...others] = issuesOf(source, dialect);
      expect(others).toEqual([]);
      expect(issue).toMatchObject({ code: "invalid_utf8", line: 2 });
      expect(issue!.column).toBeGreaterThanOrEqual(12);
    }
  });

  test("a replacement character that the author wrote is no error", () => {
    expect(issuesOf(Buffer.from(good.replace("{", '{"name": "\ufffd",')))).toEqual([]);
  });

  test("16 MiB are read, one more byte is not", () => {
    const limit = 16 * 1024 * 1024;
    const longest = good + " ".repeat(limit - good.length);
    expect(issuesOf(longest)).toEqual([]);
    expect(issuesOf(`${longest} `)).toMatchObject([{ code: "text_too_large" }]);
    expect(issuesOf(Buffer.from(`${longest} `))).toMatchObject([{ code: "text_too_large" }]);
    // Counted in bytes, not in characters.
    expect(issuesOf("é".repeat(limit / 2 + 1))).toMatchObject([{ code: "text_too_large" }]);
  });
});

test("integers keep every digit up to 4300 of them, wherever they are", () => {
  const most = "9".repeat(4300);
  for (const digits of [most, `-${most}`]) expect(issuesOf(good.replace("{", `{"notes": [${digits}],`))).toEqual([]);
  for (const digits of [`${most}9`, `-${most}9`]) {
    expect(issuesOf(good.replace("{", `{"notes": [${digits}],`))).toMatchObject([
      { code: "integer_too_long", pointer: "/notes/0" },
    ]);
  }
  expect(issueAfter("2048", `${most}9`)).toMatchObject({ code: "integer_too_long", pointer: "/ant_spec/ring_len" });
  // A float of any length is no integer.
  expect(issuesOf(good.replace("{", `{"notes": [${most}9.5, ${most}9e1],`))).toEqual([]);
  const read = readWorkloadSpec(good.replace("2048", most));
  expect(read.status === "ok" && read.spec.ant_spec.ring_len).toBe(BigInt(most));
});

test("integers are numbers while that is safe and bigints beyond", () => {
  for (const [text, value] of [
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["9007199254740993", 9007199254740993n],
  ] as const) {
    const read = readWorkloadSpec(good.replace("2048", text));
    expect(read.status === "ok" && read.spec.ant_spec.ring_len).toBe(value);
  }
  const minusZero = readWorkloadSpec(good.replace('"state_loop_samples": 0', '"state_loop_samples": -0'));
  expect(minusZero.status === "ok" && Object.is(minusZero.spec.colony_spec.state_loop_samples, 0)).toBe(true);
});

test("labels come back as they were written", () => {
  const read = readWorkloadSpec(
    good.replace("{", '{"name": [1.5, 1e400, -0, -0.0, 9007199254740993, "\\u00e9\\ud83d\\ude00\\n", {"a": null}],'),
  );
  expect(read.status === "ok" && read.spec.name).toEqual([
    1.5,
    Infinity,
    0,
    -0,
    9007199254740993n,
    "é😀\n",
    { a: null },
  ]);
});

test("a flood of issues ends", () => {
  const issues = issuesOf(`{"notes": [${"NaN,".repeat(100_000)}0]}`);
  expect(issues).toHaveLength(1001);
  expect(issues.at(-1)).toMatchObject({ code: "too_many_issues" });
  const keys = Array.from({ length: 50_000 }, (_, index) => `"k${index}":0`).join(",");
  expect(issuesOf(`{${keys}}`).length).toBeLessThan(1100);
});

test("messages are one line, short, and harmless to a terminal", () => {
  for (const nasty of ["\\u001b[31m", "\\u202e", "\\u009b", "\\n", "\\ud800", "\u00a0", "x".repeat(10_000)]) {
    const [issue] = issuesOf(good.replace('"fp32"', `"${nasty}"`), "python");
    expect(issue!.message).toMatch(/^[\x20-\x7e]+$/);
    expect(issue!.message.length).toBeLessThan(300);
    // In a key, and so in the pointer, too (found by fuzzing).
    const [inKey] = issuesOf(good.replace('"fp32"', `"fp32", "${nasty}": 1`), "python");
    expect(inKey!.message).toMatch(/^[\x20-\x7e]+$/);
    expect(inKey!.message.length).toBeLessThan(300);
  }
});

test("issues print like a compiler's", () => {
  const issues = issuesOf(good.replace("2048", "2048.0").replace('"fp32"', '"FP32"'));
  expect(formatIssues(issues, { filename: "spec.json" })).toBe(
    [
      "spec.json:4:17: not_an_integer: /ant_spec/ring_len: expected an integer >= 1, found 2048.0; did you mean 2048?",
      'spec.json:7:18: not_in_enum: /ant_spec/precision: expected one of "fp64", "fp32", "fp16", "bf16", "amp", found "FP32"; did you mean fp32?',
    ].join("\n"),
  );
});
