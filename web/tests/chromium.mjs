// Chromium with a profile of its own, which is gone afterwards.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Gives a browser to what is done with it. */
export async function withChromium(options, use) {
  const profile = await mkdtemp(join(tmpdir(), "djaffar-chromium-"));
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args, ...options });
  try {
    return await use(browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** Adds to `faults` what a page should not do: errors, dialogs, breaches of its CSP, requests to others than `url`. */
export async function watch(page, url, faults, isExpected = () => false) {
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !isExpected(message.text())) faults.push(`console: ${message.text()}`);
  });
  page.on("dialog", (dialog) => faults.push(`dialog: ${dialog.message()}`));
  const { host } = new URL(url);
  const foreign = (address) => {
    const { protocol, host: other } = new URL(address);
    if (!["data:", "blob:"].includes(protocol) && other !== host) faults.push(`request to ${address}`);
  };
  page.on("request", (request) => foreign(request.url()));
  page.on("websocket", (socket) => foreign(socket.url()));
  await page.addInitScript(() => {
    const tell = ({ violatedDirective, blockedURI }) => console.error(`CSP: ${violatedDirective} ${blockedURI}`);
    document.addEventListener("securitypolicyviolation", tell);
  });
}
