// Drives Chromium through pages that carry the tracker, against the real program: node tracker.mjs PROGRAM
//
// DJAFFAR_DATABASE_URL names a database that has two users; STAFF_TOKEN reads it, USER_TOKEN is jeff's, PASSWORD too.
// DEMO_URL is that of a program in development mode, on the same database.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "playwright-core";
import { watch } from "./chromium.mjs";

const { DEMO_URL, PASSWORD, STAFF_TOKEN, USER_TOKEN } = process.env;

/** For what takes a moment, on a machine that has other things to do. */
const TIMEOUT = 25_000;

/** What the tokens of the pages' application are signed with. */
const secret = randomBytes(32).toString("hex");
const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token of that application, each time another one; its subject takes all there is in base64url. */
function jwt(name, seconds = 600) {
  const claims = {
    sub: `${name} ?>?>?> ü`,
    name,
    aud: "djaffar",
    exp: Math.floor(Date.now() / 1_000) + seconds,
    jti: randomUUID(),
  };
  const signed = `${base64url({ alg: "HS256", typ: "JWT" })}.${base64url(claims)}`;
  assert.match(signed, /-/);
  assert.match(signed, /_/);
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/** The program, which can be killed and started again where it was. */
class Server {
  #process;
  url;

  async start() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    this.#process = spawn(process.argv[2], ["serve", "--listen", listen], {
      env: {
        ...process.env,
        DJAFFAR_LOG_FORMAT: "json",
        DJAFFAR_TRACKER_ORIGINS: pages.url,
        DJAFFAR_JWT_KEY_FILE: join(folder, "secret"),
        DJAFFAR_JWT_AUDIENCE: "djaffar",
      },
      stdio: ["ignore", "inherit", "pipe"],
    });
    for await (const line of createInterface(this.#process.stderr)) {
      const { message, url } = JSON.parse(line);
      if (message === "serving") {
        this.url = url;
        this.#process.stderr.pipe(process.stderr);
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
    // As the README asks for.
    const policy = `default-src 'none'; img-src data:; script-src ${server.url}; connect-src ${server.url}`;
    response.setHeader("content-security-policy", policy);
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

const html = ({ searchParams }) => {
  const automation = searchParams.has("program") ? "" : "data-automation";
  return `<!doctype html><title>A page</title><link rel="icon" href="data:,"><a href="#/two">Two</a>
    <script defer src="${server.url}/djaffar.js" ${automation} ${searchParams.get("data") ?? ""}></script>`;
};

const pages = new Pages();
const server = new Server();
let folder;
let browser;
let script;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "tracker-"));
  await writeFile(join(folder, "secret"), secret);
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
  await rm(folder, { recursive: true });
});

/** A visitor with an empty profile, and what their pages have sent. */
async function visitor() {
  const context = await browser.newContext();
  context.setDefaultTimeout(TIMEOUT);
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

/** Closes a tab as a user does, so that the page is told. */
async function leave(page) {
  const closed = page.waitForEvent("close");
  await page.close({ runBeforeUnload: true });
  await closed;
}

/** Goes on by a link, as a user does. */
async function follow(page, url) {
  await page.evaluate((url) => {
    const link = document.createElement("a");
    link.href = url;
    document.body.append(link);
    link.click();
  }, url);
  await page.waitForURL(url);
}

const push = (page, path) => page.evaluate((path) => history.pushState(null, "", path), path);

/** How many activities wait in the page's storage. */
const waiting = (page) =>
  page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("/logs/batch ")).length);

/** Returns when the server has acknowledged all. */
const acknowledged = (page) =>
  page.waitForFunction(() => !Object.keys(localStorage).some((key) => key.includes("/logs/batch ")));

/** Returns when something is so that no page tells of. */
async function until(isSo) {
  const end = Date.now() + TIMEOUT;
  while (!(await isSo())) {
    assert.ok(Date.now() < end, `not within ${TIMEOUT} ms: ${isSo}`);
    await sleep(100);
  }
}

/** Returns when it is known whose all is that waits. */
const settled = (page) =>
  page.waitForFunction(() => !Object.keys(localStorage).some((key) => / \w{32}0\.\d+(e-\d+)?$/.test(key)));

/** Nothing happens by itself any more, after three seconds or any other time. */
const stopTimers = (context) => context.addInitScript(() => (window.setTimeout = () => 1));

/** Tells a page that it is looked at, or no more; headless, all are always looked at. */
const look = (page, isHidden) =>
  page.evaluate((isHidden) => {
    Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
  }, isHidden);

/** Returns when each request that a page has made until now is known. */
async function heard(page) {
  const asked = page.waitForRequest(/heard$/);
  await page.evaluate(() => fetch("/app/heard"));
  await asked;
}

/** Lets the batches that are meant wait until they are released. */
async function hold(context, isMeant = () => true) {
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await context.route("**/logs/batch", async (route) => {
    if (isMeant(route.request())) await held;
    await route.continue();
  });
  return release;
}

describe("each visitor for themselves", { concurrency: 4, timeout: 8 * TIMEOUT }, () => {
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
    const at = (path) => `/app/history/${path}`;
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
      assert.match(id, /^[\da-f]{12}7[\da-f]{3}8[\da-f]{15}$/);
      assert.equal(parseInt(id.slice(0, 12), 16), Date.parse(date));
    }
    assert.equal(new Set(activities.map(({ session }) => session.id)).size, 1);
    assert.equal((await context.cookies()).length, 1, "the session's");
    await context.close();
  });

  test("own pages are no hosts that users come from", async () => {
    const { context } = await visitor();
    const page = await open(context, `${pages.url}/from?data=data-manual`);
    await follow(page, `${server.url}/app/from/1?secret=1`);
    await follow(page, `${server.url}/app/from/2`);
    await acknowledged(page);
    const seen = (await server.activities("/app/from/")).map(({ path, referer }) => [path, referer]);
    assert.deepEqual(seen, [
      ["/app/from/1", `${pages.url}/`],
      ["/app/from/2", "/app/from/1"],
    ]);
    await context.close();
  });

  test("loaded twice, it sees everything once", async () => {
    const { context } = await visitor();
    const page = await open(context, `${server.url}/app/twice/1`);
    await page.evaluate(async () => {
      window.first = djaffar;
      const script = document.createElement("script");
      script.src = document.querySelector("script").src;
      script.dataset.automation = "";
      document.body.append(script);
      await new Promise((resolve) => (script.onload = resolve));
    });
    await push(page, "/app/twice/2");
    await acknowledged(page);
    assert.deepEqual(await server.paths("/app/twice/"), ["/app/twice/1", "/app/twice/2"]);
    assert.ok(await page.evaluate(() => window.first === djaffar));
    await context.close();
  });

  test("a page that is made ready in advance is seen when it is", async () => {
    const { context } = await visitor();
    await context.addInitScript(() => {
      Object.defineProperty(document, "prerendering", { value: true, configurable: true });
    });
    const page = await open(context, `${server.url}/app/ready`);
    await page.evaluate(() => djaffar.log("/app/ready/own"));
    assert.equal(await waiting(page), 0);
    const shownAt = await page.evaluate(() => {
      const now = Date.now();
      Object.defineProperty(document, "prerendering", { value: false });
      document.dispatchEvent(new Event("prerenderingchange"));
      return now;
    });
    await acknowledged(page);
    const activities = await server.activities("/app/ready");
    assert.deepEqual(activities.map(({ path }) => path), ["/app/ready", "/app/ready/own"]);
    assert.ok(activities.every(({ date }) => Date.parse(date) >= shownAt));
    await context.close();
  });

  test("routes in the hash, and none by itself", async () => {
    const { context } = await visitor();
    const page = await open(context, `${server.url}/app/hash?data=data-hash`);
    await page.click("text=Two");
    await page.evaluate(() => (location.hash = "#/three"));
    await page.goBack();
    await page.waitForURL(/two$/);
    await page.evaluate(() => (location.hash = "#/reset?token=secret"));
    await page.evaluate(() => (location.hash = "#id_token=secret"));
    await page.goto(`${server.url}/app/hash/manual?data=data-manual`);
    await push(page, "/app/hash/ignored");
    await page.evaluate(() => djaffar.log("/app/hash/own"));
    await acknowledged(page);
    const expected = ["", "#/two", "#/three", "#/two", "#/reset", "#id_token", "/own"].map((it) => `/app/hash${it}`);
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
    const release = await hold(context);
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
    const paths = await server.paths("/app/tabs/");
    assert.deepEqual([paths.length, new Set(paths).size], [20, 20]);
    // What one tab has removed is gone in the other a moment later, which may be a long one on a busy machine.
    const again = ids().length - new Set(ids()).size;
    assert.ok(again === 0 || again === 10, `${again} sent twice`);
    await context.close();
  });

  test("who looks away has all sent at once, and who comes back nothing twice", async () => {
    const { context, batches } = await visitor();
    await stopTimers(context);
    const url = `${server.url}/app/away?data=data-manual`;
    const [one, other] = [await open(context, url), await open(context, url)];
    const release = await hold(context);
    await one.evaluate(() => ["1", "2", "3"].forEach((it) => djaffar.log(`/app/away/${it}`)));
    await heard(one);
    assert.equal(batches.length, 0);
    const sent = context.waitForEvent("request");
    await look(one, true);
    await sent;
    assert.equal(activitiesOf(batches[0]).length, 3);
    await other.waitForFunction(() => Object.keys(localStorage).length === 3);
    await look(other, false);
    await heard(other);
    assert.equal(batches.length, 1);
    release();
    await acknowledged(one);
    assert.equal((await server.paths("/app/away/")).length, 3);
    await context.close();
  });

  test("what is on its way is not sent by the side of it", async () => {
    const { context, batches } = await visitor();
    await stopTimers(context);
    const page = await open(context, `${server.url}/app/side?data=data-manual`);
    const release = await hold(context, (request) => activitiesOf(request).length === 10);
    const full = context.waitForEvent("request");
    await page.evaluate(() => Array.from({ length: 10 }, (_, it) => djaffar.log(`/app/side/${it}`)));
    await full;
    await page.evaluate(() => djaffar.log("/app/side/more"));
    await look(page, true);
    await page.waitForFunction(() => Object.keys(localStorage).length === 10);
    await look(page, true);
    await heard(page);
    assert.deepEqual(batches.map((batch) => activitiesOf(batch).length), [10, 1]);
    release();
    await acknowledged(page);
    assert.equal((await server.paths("/app/side/")).length, 11);
    await context.close();
  });

  test("a page of another site keeps its visitor without a cookie", async () => {
    const { context, batches } = await visitor();
    const page = await context.newPage();
    const faults = [];
    await watch(page, pages.url, faults);
    page.setDefaultTimeout(TIMEOUT);
    await page.goto(`${pages.url}/cross/1`);
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
    assert.deepEqual(faults.filter((fault) => !fault.startsWith(`request to ${server.url}/`)), []);
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
    const page = await open(context, `${server.url}/app/program?program`);
    assert.equal(await page.evaluate(() => navigator.webdriver), true);
    await page.evaluate(() => djaffar.log());
    assert.equal(await waiting(page), 0);
    await page.goto(`${server.url}/app/program`);
    assert.equal(await waiting(page), 1);
    await context.close();
  });

  test("a token says who it is, and is asked for anew when it is refused", async () => {
    const { context, batches } = await visitor();
    const page = await open(context, `${pages.url}/token/1?data=data-token=bearer`);
    await page.evaluate((token) => (localStorage.bearer = token), USER_TOKEN);
    await acknowledged(page);
    const renew = ([expired, good]) => {
      window.asked = [];
      djaffar.identify(async (wasRefused) => {
        window.asked.push(wasRefused);
        return wasRefused ? good : expired;
      });
      djaffar.log("/token/2");
    };
    await page.evaluate(renew, [jwt("token-jill", -600), jwt("token-jill")]);
    await acknowledged(page);
    assert.deepEqual(await page.evaluate(() => window.asked), [false, true]);

    const refused = batches.length + 3;
    await page.evaluate(() => {
      djaffar.identify(() => "djf_revoked");
      for (let number = 3; number < 13; number++) djaffar.log(`/token/${number}`);
    });
    while (batches.length < refused) await context.waitForEvent("request");
    assert.equal(activitiesOf(batches[refused - 1]).length, 10, "they are kept, and tried again");
    await page.evaluate((token) => djaffar.identify(token), USER_TOKEN);
    await acknowledged(page);
    const activities = await server.activities("/token/");
    assert.equal(activities.length, 12);
    const users = activities.map(({ user }) => user?.username);
    assert.deepEqual(users.slice(0, 2), ["jeff", "token-jill"]);
    assert.ok(users.slice(2).every((it) => it === undefined), "whose the other token was, nobody knows");
    await context.close();
  });

  test("what one user did is never told as another's", async () => {
    const { context } = await visitor();
    let page = await open(context, `${server.url}/app/owner/1`);
    const [ann, bob] = ["owner-ann", "owner-bob"];
    const identify = (name) => page.evaluate((token) => djaffar.identify(token), name && jwt(name));
    const log = (number) => page.evaluate((path) => djaffar.log(path), `/app/owner/${number}`);
    await identify(ann);
    await log(2);
    await acknowledged(page);
    await context.setOffline(true);
    // Who signs out and in while the network is gone, with tokens at once and with others that come later.
    await page.evaluate(
      ([ann, bob]) => {
        djaffar.log("/app/owner/3");
        djaffar.identify(null);
        djaffar.log("/app/owner/4");
        djaffar.identify(ann);
        djaffar.log("/app/owner/5");
        djaffar.identify(bob);
        djaffar.log("/app/owner/6");
      },
      [jwt(ann), jwt(bob)],
    );
    await page.evaluate((token) => djaffar.identify(async () => token), jwt(ann));
    await log(7);
    await settled(page);
    await page.evaluate((token) => djaffar.identify(async () => token), USER_TOKEN);
    await log(8);
    await settled(page);
    await identify(bob);
    const kept = await page.evaluate(() => JSON.stringify(localStorage));
    assert.equal(await waiting(page), 6);
    assert.ok(!kept.includes("eyJ") && !kept.includes(USER_TOKEN), "no token is kept");
    await context.setOffline(false);
    await acknowledged(page);

    const expected = [ann, ann, null, null, null, bob, null, null];
    const users = async () => (await server.activities("/app/owner/")).map(({ user }) => user?.username ?? null);
    assert.deepEqual(await users(), expected);

    // The same from page to page; and with a renewed token it is theirs still.
    await context.setOffline(true);
    await log(9);
    await page.reload();
    await page.evaluate(() => history.replaceState(null, "", "/app/owner/10"));
    await page.reload();
    await identify(ann);
    await log(11);
    await page.reload();
    await identify(bob);
    await context.setOffline(false);
    await acknowledged(page);
    const own = await server.activities("/app/owner/");
    assert.deepEqual(
      own.slice(8).map(({ path, user }) => [path.slice(11), user?.username ?? null]),
      [
        ["9", bob],
        ["1", null],
        ["10", null],
        ["10", null],
        ["11", null],
        ["10", bob],
      ],
    );
    await context.close();
  });

  test("what was done before it is known by whom belongs to the first who is", async () => {
    const { context } = await visitor();
    const page = await open(context, `${pages.url}/first/1`);
    await page.evaluate(
      ([ann, bob]) => {
        djaffar.identify(() => new Promise((resolve) => (window.late = () => resolve(ann))));
        djaffar.log("/first/2");
        window.bob = bob;
      },
      [jwt("first-ann"), jwt("first-bob")],
    );
    await page.waitForFunction(() => window.late);
    // Somebody else comes while that is awaited: the answer is too late, and is nobody's.
    await page.evaluate(() => {
      djaffar.identify(async () => window.bob);
      window.late();
      djaffar.log("/first/3");
    });
    await acknowledged(page);
    await page.evaluate(() => djaffar.log("/first/4"));
    await leave(page);
    await until(async () => (await server.paths("/first/")).length === 4);
    const activities = await server.activities("/first/");
    assert.deepEqual(activities.map(({ user }) => user?.username), Array(4).fill("first-bob"));
    await context.close();
  });

  test("a page that is closed asks nobody who it was", async () => {
    const { context } = await visitor();
    const page = await open(context, `${pages.url}/closed/1?data=data-manual`);
    await page.evaluate((token) => {
      const slowly = () => new Promise((resolve) => setTimeout(resolve, 60_000));
      let isAsked = false;
      djaffar.identify(() => {
        const answer = isAsked ? slowly() : token;
        isAsked = true;
        return answer;
      });
      djaffar.log("/closed/1");
    }, jwt("closed-ann"));
    await acknowledged(page);
    await page.evaluate(() => djaffar.log("/closed/2"));
    await leave(page);
    await until(async () => (await server.paths("/closed/")).length === 2);
    const activities = await server.activities("/closed/");
    assert.deepEqual(activities.map(({ user }) => user?.username), Array(2).fill("closed-ann"));
    await context.close();
  });

  test("half a character harms nothing", async () => {
    const { context } = await visitor();
    const page = await open(context, `${server.url}/app/half?data=data-manual`);
    await page.evaluate(() => {
      djaffar.log("/app/half/1 \ud83d", { name: "n\udc00", properties: { text: "t\ud83d", flag: true, none: null } });
      djaffar.log("/app/half/2");
    });
    await acknowledged(page);
    const [first, second] = await server.activities("/app/half/");
    assert.deepEqual([first.path, first.name], ["/app/half/1 \ufffd", "n\ufffd"]);
    assert.deepEqual(first.properties, { text: "t\ufffd", flag: true, none: null });
    assert.equal(second.path, "/app/half/2");
    await context.close();
  });

  test("a page that is brought back as it was is seen again", async () => {
    const { context } = await visitor();
    const page = await open(context, `${server.url}/app/back`);
    await page.evaluate(() => {
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
      dispatchEvent(new PageTransitionEvent("pageshow"));
    });
    await acknowledged(page);
    assert.deepEqual(await server.paths("/app/back"), ["/app/back", "/app/back"]);
    await context.close();
  });

  test("what is too large, or no JSON, is dropped, and the rest comes through", async () => {
    const { context, batches } = await visitor();
    const page = await open(context, `${server.url}/app/drop?data=data-manual`);
    await page.evaluate((endpoint) => {
      localStorage[`${endpoint} 0`] = "no JSON";
      dispatchEvent(new Event("online"));
    }, `${server.url}/logs/batch`);
    await acknowledged(page);
    await page.evaluate(() => {
      djaffar.log("/app/drop/1");
      djaffar.log("/app/drop/large", { properties: { text: "€".repeat(25_000) } });
      djaffar.log("/app/drop/2");
    });
    await acknowledged(page);
    assert.deepEqual(await server.paths("/app/drop/"), ["/app/drop/1", "/app/drop/2"]);
    const responses = await Promise.all(batches.map((batch) => batch.response()));
    assert.deepEqual(responses.map((response) => response.status()), [400, 200, 413, 200]);
    await context.close();
  });

  test("one that is refused takes no other with it", async () => {
    const { context, batches } = await visitor();
    const page = await open(context, `${server.url}/app/mixed?data=data-manual`);
    await page.evaluate(() => {
      djaffar.log("/app/mixed/1");
      const key = Object.keys(localStorage)[0];
      localStorage[key.replace(" 0", " 1")] = "no JSON";
      djaffar.log("/app/mixed/2");
      dispatchEvent(new Event("online"));
    });
    await acknowledged(page);
    assert.deepEqual(await server.paths("/app/mixed/"), ["/app/mixed/1", "/app/mixed/2"]);
    const responses = await Promise.all(batches.map((batch) => batch.response()));
    assert.deepEqual(responses.map((response) => response.status()).sort(), [200, 200, 400, 400]);
    await context.close();
  });

  test("a proxy that takes but little gets little", async () => {
    const { context } = await visitor();
    await context.route("**/logs/batch", (route) =>
      activitiesOf(route.request()).length > 2 ? route.fulfill({ status: 413 }) : route.continue(),
    );
    const page = await open(context, `${server.url}/app/strict?data=data-manual`);
    await page.evaluate(() => Array.from({ length: 10 }, () => djaffar.log("/app/strict")));
    await acknowledged(page);
    assert.equal((await server.paths("/app/strict")).length, 10);
    await context.close();
  });

  test("after each failure it waits for twice as long, and never for more than an hour", async () => {
    const { context, batches } = await visitor();
    let answer = { status: 500 };
    await context.route("**/logs/batch", (route) => (answer ? route.fulfill(answer) : route.continue()));
    // The clock stands still, so that it can be read how long is waited.
    await context.addInitScript(() => (Date.now = () => 1_800_000_000_000));
    const page = await open(context, `${server.url}/app/pause?data=data-manual`);
    const attempt = async () => {
      const handle = await page.waitForFunction(() => {
        const pause = localStorage["djaffar:wait"] - Date.now();
        return pause > 0 && pause;
      });
      const pause = await handle.jsonValue();
      await page.evaluate(() => (localStorage["djaffar:wait"] = 0));
      return pause;
    };
    const again = () => page.evaluate(() => dispatchEvent(new Event("online")));
    await page.evaluate(() => djaffar.log("/app/pause/1"));
    const times = [];
    for (let doubling = 0; doubling < 5; doubling++) {
      await again();
      times.push((await attempt()) / (500 << doubling));
    }
    assert.ok(times.every((it) => it >= 1 && it < 2), `${times}`);
    assert.equal(new Set(times).size, 5, "not all at the same time");
    answer = null;
    // As by a clock that was a year ahead.
    await page.evaluate(() => (localStorage["djaffar:wait"] = Date.now() + 365 * 86_400_000));
    await again();
    await acknowledged(page);
    answer = { status: 503, headers: { "retry-after": "1000000000" } };
    await page.evaluate(() => {
      localStorage["djaffar:wait"] = 0;
      djaffar.log("/app/pause/2");
    });
    await again();
    assert.equal(await attempt(), 3_600_000);
    assert.ok(batches.length >= 7);
    await context.close();
  });

  test("the server's wish to be left alone is honoured", async () => {
    const { context, batches } = await visitor();
    let isBusy = true;
    await context.route("**/logs/batch", (route) =>
      isBusy ? route.fulfill({ status: 503, headers: { "retry-after": "4" } }) : route.continue(),
    );
    const url = `${server.url}/app/busy?data=data-manual`;
    const page = await open(context, url);
    const log = (tab) => tab.evaluate(() => Array.from({ length: 10 }, () => djaffar.log("/app/busy")));
    const answered = context.waitForEvent("response");
    await log(page);
    await answered;
    const refusedAt = batches[0].timing().startTime;
    isBusy = false;
    // In a page to come, in another tab, by whoever it is.
    const free = await (await page.waitForFunction(() => +localStorage["djaffar:wait"])).jsonValue();
    assert.ok(free >= refusedAt + 4_000, `${free - refusedAt} ms`);
    await page.reload();
    await page.evaluate(() => djaffar.identify(null));
    const tab = await open(context, url);
    await log(tab);
    await leave(tab);
    await acknowledged(page);
    assert.equal((await server.paths("/app/busy")).length, 20);
    const early = batches.slice(1).map((batch) => batch.timing().startTime - free).filter((it) => it < -5);
    assert.deepEqual(early, []);
    await context.close();
  });
});

test("a tab closed at once, a lost answer, a dead server, a page opened later: all once", { timeout: 3 * TIMEOUT }, async () => {
  const { context } = await visitor();
  const first = await open(context, `${pages.url}/dead/1`);
  await leave(first);
  // Sent while the page was being closed: nobody is there to see the answer.
  await until(async () => (await server.paths("/dead/")).length === 1);

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
  await leave(second);

  await server.start();
  const third = await open(context, `${pages.url}/dead/3`);
  await acknowledged(third);
  const paths = await server.paths("/dead/");
  const lostPaths = Array.from({ length: 10 }, (_, number) => `/dead/lost/${number}`);
  assert.deepEqual(paths, ["/dead/1", "/dead/2", ...lostPaths, "/dead/later", "/dead/3"]);
  await context.close();
});

test("the demo", { timeout: 3 * TIMEOUT }, async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const faults = [];
  await watch(page, DEMO_URL, faults);
  page.setDefaultTimeout(TIMEOUT);
  await page.goto(`${DEMO_URL}/demo`);
  await page.getByText("Nobody is signed in").waitFor();
  for (const route of ["Tea", "Basket"]) {
    await page.getByRole("link", { name: route, exact: true }).click();
    await page.getByRole("heading", { name: route }).waitFor();
  }
  await page.goBack();
  await page.getByRole("heading", { name: "Tea" }).waitFor();
  await page.getByRole("button", { name: "Like" }).click();
  await page.getByLabel("User name").fill("jeff");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Nobody is signed in").waitFor({ state: "detached" });
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("You are jeff").waitFor();
  await page.locator("#events li").nth(4).waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("#events em")].every((it) => it.textContent === "stored"));
  await page.reload();
  await page.getByText("You are jeff").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("Nobody is signed in").waitFor();
  await acknowledged(page);
  assert.deepEqual(faults, []);
  const demo = new URL(page.url()).pathname;
  const seen = (await server.activities(demo)).map(({ path, name }) => [path.replace(demo, ""), name]);
  const views = ["", "#/tea", "#/basket", "#/tea"].map((path) => [path, "view"]);
  assert.deepEqual(seen, [...views, ["#/tea", "like"], ["#/tea", "view"]]);
  // Where it is nested, the console has no slash at its end.
  await page.getByRole("link", { name: "Open the console" }).click();
  await page.waitForURL(DEMO_URL);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await context.close();
});
