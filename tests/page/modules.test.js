// The modules of the page and their imports.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const STATIC = new URL("../../service/api/page/static/", import.meta.url);
const ENTRY_POINT = "app.js";
const MODULES = readdirSync(STATIC).filter((name) => name.endsWith(".js"));

/** Imports of a module: pairs of a file name and the imported names. */
function importsOf(name) {
  const source = readFileSync(new URL(name, STATIC), "utf8");
  return [...source.matchAll(/import \{([^}]*)\} from "\.\/([^"]+)"/g)].map(([, names, file]) => [
    file,
    names.split(",").map((text) => text.trim()).filter(Boolean),
  ]);
}

/** Modules that a module loads when it needs them. */
function loadedLater(name) {
  const source = readFileSync(new URL(name, STATIC), "utf8");
  return [...source.matchAll(/import\("\.\/([^"]+)"\)/g)].map(([, file]) => file);
}

test("every module loads without a browser, except the entry point", async () => {
  for (const name of MODULES) {
    if (name !== ENTRY_POINT) await import(new URL(name, STATIC));
  }
});

test("the entry point imports only what is exported", async () => {
  const imports = importsOf(ENTRY_POINT);
  assert.ok(imports.length > 10);
  for (const [file, names] of imports) {
    const exported = await import(new URL(file, STATIC));
    for (const name of names) assert.ok(name in exported, `${file} exports no ${name}`);
  }
});

test("every module is reached from the entry point, and no modules import each other", () => {
  const reached = new Set();
  const visit = (name, path) => {
    assert.ok(!path.includes(name), `cycle: ${[...path, name].join(" > ")}`);
    if (reached.has(name)) return;
    for (const file of [...importsOf(name).map(([found]) => found), ...loadedLater(name)]) {
      visit(file, [...path, name]);
    }
    reached.add(name);
  };
  visit(ENTRY_POINT, []);
  assert.deepEqual([...reached].sort(), [...MODULES].sort());
});
