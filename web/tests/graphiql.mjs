// Uses GraphiQL as staff do: node graphiql.mjs URL

import assert from "node:assert/strict";
import { accessible, forgive, log, signIn, walk } from "./staff.mjs";

const url = process.argv[2];

/** A tab of GraphiQL holds a button, in a role that may hold none; the editor keeps the colours of the theme that it began with; on a phone it is wider than that. */
const FOREIGN = { widths: [1440], exclude: [".graphiql-tabs", ".monaco-editor"] };

const line = (page, text) => page.locator(".graphiql-query-editor .view-line", { hasText: text });
const answer = (page) => page.locator(".graphiql-response");

/** Runs the operation in which a line with this text stands. */
async function run(page, text) {
  await line(page, text).first().click();
  await page.keyboard.press("End");
  await page.keyboard.press("ControlOrMeta+Enter");
}

/** Does something again and again until a text is to be seen. */
async function until(shown, action) {
  for (let tries = 0; tries < 80 && !(await shown.isVisible()); tries++) {
    await action();
    await shown.waitFor({ timeout: 700 }).catch(() => {});
  }
  await shown.waitFor();
}

async function starter(page) {
  await signIn(page, url, "ann");
  await page.goto(`${url}/graphiql`);
  await line(page, "LogAnActivity").waitFor();
  assert.equal(await page.locator(".graphiql-tab").count(), 1, "one document");
  await run(page, "logActivity");
  await answer(page).getByText('"/hello"').waitFor();
  await run(page, "hasNextPage");
  await answer(page).getByText('"hasNextPage"').waitFor();
  await answer(page).getByText('"/hello"').waitFor();
  await run(page, "visitors");
  await answer(page).getByText('"visitors"').waitFor();
  await accessible(page, "GraphiQL", FOREIGN);
}

async function completion(page) {
  await line(page, "hasNextPage").click();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.keyboard.type("totalC", { delay: 20 });
  // The worker answers once it has the schema: asking again is what a user does as well.
  const suggestion = page.locator(".suggest-widget").getByText("totalCountCapped");
  await until(suggestion, () => page.keyboard.press("Control+Space"));
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  for (let typed = 0; typed < "totalC".length; typed++) await page.keyboard.press("Backspace");
}

async function subscription(page) {
  // From the menu of the operations: what the cursor stands in is known only a moment after something was typed.
  await page.getByRole("button", { name: /^Execute/ }).click();
  await page.getByRole("menuitem", { name: "Watch" }).click();
  await page.getByRole("button", { name: /^Stop/ }).waitFor();
  // It is heard from some moment on: until then one more is logged.
  await until(answer(page).getByText('"/graphiql/now"'), () => log(url, "/graphiql/now"));
  await page.getByRole("button", { name: /^Stop/ }).click();
}

async function headers(page, _, faults) {
  await page.getByRole("button", { name: "Headers" }).click();
  await page.locator(".graphiql-editor-tool .view-lines").last().click();
  await page.keyboard.insertText('{"authorization": "Bearer nonsense"}');
  await run(page, "visitors");
  await answer(page).getByText("UNAUTHENTICATED").waitFor();
  forgive(faults, /401/);
}

async function plugins(page) {
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  const panel = page.locator(".graphiql-plugin");
  await panel.getByText("Query", { exact: true }).click();
  await panel.getByText("activityStats").first().waitFor();
  await page.getByRole("button", { name: "Show History" }).click();
  await panel.getByText(/^(LogAnActivity|LatestActivities|Stats|Watch)$/).first().waitFor();
}

// The editor holds no more lines than are to be seen: all of them are.
await walk(url, [starter, completion, subscription, headers, plugins], { viewport: { width: 1280, height: 1600 } });
