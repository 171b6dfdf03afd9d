/** A stranger's walk: what README and the operator's manual tell to type, typed line by line on a fresh machine's ports and home (rule DOC1). */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { documentBlocks, missingLine } from "../support/document-blocks.ts";
import { namespacesMissing } from "../support/namespaces.ts";
import { TypedDocument } from "../support/typed-document.ts";
import { root } from "../tool.ts";

const documents = ["README.md", "docs/operating.md"];
const fence = "```";

/** What a reader's machine has and this one lacks, as the line to run; undefined when all is there. */
function toolsMissing(): string | undefined {
  try {
    execFileSync("curl", ["--version"], { stdio: "ignore" });
  } catch {
    return "the documents type curl: run `apt-get install curl`";
  }
  return namespacesMissing();
}

describe("a stranger's walk", () => {
  test.each(documents.map((title) => ({ title })))(
    "DOC1 every line of $title works as printed, typed in order",
    async ({ title }) => {
      const missing = toolsMissing();
      expect(missing).toBeUndefined();
      const { blocks, problems } = documentBlocks(readFileSync(join(root, title), "utf8"));
      expect(problems).toEqual([]);
      expect(blocks.filter(({ mode }) => mode !== "example").length).toBeGreaterThan(3);
      await using document = new TypedDocument();
      for (const block of blocks) await document.type(block);
    },
    300_000,
  );
});

describe("the walker itself", () => {
  test("DOC1 a command that fails, one that prints something else and one that ends too early are told with their line", async () => {
    const missing = toolsMissing();
    expect(missing).toBeUndefined();
    await using document = new TypedDocument();
    const block = { line: 7, mode: "typed", prints: [] } as const;
    await document.type({ ...block, text: "NAME=kept", prints: [] });
    await document.type({ ...block, text: 'echo "$NAME by the shell"', prints: ["kept by…"] });
    await expect(document.type({ ...block, text: "echo one", prints: ["two"] })).rejects.toThrow(
      "line 7 does not print 'two'",
    );
    await expect(
      document.type({ ...block, mode: "terminal", text: "true", prints: ["over"] }),
    ).rejects.toThrow("line 7 ended");
    await expect(document.type({ ...block, text: "true\nfalse\ntrue" })).rejects.toThrow(
      "failed: false",
    );
  });

  test("DOC1 an example without a reason and a block of an unknown kind are problems of the document", () => {
    const bare = `${fence}sh example\nrm -rf x\n${fence}\n${fence}sh later\ntrue\n${fence}\n`;
    expect(documentBlocks(bare).problems).toHaveLength(2);
    const reasoned = `<!-- not typed: needs a second machine -->\n${fence}sh example\ntrue\n${fence}\n`;
    expect(documentBlocks(reasoned).problems).toEqual([]);
  });

  test("DOC1 what a block prints stands right behind it, in order, with … for anything", () => {
    const text = `${fence}sh\necho a\n${fence}\n\n${fence}text\na … c\nd\n${fence}\n`;
    expect(documentBlocks(text).blocks).toEqual([
      { line: 2, mode: "typed", text: "echo a", prints: ["a … c", "d"] },
    ]);
    expect(missingLine("x\na b c\ny\n d", ["a … c", "d"])).toBeUndefined();
    expect(missingLine("d\na b c", ["a … c", "d"])).toBe("d");
    expect(missingLine("abc", ["a … c"])).toBeUndefined();
    expect(missingLine("a.c", ["abc"])).toBe("abc");
  });
});
