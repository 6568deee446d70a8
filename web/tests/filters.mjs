// Finds things in the log as staff do: node filters.mjs URL
//
// What is there, is told in tests/it/console.rs.

import assert from "node:assert/strict";
import { counted, forgive, open, rows, signIn, walk } from "./staff.mjs";

const url = process.argv[2];
const ALL = 9;
const detail = (page) => page.getByRole("complementary");

/** Sets one thing in the filter's form. */
async function filter(page, label, value) {
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel(label, { exact: true }).fill(value);
  await page.getByRole("button", { name: "Apply" }).click();
}

async function clear(page) {
  await page.goto(`${url}#/activity`);
  await counted(page, ALL);
}

async function byForm(page) {
  await signIn(page, url, "ann");
  await counted(page, ALL);
  for (const [label, value, count] of [
    ["Referrer", "news.example", 2],
    ["Referrer", "https://news.example/today", 2],
    ["Referrer", "localhost", 2],
    ["Referrer", "localhost:3000", 2],
    ["Referrer", "com.app", 1],
    ["Event", "buy", 2],
    ["Address", "127.0.0.1", ALL],
    ["Person", "jeff", 2],
    ["Path is", "/shop", 1],
  ]) {
    await filter(page, label, value);
    await counted(page, count);
    await clear(page);
  }
  await filter(page, "Address", "192.0.2.1");
  await page.getByText("Nothing is like this.").waitFor();
  await filter(page, "Person", "nobody");
  await page.getByText("Nobody here is called nobody.").waitFor();
  await clear(page);
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Signed in").selectOption("no: anonymous");
  await page.getByRole("button", { name: "Apply" }).click();
  await counted(page, ALL - 2);
  await clear(page);
}

/** Each thing in the details is a way to more of its kind. */
async function byDetail(page) {
  for (const [label, count] of [["referrer", 1], ["session", 2], ["person", 2], ["address", ALL], ["event", 2], ["path", 1]]) {
    await rows(page).filter({ hasText: "/shop/2" }).getByRole("button").click();
    await detail(page).getByRole("link", { name: `only this ${label}` }).click();
    await counted(page, count);
    await clear(page);
  }
}

/** Behind each bar lies what it has counted. */
async function bars(page) {
  await page.goto(`${url}#/overview?range=all`);
  const lists = ["Paths", "Referrers", "People", "Events"];
  for (const title of lists) {
    const list = page.locator(".top-list").filter({ hasText: title });
    await list.getByRole("link").first().waitFor();
    const bars = await list.locator("tbody tr").evaluateAll((all) => all.map((row) => [row.querySelector("a").title, row.children[1].textContent]));
    assert.ok(bars.length > 0, title);
    for (const [value, count] of bars) {
      // By the keyboard: the page may still scroll to where it was before it went back.
      await list.locator(`a[title="${CSS(value)}"]`).press("Enter");
      await page.locator(".totals div", { hasText: "Activities" }).getByText(count, { exact: true }).waitFor();
      await page.locator(".chip").waitFor();
      await page.goBack();
      await page.locator(".chip").waitFor({ state: "detached" });
      await list.locator("tbody tr").nth(bars.length - 1).waitFor();
    }
  }
}

const CSS = (text) => text.replace(/["\\]/g, "\\$&");

/** Two moments: an address that means the same elsewhere, and lasts through a reload and the way back. */
async function range(page, browser) {
  await clear(page);
  await page.getByLabel("Range").selectOption("7d");
  await counted(page, ALL - 1);
  await page.getByLabel("Range").selectOption("From … to …");
  await page.getByLabel("from", { exact: true }).waitFor();
  const input = (days) => new Date(Date.now() - days * 86_400_000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const before = await page.evaluate(() => history.length);
  await page.getByLabel("from", { exact: true }).fill(input(50));
  await page.getByLabel("from", { exact: true }).press("ArrowUp");
  assert.equal(await page.evaluate(() => history.length), before, "what is not complete is no step");
  await page.getByLabel("from", { exact: true }).fill(input(50));
  await page.getByLabel("from", { exact: true }).press("Enter");
  await counted(page, ALL);
  await page.getByLabel("to", { exact: true }).fill(input(30));
  await page.getByLabel("Range").focus();
  await counted(page, 1);
  const shared = page.url();
  assert.match(shared, /from=[^&]*Z&to=[^&]*Z$/);
  await page.reload();
  await counted(page, 1);
  await page.goBack();
  await counted(page, ALL);
  await page.goForward();
  await counted(page, 1);

  const session = await browser.newCDPSession(page);
  await session.send("Emulation.setTimezoneOverride", { timezoneId: "Asia/Tokyo" });
  await page.goto(`${url}#/`);
  await page.goto(shared);
  await page.reload();
  await counted(page, 1);
  assert.equal(await page.evaluate(() => Intl.DateTimeFormat().resolvedOptions().timeZone), "Asia/Tokyo");
  const shown = await page.getByLabel("from", { exact: true }).inputValue();
  assert.notEqual(shown, input(50), "by the clock of who reads it");
  await session.send("Emulation.setTimezoneOverride", { timezoneId: "" });
  await clear(page);
}

/** The last hour is the one before it is chosen, however long the page has been open. */
async function lastHour(_, browser) {
  const { page, faults } = await open(browser, url);
  await page.goto(`${url}#/activity`);
  await counted(page, ALL);
  const later = Date.now() + 5 * 3_600_000;
  await page.clock.setFixedTime(later);
  const asked = page.waitForRequest((request) => request.postData()?.includes("ActivityCount") && request.postData().includes("gte"));
  await page.getByLabel("Range").selectOption("1h");
  const { variables } = (await asked).postDataJSON();
  assert.equal(Date.parse(variables.where.date.gte), later - 3_600_000);
  await page.getByText("Nothing is like this.").waitFor();
  assert.deepEqual(faults, []);
  await page.close();
}

/** Without a mouse: to the rows, along them, into one and out again. */
async function keyboard(page) {
  const focused = (selector) => page.waitForFunction((selector) => document.activeElement?.matches(selector), selector);
  await page.getByLabel("Range").focus();
  for (let tabs = 0; tabs < 12; tabs++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement?.matches(".log .when button"))) break;
  }
  await focused(".log .when button");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.evaluate(() => [...document.querySelectorAll(".log .when button")].indexOf(document.activeElement)), 1);
  await page.keyboard.press("Enter");
  await focused(".detail");
  // Escape closes what is on top, and only that.
  await page.getByRole("button", { name: "Filter", exact: true }).press("Enter");
  await focused(".pop input");
  await page.keyboard.press("Escape");
  await page.locator(".pop").waitFor({ state: "detached" });
  await detail(page).waitFor();
  await page.keyboard.press("Escape");
  await detail(page).waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => [...document.querySelectorAll(".log .when button")].indexOf(document.activeElement)), 1);
}

/** A click on a bar is a range of time. */
async function chart(page) {
  await page.goto(`${url}#/overview?range=7d&bucket=DAY`);
  const canvas = page.locator(".plot .u-over").first();
  await canvas.waitFor();
  const { width, height } = await canvas.boundingBox();
  await canvas.click({ position: { x: width - width / 14, y: height - 8 } });
  await page.getByLabel("from", { exact: true }).waitFor();
  assert.match(page.url(), /from=[^&]*Z&to=[^&]*Z/);
  await page.locator(".totals div", { hasText: "Activities" }).getByText(String(ALL - 1), { exact: true }).waitFor();
}

/** Emoji and values without end. */
async function odd(page) {
  await page.goto(`${url}#/activity?page=${encodeURIComponent("/🦊/ä")}`);
  await counted(page, 1);
  await page.locator(".tag").getByText("🎉").waitFor();
  await page.goto(`${url}#/activity?path=/long`);
  await counted(page, 1);
  for (const width of [1280, 375]) {
    await page.setViewportSize({ width, height: 800 });
    await rows(page).first().getByRole("button").click();
    await detail(page).getByText("xxxxx").first().waitFor();
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
    await page.keyboard.press("Escape");
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

/** What can't be had is told as such, and can be asked for again. */
async function failures(page, _, faults) {
  await page.goto(`${url}#/people`);
  await page.getByRole("cell", { name: "jeff" }).waitFor();
  await page.route("**/graphql", (route) => route.abort());
  const told = page.getByText("The server can’t be reached.");
  for (const view of ["activity?user=stan", "activity?open=0198a000-0000-7000-8000-000000000000", "overview", "people?name=x", "sessions/x", "admin/audit"]) {
    await page.goto(`${url}#/${view}`);
    await told.first().waitFor();
    assert.equal(await page.getByText(/Nobody|There is no such/).count(), 0, view);
  }
  await page.goto(`${url}#/overview?range=90d`);
  await told.waitFor();
  await page.unroute("**/graphql");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Paths" }).waitFor();

  // Who is told to come back comes back.
  let refusals = 0;
  const busy = { errors: [{ message: "The service is busy.", extensions: { code: "SERVICE_UNAVAILABLE" } }] };
  await page.route("**/graphql", (route) => {
    if (!route.request().postData().includes("query Totals") || refusals === 2) return route.fallback();
    refusals++;
    return route.fulfill({ status: 503, headers: { "retry-after": "1" }, json: busy });
  });
  const answered = page.waitForResponse((response) => refusals === 2 && response.ok() && response.request().postData()?.includes("query Totals"));
  await page.goto(`${url}#/overview?range=24h`);
  await answered;
  assert.equal(refusals, 2);
  await page.unroute("**/graphql");

  // What took too long leaves its place.
  const slow = { data: null, errors: [{ message: "The query took too long; narrow it down.", extensions: { code: "TIMEOUT" } }] };
  await page.route("**/graphql", (route) => (route.request().postData().includes("query Top") ? route.fulfill({ json: slow }) : route.fallback()));
  await page.goto(`${url}#/overview?range=365d`);
  const people = page.locator(".top-list").filter({ hasText: "People" });
  await people.getByText("This took the database too long.").waitFor();
  await page.unroute("**/graphql");
  await people.getByRole("button", { name: "Try again" }).click();
  await people.getByRole("link", { name: "jeff" }).waitFor();
  forgive(faults, /Failed to load resource/);
}

await walk(url, [byForm, byDetail, bars, range, lastHour, keyboard, chart, odd, failures]);
