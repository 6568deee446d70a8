// Uses the console and GraphiQL as staff do: node console.mjs URL
//
// The log holds what the test that starts this script has put there: 30 activities of jeff, 600 of others, and one
// with values that want to break the page.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { watch, withChromium } from "./chromium.mjs";

const url = process.argv[2];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** What no page may do, whatever else is tested. */
const faults = [];

/** Nothing serious for those who can't see, can't see well, or use no mouse; nothing wider than the window. */
async function accessible(page, view) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.evaluate(axe);
    // What is written is the same in the dark: only the colours are not.
    const rules = colorScheme === "dark" ? { runOnly: ["color-contrast"] } : {};
    const options = { ...rules, resultTypes: ["violations"], elementRef: false };
    const { violations } = await page.evaluate((options) => globalThis.axe.run(document, options), options);
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join("\n  ")}`);
    assert.deepEqual(told, [], `${view} in ${colorScheme}`);
  }
  const size = page.viewportSize();
  for (const width of [375, 1440]) {
    await page.setViewportSize({ width, height: 800 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${view} is ${wide} wide in ${width}`);
  }
  await page.setViewportSize(size);
}

/** Logs by the form, as somebody else. */
async function log(path) {
  const body = new URLSearchParams({ date: new Date().toISOString(), path });
  const { status } = await fetch(`${url}/logs`, { method: "POST", body });
  assert.equal(status, 204);
}

/** Whether the server's schema has a type. */
async function has(type) {
  const body = JSON.stringify({ query: `{ __type(name: "${type}") { name } }` });
  const headers = { "content-type": "application/json" };
  const { data } = await (await fetch(`${url}/graphql`, { method: "POST", headers, body })).json();
  return Boolean(data.__type);
}

// To ask for what the server does not have is an answer of 400, and no fault of the page.
const [counts, administers] = [await has("ActivityStats"), await has("ApiToken")];

const isExpected = (message) => !(counts && administers) && message.includes("400 (Bad");

const rows = (page) => page.locator(".log tbody tr:not(.day)");

async function signIn(page) {
  await page.goto(`${url}#/activity`);
  await page.getByLabel("Name").fill("ann");
  await accessible(page, "sign-in");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill("correct horse battery staple");
  await page.getByRole("button", { name: "Sign in" }).click();
  await rows(page).first().waitFor();
}

async function filter(page) {
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Path starts with").fill("/shop/1");
  await page.getByRole("button", { name: "Apply" }).click();
  // 1 and 10 to 19.
  await page.getByText("11 activities").waitFor();
  await page.waitForFunction(() => document.querySelectorAll(".log tbody tr:not(.day)").length === 11);
  assert.match(page.url(), /path=%2Fshop%2F1/);
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await accessible(page, "filter");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Remove the filter Path starts with" }).click();
  await page.getByText("631 activities").waitFor();
}

async function scroll(page) {
  await rows(page).nth(99).waitFor();
  for (let count = 100; count < 500; count = await rows(page).count()) {
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await rows(page).nth(count).waitFor();
  }
  await page.evaluate(() => window.scrollTo(0, 0));
  const count = await rows(page).count();
  await rows(page).nth(0).getByRole("button").click();
  await page.getByRole("complementary").waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await rows(page).count(), count, "the list stays as it is");
}

async function live(page) {
  const begun = Date.now();
  await log("/live/now");
  await page.locator(".log .path", { hasText: "/live/now" }).waitFor({ timeout: 2_000 });
  console.log(`live after ${Date.now() - begun} ms`);
  await page.getByRole("button", { name: "Live" }).click();
  await log("/live/paused");
  await page.getByRole("button", { name: "Paused" }).click();
  await page.locator(".log .path", { hasText: "/live/paused" }).waitFor();
}

async function hostile(page) {
  const row = rows(page).filter({ hasText: "document.title" });
  await row.getByRole("button").click();
  const detail = page.getByRole("complementary");
  await detail.getByText("javascript:alert(1)").waitFor();
  assert.equal(await detail.getByRole("link", { name: "javascript" }).count(), 0);
  await page.keyboard.press("Escape");
  await detail.waitFor({ state: "detached" });
  await row.getByRole("button").click();
  await detail.getByRole("link", { name: "only this event" }).click();
  await page.getByText("1 activity").waitFor();
  await row.getByRole("button").click();
  await detail.waitFor();
  await accessible(page, "activity");
  assert.doesNotMatch(await page.title(), /broken/);
}

async function journey(page) {
  await page.goto(`${url}#/activity?path=/shop`);
  await rows(page).filter({ hasText: "/shop/29" }).getByRole("link", { name: "jeff" }).click();
  await page.getByRole("heading", { name: "jeff", level: 1 }).waitFor();
  await page.getByRole("article").getByText("30 activities").waitFor();
  await accessible(page, "person");
  await page.getByRole("article").getByRole("heading").getByRole("link").click();
  const steps = page.locator(".journey .step");
  await steps.nth(29).waitFor();
  assert.match(await steps.nth(0).textContent(), /\/shop\/0/);
  assert.match(await steps.nth(1).textContent(), /^\+ 1 min 30 s/);
  await accessible(page, "session");
}

async function overview(page) {
  await page.goto(`${url}#/overview?range=7d&bucket=DAY`);
  await page.getByRole("heading", { name: "Paths" }).waitFor();
  await page.locator("canvas").nth(1).waitFor();
  await page.getByText("As a table").click();
  await page.getByRole("region", { name: "Over time, as a table" }).waitFor();
  await accessible(page, "overview");
  await page.locator(".top-list").filter({ hasText: "People" }).getByRole("link", { name: "jeff" }).click();
  await page.locator(".totals div", { hasText: "Activities" }).getByText("30", { exact: true }).waitFor();
  await page.locator(".chip", { hasText: "jeff" }).waitFor();
}

async function admin(page) {
  await page.goto(`${url}#/admin`);
  await page.getByRole("button", { name: "New user" }).click();
  const form = page.locator(".pop");
  await form.getByLabel("Name").fill("stan");
  await form.getByLabel("Password").fill("correct horse battery staple");
  await form.getByRole("button", { name: "Make user" }).click();
  const panel = page.getByRole("complementary");
  await panel.getByLabel("Name of a new token").fill("laptop");
  await panel.getByRole("button", { name: "Make token" }).click();
  const secret = await panel.locator("pre").textContent();
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const body = JSON.stringify({ query: "{ viewer { user { username } } }" });
  const ask = () => fetch(`${url}/graphql`, { method: "POST", headers, body });
  assert.equal((await (await ask()).json()).data.viewer.user.username, "stan");
  await accessible(page, "admin");
  await panel.getByRole("button", { name: "Revoke laptop" }).click();
  await panel.getByText("over", { exact: true }).waitFor();
  assert.equal((await ask()).status, 401);

  await page.goto(`${url}#/admin/sessions`);
  const session = page.locator("tr", { hasText: "jeff" });
  await session.getByRole("button", { name: "End" }).click();
  await session.getByText("ended").waitFor();
  await accessible(page, "admin: sessions");
  await page.goto(`${url}#/admin/audit`);
  await page.getByRole("cell", { name: "endSession", exact: true }).waitFor();
  await accessible(page, "admin: audit log");
}

async function account(page) {
  const password = "correct horse battery staple";
  const query = "mutation($input: LogInInput!) { logIn(input: $input) { userErrors { code } } }";
  const body = JSON.stringify({ query, variables: { input: { username: "ann", password } } });
  const headers = { "content-type": "application/json", "user-agent": "Elsewhere/1.0" };
  assert.equal((await fetch(`${url}/graphql`, { method: "POST", headers, body })).status, 200);

  await page.getByRole("button", { name: "ann", exact: true }).click();
  await page.getByRole("link", { name: "Your account" }).click();
  const sessions = page.locator("form", { hasText: "Where you are signed in" });
  const other = sessions.getByRole("row", { name: "Elsewhere" });
  await sessions.getByLabel("Your password").fill("wrong");
  await other.getByRole("button", { name: "End" }).click();
  await sessions.getByRole("alert").waitFor();
  await accessible(page, "account");
  await sessions.getByLabel("Your password").fill(password);
  await other.getByRole("button", { name: "End" }).click();
  await other.waitFor({ state: "detached" });
  await sessions.getByText("here", { exact: true }).waitFor();

  const form = page.locator("form", { hasText: "Change your password" });
  await form.getByLabel("The one you have").fill(password);
  await form.getByLabel("A new one").fill("a new one, longer than fifteen");
  await form.getByRole("button", { name: "Change" }).click();
  await form.getByText("Changed.").waitFor();
  await page.reload();
  await sessions.getByText("here", { exact: true }).waitFor();
}

async function exported(page) {
  await page.goto(`${url}#/activity?path=/shop`);
  await page.getByText("30 activities").waitFor();
  await page.getByRole("button", { name: "Export" }).click();
  const begun = page.waitForEvent("download");
  await page.getByRole("link", { name: "NDJSON" }).click();
  const lines = (await readFile(await (await begun).path(), "utf8")).trim().split("\n");
  assert.equal(lines.length, 30);
  assert.ok(lines.every((line) => JSON.parse(line).path.startsWith("/shop/")));
}

async function graphiql(page) {
  await page.goto(`${url}/graphiql`);
  const answer = page.locator(".graphiql-response");
  const line = page.locator(".graphiql-query-editor .view-line", { hasText: "hasNextPage" });
  await line.click();
  await page.keyboard.press("End");
  await page.keyboard.press("ControlOrMeta+Enter");
  await answer.getByText('"/live/paused"').waitFor();

  await page.keyboard.press("Enter");
  // The worker answers once it has the schema: asking again is what a user does as well.
  const suggestion = page.locator(".suggest-widget").getByText("totalCountCapped");
  await page.keyboard.type("totalC", { delay: 20 });
  for (let tries = 0; tries < 20 && !(await suggestion.isVisible()); tries++) {
    await page.keyboard.press("Control+Space");
    await suggestion.waitFor({ timeout: 700 }).catch(() => {});
  }
  await suggestion.waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  for (let typed = 0; typed < "totalC".length; typed++) await page.keyboard.press("Backspace");

  await page.locator(".graphiql-query-editor .view-line", { hasText: "activityLogged" }).click();
  await page.keyboard.press("ControlOrMeta+Enter");
  // It is heard from some moment on: until then one more is logged.
  for (let tries = 0; tries < 20 && !(await answer.getByText('"/graphiql/now"').isVisible()); tries++) {
    await log("/graphiql/now");
    await answer.getByText('"/graphiql/now"').waitFor({ timeout: 700 }).catch(() => {});
  }
  await answer.getByText('"/graphiql/now"').waitFor();
}

await withChromium({ viewport: { width: 1280, height: 800 } }, async (browser) => {
  const page = await browser.newPage();
  await watch(page, url, faults, isExpected);
  const steps = { signIn, filter, scroll, live, hostile, journey, ...(counts && { overview }), ...(administers && { admin, exported, account }) };
  for (const step of Object.values(steps)) {
    const begun = Date.now();
    await step(page);
    console.log(`${step.name}: ${Date.now() - begun} ms`);
    // The wrong password is an answer, not a fault.
    assert.deepEqual(faults, [], step.name);
  }
  const other = await browser.newPage();
  await watch(other, url, faults, isExpected);
  await graphiql(other);
  assert.deepEqual(faults, [], "graphiql");
});
