// Signs in where the browser does not keep a secure cookie: node plain-http.mjs URL

import assert from "node:assert/strict";
import { withChromium } from "./chromium.mjs";
import { PASSWORD } from "./staff.mjs";

// To a browser the loopback interface is as good as HTTPS; a host with a name of its own is not.
const args = ["--no-sandbox", "--disable-gpu", "--no-proxy-server", "--host-resolver-rules=MAP djaffar.test 127.0.0.1"];

await withChromium({ args }, async (browser) => {
  const page = await browser.newPage();
  await page.goto(process.argv[2]);
  await page.getByLabel("Name").fill("staff");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  assert.match(await page.getByRole("alert").innerText(), /has not kept the session cookie/);
});
