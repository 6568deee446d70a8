// Makes the first admin as the operator does, and sees the first activity come in: node setup.mjs LINK

import assert from "node:assert/strict";
import { withChromium } from "./chromium.mjs";

const link = process.argv[2];

await withChromium({ viewport: { width: 1280, height: 800 } }, async (browser) => {
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(link);
  await page.getByLabel("Name").fill("ann");
  await page.getByLabel("Password").fill("correct horse battery staple");
  await page.getByRole("button", { name: "Make admin" }).click();
  await page.getByRole("button", { name: "ann", exact: true }).waitFor();
  assert.doesNotMatch(page.url(), /token/);

  await page.getByRole("link", { name: "Activity" }).click();
  await page.getByText("Nothing has been logged yet").waitFor();
  const body = new URLSearchParams({ date: new Date().toISOString(), path: "/first" });
  const { status } = await fetch(new URL("logs", link), { method: "POST", body });
  assert.equal(status, 204);
  await page.locator(".log .path", { hasText: "/first" }).waitFor();

  // The link is good for one.
  const again = await browser.newPage();
  await again.goto(link);
  await again.getByLabel("Name").fill("eve");
  await again.getByLabel("Password").fill("correct horse battery staple");
  await again.getByRole("button", { name: "Make admin" }).click();
  await again.getByRole("alert").getByText("the first admin is there already").waitFor();
});
