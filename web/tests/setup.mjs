// Makes the first admin as the operator does, and sees the first activity come in: node setup.mjs LINK

import assert from "node:assert/strict";
import { accessible, log, open, PASSWORD, walk } from "./staff.mjs";

const link = process.argv[2];
const url = new URL(".", link).href.replace(/\/$/, "");

async function firstAdmin(page) {
  await page.goto(link);
  await page.getByLabel("Name").fill("ann");
  await accessible(page, "setup");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Make admin" }).click();
  await page.getByRole("button", { name: "ann", exact: true }).waitFor();
  assert.doesNotMatch(page.url(), /token/);
}

/** Whoever comes first is told what to do, and sees it work, without a reload. */
async function firstActivity(page, browser) {
  await page.getByText("Nothing has been logged yet").waitFor();
  await page.getByText(`<script defer src="${url}/djaffar.js"></script>`).waitFor();
  await page.getByText("--tracker-origins").waitFor();
  await accessible(page, "empty overview");

  const { page: activity, faults } = await open(browser, url);
  await activity.goto(`${url}/#/activity`);
  await activity.getByText("Nothing has been logged yet").waitFor();
  await accessible(activity, "empty activity");
  await log(url, "/first");
  await activity.locator(".log .path", { hasText: "/first" }).waitFor();
  assert.deepEqual(faults, []);
  await activity.close();
  await page.bringToFront();
  await page.locator(".totals div", { hasText: "Activities" }).getByText("1", { exact: true }).waitFor();
}

/** The link is good for one. */
async function secondAdmin(_, browser) {
  const { page, faults } = await open(browser, url);
  await page.goto(link);
  await page.getByLabel("Name").fill("eve");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Make admin" }).click();
  await page.getByRole("alert").getByText("the first admin is there already").waitFor();
  assert.deepEqual(faults, []);
}

await walk(url, [firstAdmin, firstActivity, secondAdmin]);
