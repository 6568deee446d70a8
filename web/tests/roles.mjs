// Sees what each role sees: node roles.mjs URL

import assert from "node:assert/strict";
import { accessible, open, rows, signIn, walk } from "./staff.mjs";

const url = process.argv[2];

const views = (page) => page.getByRole("navigation", { name: "Views" }).getByRole("link").allTextContents();

async function signOut(page, name) {
  await page.getByRole("button", { name, exact: true }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

async function user(page) {
  await signIn(page, url, "jeff");
  await page.getByText("only staff may read the log").waitFor();
  assert.deepEqual(await views(page), ["GraphiQL"]);
  for (const view of ["overview", "people/jeff", "admin"]) {
    await page.goto(`${url}#/${view}`);
    await page.getByText("only staff may read the log").waitFor();
  }
  await accessible(page, "a user");
  await page.goto(`${url}#/account`);
  await page.getByText("here", { exact: true }).waitFor();
  await signOut(page, "jeff");
}

async function staff(page) {
  await signIn(page, url, "stan");
  await rows(page).first().waitFor();
  assert.deepEqual(await views(page), ["Overview", "Activity", "People", "GraphiQL"]);
  await page.goto(`${url}#/admin`);
  await page.getByText("Only admins may change who comes in.").waitFor();
  await page.goto(`${url}#/people`);
  await page.getByRole("cell", { name: "jeff" }).waitFor();
  await accessible(page, "people");
  await page.goto(`${url}#/people/jeff`);
  await page.getByRole("link", { name: "In the log" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Privacy" }).count(), 0);
  await page.goto(`${url}#/nonsense`);
  await page.getByText("There is no such view.").waitFor();
  await signOut(page, "stan");
}

/** Nothing of what the one saw is left to the next. */
async function leftovers(page, browser) {
  await page.goto(`${url}#/activity`);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await rows(page).count(), 0);
  const { page: other } = await open(browser, url);
  await other.goto(`${url}#/activity`);
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
}

await walk(url, [user, staff, leftovers]);
