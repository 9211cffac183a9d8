// Opens a page in headless Chromium as each reader does and prints, as JSON, what each found.
// Arguments: the program of Chromium, the page's URL, and optionally a folder for screenshots.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "script.mjs"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");
const [program, url, folder] = process.argv.slice(2);
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const screens = { desktop: { width: 1280, height: 900 }, phone: { width: 360, height: 740 } };

const browser = await chromium.launch({ executablePath: program, args: ["--no-sandbox", "--disable-gpu"] });
const found = {};
for (const colorScheme of ["light", "dark"]) {
  for (const [screen, viewport] of Object.entries(screens)) {
    const context = await browser.newContext({ colorScheme, viewport });
    const page = await context.newPage();
    const requests = [];
    const complaints = [];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    if (folder) await page.screenshot({ path: path.join(folder, `${colorScheme}-${screen}.png`), fullPage: true });
    for (const summary of await page.locator("summary").all()) await summary.click();
    await page.evaluate(axe);
    const result = await page.evaluate((values) => globalThis.axe.run(document, { runOnly: { type: "tag", values } }), tags);
    found[`${colorScheme} ${screen}`] = {
      rules: result.passes.length,
      violations: result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).join(" | ")}`),
      requests,
      complaints,
      overflow: await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
      title: await page.title(),
      ground: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
    };
    if (screen === "desktop") {
      await page.fill("#tool-search-text", "no such tool anywhere");
      const none = await page.locator("[data-tool]:visible").count();
      await page.fill("#tool-search-text", "ECHO");
      found[`${colorScheme} ${screen}`].search = {
        none,
        echo: await page.locator("[data-tool]:visible h3").allTextContents(),
        told: await page.textContent("#tool-search-found"),
      };
    }
    await context.close();
  }
}
const plain = await browser.newContext({ javaScriptEnabled: false, viewport: screens.desktop });
const page = await plain.newPage();
await page.goto(url);
found["without a script"] = {
  tools: await page.locator("[data-tool]:visible").count(),
  search: await page.locator("#tool-search:visible").count(),
};
await browser.close();
process.stdout.write(JSON.stringify(found));
