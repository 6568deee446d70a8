// Drives Chromium through pages that carry the tracker, against the real program: node tracker.mjs PROGRAM
//
// DJAFFAR_DATABASE_URL names a database that has two users; STAFF_TOKEN reads it, USER_TOKEN is jeff's.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const { STAFF_TOKEN, USER_TOKEN } = process.env;

/** The program, which can be killed and started again where it was. */
class Server {
  #process;
  url;

  async start() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    this.#process = spawn(process.argv[2], ["serve", "--listen", listen], {
      env: { ...process.env, DJAFFAR_LOG_FORMAT: "json", DJAFFAR_TRACKER_ORIGINS: pages.url },
      stdio: ["ignore", "inherit", "pipe"],
    });
    for await (const line of createInterface(this.#process.stderr)) {
      const { message, url } = JSON.parse(line);
      if (message === "serving") {
        this.url = url;
        this.#process.stderr.resume();
        return;
      }
    }
    throw new Error("the server ended before it served");
  }

  async kill() {
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }

  /** What staff see of the activities below a path, the oldest first. */
  async activities(path) {
    const query = `query($path: String!) {
      activities(where: { path: { startsWith: $path } }, orderBy: { field: DATE, direction: ASC }, first: 200) {
        nodes { path referer name properties date user { username } session { id } }
      }
    }`;
    const response = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${STAFF_TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ query, variables: { path } }),
    });
    const { data, errors } = await response.json();
    assert.equal(errors, undefined);
    return data.activities.nodes;
  }

  async paths(path) {
    return (await this.activities(path)).map((activity) => activity.path);
  }
}

/** Another site, which has nothing but pages; the attributes of the script are asked for in the query. */
class Pages {
  #server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(html(new URL(request.url, pages.url)));
  });
  url;

  async start() {
    this.#server.listen(0, "localhost");
    await once(this.#server, "listening");
    this.url = `http://localhost:${this.#server.address().port}`;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const html = (url) =>
  `<!doctype html><title>A page</title><a href="#/two">Two</a>
   <script defer src="${server.url}/djaffar.js" data-automation ${url.searchParams.get("data") ?? ""}></script>`;

const pages = new Pages();
const server = new Server();
let browser;
let script;

before(async () => {
  await pages.start();
  await server.start();
  script = await (await fetch(`${server.url}/djaffar.js`)).text();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
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
});

after(async () => {
  await browser.close();
  await server.kill();
  pages.stop();
});

/** A visitor with an empty profile, and what their pages have sent. */
async function visitor() {
  const context = await browser.newContext();
  const batches = [];
  context.on("request", (request) => {
    if (request.url().endsWith("/logs/batch")) batches.push(request);
  });
  context.on("weberror", (error) => {
    throw error.error();
  });
  // Pages of the server's own site, which are there even when the network is not, as by a service worker.
  await context.route(`${server.url}/app/**`, (route) =>
    route.fulfill({ contentType: "text/html", body: html(new URL(route.request().url())) }),
  );
  await context.route(`${server.url}/djaffar.js`, (route) =>
    route.fulfill({ contentType: "text/javascript", body: script }),
  );
  return { context, batches, ids: () => batches.flatMap((batch) => activitiesOf(batch).map(({ id }) => id)) };
}

const activitiesOf = (request) => JSON.parse(request.postData()).activities;

async function open(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

const push = (page, path) => page.evaluate((path) => history.pushState(null, "", path), path);

/** How many activities wait in the page's storage. */
const waiting = (page) =>
  page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("/logs/batch ")).length);

/** Returns when the server has acknowledged all. */
const acknowledged = (page) =>
  page.waitForFunction(() => !Object.keys(localStorage).some((key) => key.includes("/logs/batch ")));

test("a view for each route, and what the page logs", async () => {
  const { context, batches } = await visitor();
  const page = await open(context, `${server.url}/app/history/one?secret=1`);
  await push(page, "/app/history/two");
  await page.evaluate(() => {
    history.replaceState(null, "", "/app/history/three");
    history.replaceState({ scroll: 1 }, "", "/app/history/three?sort=name");
    djaffar.log("/app/history/buy", { name: "click", properties: { price: 7 }, referer: "/shop" });
    djaffar.log();
  });
  await page.goBack();
  await page.waitForURL(/one/);
  await acknowledged(page);
  const activities = await server.activities("/app/history/");
  const seen = activities.map(({ path, referer, name }) => [path.split("/").at(-1), referer, name]);
  const at = (path) => `${server.url}/app/history/${path}`;
  assert.deepEqual(seen, [
    ["one", null, "view"],
    ["two", at("one"), "view"],
    ["three", at("two"), "view"],
    ["buy", "/shop", "click"],
    ["three", null, "view"],
    ["one", at("three"), "view"],
  ]);
  assert.deepEqual(activities[3].properties, { price: 7 });
  assert.equal(batches.length, 1);
  assert.match(batches[0].headers()["content-type"], /^text\/plain/);
  for (const { id, date } of activitiesOf(batches[0])) {
    assert.match(id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-8[\da-f]{3}-[\da-f]{12}$/);
    assert.equal(parseInt(id.replace("-", "").slice(0, 12), 16), Date.parse(date));
  }
  assert.equal(new Set(activities.map(({ session }) => session.id)).size, 1);
  assert.equal((await context.cookies()).length, 1, "the session's");
  await context.close();
});

test("routes in the hash, and none by itself", async () => {
  const { context } = await visitor();
  const page = await open(context, `${server.url}/app/hash?data=data-hash`);
  await page.click("text=Two");
  await page.evaluate(() => (location.hash = "#/three"));
  await page.goBack();
  await page.waitForURL(/two$/);
  await page.goto(`${server.url}/app/hash/manual?data=data-manual`);
  await push(page, "/app/hash/ignored");
  await page.evaluate(() => djaffar.log("/app/hash/own"));
  await acknowledged(page);
  const expected = ["", "#/two", "#/three", "#/two", "/own"].map((it) => `/app/hash${it}`);
  assert.deepEqual(await server.paths("/app/hash"), expected);
  await context.close();
});

test("a module", async () => {
  const { context } = await visitor();
  const page = await open(context, `${server.url}/app/module?data=data-manual`);
  await page.evaluate(async () => {
    const { start } = await import("/djaffar.mjs");
    start({ automation: true }).log("/app/module/own");
  });
  await acknowledged(page);
  assert.deepEqual(await server.paths("/app/module"), ["/app/module", "/app/module/own"]);
  await context.close();
});

test("offline, a reload, online again: all once", async () => {
  const { context, ids } = await visitor();
  const page = await open(context, `${server.url}/app/offline/1`);
  await acknowledged(page);
  await context.setOffline(true);
  for (const number of [2, 3, 4]) await push(page, `/app/offline/${number}`);
  await page.evaluate(() => {
    for (let number = 5; number < 130; number++) djaffar.log(`/app/offline/${number}`);
  });
  await page.reload();
  assert.equal(await waiting(page), 129, "the reloaded page is seen once more");
  assert.equal(ids().length, 1);
  await context.setOffline(false);
  await acknowledged(page);
  const expected = Array.from({ length: 129 }, (_, index) => `/app/offline/${index + 1}`);
  expected.push("/app/offline/4");
  const numeric = (one, other) => one.localeCompare(other, undefined, { numeric: true });
  assert.deepEqual((await server.paths("/app/offline/")).sort(numeric), expected.sort(numeric));
  assert.equal(new Set(ids()).size, ids().length);
  await context.close();
});

test("what is queued is bounded, and the oldest go", async () => {
  const { context } = await visitor();
  const page = await open(context, `${server.url}/app/bound?data=data-manual`);
  await context.setOffline(true);
  await page.evaluate(() => {
    for (let number = 0; number < 510; number++) djaffar.log(`/app/bound/${number}`);
    djaffar.log("/app/bound/large", { properties: { text: "€".repeat(25_000) } });
  });
  const paths = await page.evaluate(() =>
    Object.keys(localStorage).sort().map((key) => JSON.parse(localStorage[key]).path),
  );
  assert.deepEqual([paths.length, paths[0], paths.at(-1)], [500, "/app/bound/10", "/app/bound/509"]);
  await context.close();
});

test("two tabs take turns and send nothing twice", async () => {
  const { context, batches, ids } = await visitor();
  const url = `${server.url}/app/tabs?data=data-manual`;
  const tabs = [await open(context, url), await open(context, url)];
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await context.route("**/logs/batch", async (route) => {
    await held;
    await route.continue();
  });
  const log = (tab) =>
    tabs[tab].evaluate((tab) => {
      for (let number = 0; number < 10; number++) djaffar.log(`/app/tabs/${tab}/${number}`);
    }, tab);
  const first = context.waitForEvent("request");
  await log(0);
  await first;
  await log(1);
  const locks = await tabs[1].evaluate(async () => {
    const { held, pending } = await navigator.locks.query();
    return [held.length, pending.length];
  });
  assert.deepEqual(locks[0], 1);
  assert.ok(locks[1] >= 1, "the other tab waits");
  assert.equal(batches.length, 1);
  release();
  for (const tab of tabs) await acknowledged(tab);
  assert.equal(new Set((await server.paths("/app/tabs/"))).size, 20);
  assert.equal((await server.paths("/app/tabs/")).length, 20);
  assert.equal(ids().length, 20);
  await context.close();
});

test("a page of another site keeps its visitor without a cookie", async () => {
  const { context, batches } = await visitor();
  const page = await open(context, `${pages.url}/cross/1`);
  await acknowledged(page);
  await page.goto(`${pages.url}/cross/2`);
  await acknowledged(page);
  const activities = await server.activities("/cross/");
  assert.deepEqual(activities.map(({ path }) => path), ["/cross/1", "/cross/2"]);
  assert.equal(activities[0].session.id, activities[1].session.id);
  assert.deepEqual(await context.cookies(), []);
  for (const batch of batches) {
    assert.equal(batch.method(), "POST", "no preflight");
    assert.equal((await batch.allHeaders()).cookie, undefined);
  }
  await context.close();
});

test("who asks not to be tracked is not, nor is a program", async () => {
  for (const [name, value] of [["globalPrivacyControl", true], ["doNotTrack", "1"]]) {
    const { context } = await visitor();
    const define = ([name, value]) => Object.defineProperty(Navigator.prototype, name, { get: () => value });
    await context.addInitScript(define, [name, value]);
    const page = await open(context, `${server.url}/app/asked`);
    await page.evaluate(() => djaffar.log("/app/asked/own"));
    assert.equal(await waiting(page), 0);
    await page.goto(`${server.url}/app/asked?data=data-everybody`);
    assert.equal(await waiting(page), 1);
    await context.close();
  }
  const { context } = await visitor();
  const page = await open(context, `${server.url}/app/program`);
  assert.equal(await waiting(page), 1);
  await context.route("**/app/program", (route) =>
    route.fulfill({ contentType: "text/html", body: `<script src="${server.url}/djaffar.js"></script>` }),
  );
  await acknowledged(page);
  await page.reload();
  await page.evaluate(() => djaffar.log());
  assert.equal(await waiting(page), 0);
  await context.close();
});

test("a token says who it is, and is asked for anew when it is refused", async () => {
  const { context, batches } = await visitor();
  const page = await open(context, `${pages.url}/token/1?data=data-token=bearer`);
  await page.evaluate((token) => (localStorage.bearer = token), USER_TOKEN);
  await acknowledged(page);
  await page.evaluate((good) => {
    window.asked = [];
    djaffar.identify(async (wasRefused) => {
      window.asked.push(wasRefused);
      return wasRefused ? good : "djf_expired";
    });
    djaffar.log("/token/2");
  }, USER_TOKEN);
  await acknowledged(page);
  assert.deepEqual(await page.evaluate(() => window.asked), [false, true]);

  const refused = batches.length + 2;
  await page.evaluate(() => {
    djaffar.identify(() => "djf_revoked");
    for (let number = 3; number < 13; number++) djaffar.log(`/token/${number}`);
  });
  while (batches.length < refused) await context.waitForEvent("request");
  await (await batches[refused - 1].response()).finished();
  assert.equal(await waiting(page), 10, "they are kept");
  await page.evaluate((token) => djaffar.identify(token), USER_TOKEN);
  await acknowledged(page);
  const activities = await server.activities("/token/");
  assert.equal(activities.length, 12);
  assert.ok(activities.every(({ user }) => user?.username === "jeff"));
  await context.close();
});

test("a batch that is refused is halved until the bad one is found", async () => {
  const { context } = await visitor();
  const page = await open(context, `${server.url}/app/halves?data=data-manual`);
  await page.evaluate((endpoint) => {
    localStorage[`${endpoint} 0`] = "no JSON";
    for (let number = 0; number < 10; number++) djaffar.log(`/app/halves/${number}`);
  }, `${server.url}/logs/batch`);
  await acknowledged(page);
  assert.equal((await server.paths("/app/halves/")).length, 10);
  await context.close();
});

test("the server's wish to be left alone is honoured", async () => {
  const { context, batches } = await visitor();
  let isBusy = true;
  await context.route("**/logs/batch", (route) =>
    isBusy ? route.fulfill({ status: 503, headers: { "retry-after": "2" } }) : route.continue(),
  );
  const page = await open(context, `${server.url}/app/busy?data=data-manual`);
  const log = () => page.evaluate(() => Array.from({ length: 10 }, () => djaffar.log("/app/busy")));
  const answered = context.waitForEvent("response");
  await log();
  await (await answered).finished();
  isBusy = false;
  const refusedAt = Date.now();
  await log();
  await context.waitForEvent("request");
  assert.ok(Date.now() - refusedAt >= 1_900);
  await acknowledged(page);
  assert.equal((await server.paths("/app/busy")).length, 20);
  assert.equal(batches.length, 2);
  await context.close();
});

test("a tab closed at once, a lost answer, a dead server, a page opened later: all once", async () => {
  const { context } = await visitor();
  const first = await open(context, `${pages.url}/dead/1`);
  const sent = context.waitForEvent("requestfinished");
  await first.close({ runBeforeUnload: true });
  await sent;
  assert.deepEqual(await server.paths("/dead/"), ["/dead/1"], "sent while the page is being closed");

  const second = await open(context, `${pages.url}/dead/2`);
  const lost = context.waitForEvent("requestfailed");
  await context.route("**/logs/batch", async (route) => {
    await route.fetch();
    await route.abort();
  });
  await second.evaluate(() => {
    for (let number = 0; number < 10; number++) djaffar.log(`/dead/lost/${number}`);
  });
  await lost;
  await context.unroute("**/logs/batch");
  await server.kill();
  await second.evaluate(() => djaffar.log("/dead/later"));
  await second.close({ runBeforeUnload: true });

  await server.start();
  const third = await open(context, `${pages.url}/dead/3`);
  await acknowledged(third);
  const paths = await server.paths("/dead/");
  const lostPaths = Array.from({ length: 10 }, (_, number) => `/dead/lost/${number}`);
  assert.deepEqual(paths, ["/dead/1", "/dead/2", ...lostPaths, "/dead/later", "/dead/3"]);
  await context.close();
});
