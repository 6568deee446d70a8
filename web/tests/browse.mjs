// Drives Chromium through the pages of a host application, as a visitor would: node browse.mjs URL
//
// The pages log by themselves; the test that starts this script then reads what was logged.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const url = process.argv[2];
const profile = await mkdtemp(join(tmpdir(), "djaffar-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  userAgent: "Browser/1.0 (test)",
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => {
    throw error;
  });

  /** Does something that makes the page log, and waits for the answer. */
  async function logged(door, status, action) {
    const [response] = await Promise.all([
      page.waitForResponse((response) => new URL(response.url()).pathname.endsWith(door)),
      action(),
    ]);
    if (response.status() !== status) throw new Error(`${door} answered ${response.status()}`);
  }

  await logged("/djaffar/log/", 204, () => page.goto(`${url}/classic/one`));
  await logged("/djaffar/log/", 204, () => page.click("text=Next"));
  await logged("/graphql", 200, () => page.goto(`${url}/modern/one`));
  await page.evaluate(() => window.logIn("jeff", "correct horse battery staple"));
  await logged("/graphql", 200, () => page.click("text=Next"));
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
