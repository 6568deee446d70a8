// What the tests of the console have in common: a page that is watched, and what must hold in every view.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { watch, withChromium } from "./chromium.mjs";

export const PASSWORD = "correct horse battery staple";
/** What a slow and busy machine may take for one step. */
const PATIENCE = 60_000;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Takes the steps one after the other, on one page which must do nothing that it should not. */
export async function walk(url, steps, options = {}) {
  await withChromium({ viewport: { width: 1280, height: 800 }, ...options }, async (browser) => {
    const { page, faults } = await open(browser, url);
    for (const step of steps) {
      const begun = Date.now();
      try {
        await step(page, browser, faults);
      } catch (error) {
        console.log(`${step.name} fails: ${page.url()}`, faults, await page.locator("body").innerText());
        throw error;
      }
      console.log(`${step.name}: ${Date.now() - begun} ms`);
      assert.deepEqual(faults, [], step.name);
    }
  });
}

/** One more page. Files are collected: nobody is there to say where to put them. */
export async function open(browser, url) {
  const page = await browser.newPage();
  const faults = [];
  // A machine at a standstill may be told to come back, and does.
  await watch(page, url, faults, (text) => text.includes("status of 503"));
  page.setDefaultTimeout(PATIENCE);
  await page.addInitScript(() => delete window.showSaveFilePicker);
  return { page, faults };
}

/** Takes from the faults those that a step has brought about on purpose. */
export function forgive(faults, pattern) {
  const others = faults.filter((fault) => !pattern.test(fault));
  assert.ok(others.length < faults.length, `none like ${pattern}`);
  faults.splice(0, faults.length, ...others);
}

export const rows = (page) => page.locator(".log tbody tr:not(.day)");

/** Waits for so many activities, by the number and in the list. */
export async function counted(page, count) {
  await page.locator(".count").getByText(count === 1 ? "1 activity" : `${count} activities`, { exact: true }).waitFor();
  await page.waitForFunction((count) => document.querySelectorAll(".log tbody tr:not(.day)").length === count, Math.min(count, 100));
}

export async function signIn(page, url, name) {
  await page.goto(`${url}#/activity`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name, exact: true }).waitFor();
}

/** Logs by the form, as somebody else. */
export async function log(url, path, date = new Date().toISOString()) {
  const body = new URLSearchParams({ date, path });
  const { status } = await fetch(`${url}/logs`, { method: "POST", body });
  assert.equal(status, 204);
}

/** Nothing serious for those who can't see, can't see well, or use no mouse. */
async function audit(page, view, rules, exclude) {
  await page.evaluate(axe);
  const options = { ...rules, resultTypes: ["violations"], elementRef: false };
  const { violations } = await page.evaluate(([context, options]) => globalThis.axe.run(context, options), [{ exclude }, options]);
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join("\n  ")}`);
  assert.deepEqual(told, [], view);
}

/** In light and dark; on a phone too, if asked for; and nothing is wider than the window. */
export async function accessible(page, view, { phone = false, widths = [375, 1440], exclude = [] } = {}) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // What is written is the same in the dark: only the colours are not.
    await audit(page, `${view} in ${colorScheme}`, colorScheme === "dark" ? { runOnly: ["color-contrast"] } : {}, exclude);
    await picture(page, `${view} ${colorScheme}`);
  }
  const size = page.viewportSize();
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${view} is ${wide} wide in ${width}`);
    if (width !== 375) continue;
    if (phone) await audit(page, `${view} on a phone`, {}, exclude);
    await picture(page, `${view} phone`);
  }
  await page.setViewportSize(size);
}

/** For those who want to look at it: in the directory that DJAFFAR_TEST_PICTURES names. */
async function picture(page, name) {
  const directory = process.env.DJAFFAR_TEST_PICTURES;
  if (directory) await page.screenshot({ path: `${directory}/${name.replace(/\W+/g, "-")}.png` });
}
