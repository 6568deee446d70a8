// Takes the log along as staff do: node exports.mjs URL

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { accessible, counted, forgive, signIn, walk } from "./staff.mjs";

const url = process.argv[2];
const where = encodeURIComponent(JSON.stringify({ path: { startsWith: "/shop" } }));
const status = (page, format) => page.getByRole("region", { name: `activities.${format}` });

async function start(page, label) {
  await page.getByRole("button", { name: "Export" }).click();
  await page.getByRole("link", { name: label }).click();
}

async function files(page) {
  await signIn(page, url, "ann");
  await page.goto(`${url}#/activity?path=/shop`);
  await counted(page, 30);
  await page.getByRole("button", { name: "Export" }).click();
  await accessible(page, "export");
  await page.keyboard.press("Escape");
  for (const [label, format] of [["CSV", "csv"], ["NDJSON", "ndjson"]]) {
    const begun = page.waitForEvent("download");
    await start(page, label);
    const download = await begun;
    assert.equal(download.suggestedFilename(), `activities.${format}`);
    const text = await readFile(await download.path(), "utf8");
    const direct = await page.request.get(`${url}/export/activities.${format}?where=${where}`);
    assert.equal(text, await direct.text(), "as the server gives it");
    assert.equal(text.trim().split("\n").length, format === "csv" ? 31 : 30);
    await status(page, format).getByText("30 rows").waitFor();
    await status(page, format).getByText("Complete.").waitFor();
    await status(page, format).getByRole("button", { name: "Close" }).click();
  }
}

/** Where the browser lets a page write a file, it goes there piece by piece. */
async function chosenPlace(page) {
  await page.evaluate(() => {
    window.showSaveFilePicker = async ({ suggestedName }) => (await navigator.storage.getDirectory()).getFileHandle(suggestedName, { create: true });
  });
  await start(page, "NDJSON");
  await status(page, "ndjson").getByText("Complete.").waitFor();
  const written = await page.evaluate(async () => {
    const handle = await (await navigator.storage.getDirectory()).getFileHandle("activities.ndjson");
    return (await handle.getFile()).text();
  });
  const direct = await page.request.get(`${url}/export/activities.ndjson?where=${where}`);
  assert.equal(written, await direct.text());
  await status(page, "ndjson").getByRole("button", { name: "Close" }).click();

  // Who would rather not is not asked again.
  await page.evaluate(() => { window.showSaveFilePicker = () => Promise.reject(new DOMException("No", "AbortError")); });
  await start(page, "CSV");
  await page.locator(".pop").waitFor({ state: "detached" });
  assert.equal(await status(page, "csv").count(), 0);
  await page.evaluate(() => delete window.showSaveFilePicker);
}

async function refusals(page, _, faults) {
  for (const [code, message] of [[503, "The server is busy; try again in a moment."], [403, "You may not do this."]]) {
    await page.route("**/export/**", (route) => route.fulfill({ status: code, json: { errors: [{ message }] } }));
    await start(page, "CSV");
    await status(page, "csv").getByRole("alert").getByText(message).waitFor();
    await accessible(page, "export refused");
    await status(page, "csv").getByRole("button", { name: "Close" }).click();
    await page.unroute("**/export/**");
  }
  forgive(faults, /Failed to load resource/);
}

/** It goes on over other views, and ends when it is told to. */
async function cancelled(page, _, faults) {
  const held = [];
  await page.route("**/export/**", (route) => held.push(route));
  await start(page, "CSV");
  await status(page, "csv").getByRole("progressbar").waitFor();
  await page.getByRole("link", { name: "People" }).click();
  await page.getByRole("heading", { name: "People", includeHidden: true }).waitFor();
  await status(page, "csv").getByText("0 of 30 rows").waitFor();
  const failed = page.waitForEvent("requestfailed");
  await status(page, "csv").getByRole("button", { name: "Cancel" }).click();
  assert.match((await failed).url(), /export\/activities\.csv/);
  await status(page, "csv").waitFor({ state: "detached" });
  await page.unroute("**/export/**");
  assert.deepEqual(faults, []);
}

await walk(url, [files, chosenPlace, refusals, cancelled]);
