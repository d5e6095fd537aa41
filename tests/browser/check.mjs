// Opens reports from disk in Chromium, wide and narrow, light and dark, with scripts and without, and checks what only a
// browser knows: no errors, no requests, every chart drawn, where there are charts, no text on another, nothing wider than
// the page, tables sort, the Gantt zooms.
//
//   node check.mjs SCREENSHOTS REPORT…      CHROMIUM=/usr/bin/chromium
//
// Writes a screenshot of each page and scheme into SCREENSHOTS; exits with 1 and a line per fault.
import { mkdirSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

// From the folder that it was installed in, which is the present one.
const { chromium } = createRequire(`${process.cwd()}/`)("playwright-core");

const [screenshots, ...folders] = process.argv.slice(2);
if (folders.length === 0) {
  console.error("usage: node check.mjs SCREENSHOTS REPORT…");
  process.exit(2);
}
mkdirSync(screenshots, { recursive: true });
const faults = [];

/** What is wrong with the page as it lies there: runs in the browser. */
function inspect() {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.body.querySelectorAll("*")].filter(
      (element) => element.getBoundingClientRect().right > root.clientWidth + 1 && !element.closest(".table, svg"),
    );
    const names = wide.slice(0, 3).map((element) => `${element.tagName}.${element.className}`);
    found.push(`the page is ${root.scrollWidth} px wide on ${root.clientWidth}: ${names.join(", ")}`);
  }
  let drawn = 0;
  for (const figure of document.querySelectorAll("figure")) {
    const shown = [...figure.querySelectorAll("svg.chart")].filter((svg) => svg.getBoundingClientRect().width > 0);
    const name = figure.id;
    if (shown.length !== 1) found.push(`${name}: ${shown.length} drawings are shown`);
    for (const svg of shown) {
      drawn += 1;
      const box = svg.getBoundingClientRect();
      if (box.height < 20) found.push(`${name}: is ${box.height} px high`);
      if (svg.querySelectorAll("rect, polyline, polygon, path, circle").length < 2) found.push(`${name}: is empty`);
      if (!svg.querySelector("title")?.textContent || svg.getAttribute("role") !== "img") found.push(`${name}: says not what it is`);
      const size = (14 * box.width) / svg.viewBox.baseVal.width;
      const unit = svg.viewBox.baseVal.width > 1000 ? size * 4 : size;
      if ((unit * 11) / 14 < 8.5) found.push(`${name}: text is ${((unit * 11) / 14).toFixed(1)} px high`);
      const texts = [...svg.querySelectorAll("text")].map((text) => [text.textContent.trim(), text.getBoundingClientRect()]);
      texts.forEach(([text, a], at) => {
        if (a.left < box.left - 1 || a.right > box.right + 1 || a.top < box.top - 1 || a.bottom > box.bottom + 1) {
          found.push(`${name}: “${text}” stands beyond the edge`);
        }
        for (const [other, b] of texts.slice(at + 1)) {
          const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          // Lines of text have room above and below their letters.
          if (across > 0.5 && down > Math.min(a.height, b.height) * 0.25) found.push(`${name}: “${text}” and “${other}” overlap`);
        }
      });
    }
  }
  return { found, drawn };
}

/** Sorts every table by every column, twice: runs in the browser. */
function sortTables() {
  const found = [];
  for (const table of document.querySelectorAll("table.sortable")) {
    const rows = table.tBodies[0].rows.length;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      for (const order of ["ascending", "descending"]) {
        head.click();
        if (head.getAttribute("aria-sort") !== order) found.push(`${head.textContent}: is not sorted ${order}`);
        const cells = [...table.tBodies[0].rows].map((row) => row.cells[column]);
        const numbers = cells.filter((cell) => cell.dataset.sort !== undefined).map((cell) => Number(cell.dataset.sort));
        const falls = (a, b) => (order === "ascending" ? a > b : a < b);
        if (numbers.some((number, at) => at > 0 && falls(numbers[at - 1], number))) found.push(`${head.textContent}: is out of order`);
      }
    });
    if (table.tBodies[0].rows.length !== rows) found.push("sorting loses rows");
  }
  return found;
}

/** Zooms the Gantt in, moves it, and shows the whole again. */
async function zoom(page) {
  const found = [];
  for (const figure of await page.locator("figure.zooms").all()) {
    const look = () =>
      figure.evaluate((figure) => {
        const svg = [...figure.querySelectorAll("svg.chart")].find((svg) => svg.getBoundingClientRect().width > 0);
        return [svg.querySelector(".bars").getAttribute("transform") ?? "", svg.querySelector(".ticks").textContent.replace(/\s+/g, " ")];
      });
    const before = await look();
    await figure.getByRole("button", { name: "Zoom in" }).click();
    await figure.getByRole("button", { name: "Zoom in" }).click();
    const near = await look();
    if (!near[0].includes("scale(4") || near[1] === before[1]) found.push(`it does not zoom: ${near}`);
    await figure.getByRole("button", { name: "Later" }).click();
    if ((await look())[0] === near[0]) found.push("it does not move");
    found.push(...(await page.evaluate(inspect)).found.map((fault) => `zoomed: ${fault}`));
    await figure.getByRole("button", { name: "Show the whole run" }).click();
    if ((await look())[1] !== before[1]) found.push("it does not show the whole again");
  }
  return found;
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
for (const folder of folders) {
  const name = basename(resolve(folder));
  const url = pathToFileURL(join(resolve(folder), "index.html")).href;
  const hasCharts = readdirSync(join(folder, "charts")).length > 0;
  for (const width of [1200, 400]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const javaScriptEnabled of [true, false]) {
        if (!javaScriptEnabled && colorScheme === "dark") continue;
        const scripts = javaScriptEnabled ? "" : ", no scripts";
        const fault = (text) => faults.push(`${name} at ${width} px, ${colorScheme}${scripts}: ${text}`);
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme, javaScriptEnabled });
        const page = await context.newPage();
        page.on("console", (message) => ["error", "warning"].includes(message.type()) && fault(`console: ${message.text()}`));
        page.on("pageerror", (error) => fault(`error: ${error.message}`));
        page.on("request", (request) => request.url() !== url && !request.url().startsWith("data:") && fault(`request: ${request.url()}`));
        await page.goto(url);
        const { found, drawn } = await page.evaluate(inspect);
        found.forEach(fault);
        if (hasCharts && drawn === 0) fault("no chart is drawn");
        if (!hasCharts && drawn > 0) fault("charts are drawn, and charts/ is empty");
        if (javaScriptEnabled) {
          const path = join(screenshots, `${name}-${width}-${colorScheme}.png`);
          await page.screenshot({ path, fullPage: true });
          (await zoom(page)).forEach(fault);
          (await page.evaluate(sortTables)).forEach(fault);
        }
        await context.close();
      }
    }
  }
}
await browser.close();
faults.forEach((fault) => console.log(fault));
console.log(`${folders.length} reports, ${faults.length} faults`);
process.exit(faults.length > 0 ? 1 : 0);
