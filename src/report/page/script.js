"use strict";
// Tables that sort.
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent : Number(cell.dataset.sort);
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = (table, column) => {
    const heads = [...table.tHead.rows[0].cells];
    const falls = heads[column].getAttribute("aria-sort") === "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", falls ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, column), row]);
    const empty = rows.filter(([key]) => key === "");
    const full = rows.filter(([key]) => key !== "");
    full.sort(([a], [b]) => (falls ? compare(b, a) : compare(a, b)));
    table.tBodies[0].append(...[...full, ...empty].map(([, row]) => row));
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      head.tabIndex = 0;
      head.title = "Sort by this column";
      head.addEventListener("click", () => sort(table, column));
      head.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          sort(table, column);
        }
      });
    });
  }
})();
// Charts that zoom: bars are stretched, marks move, ticks are written anew.
(() => {
  const STEPS = [0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 604800];
  const words = (seconds) => {
    if (seconds < 1e-9) return "0";
    const whole = Math.floor(seconds + 1e-9);
    const rest = Math.round((seconds - whole) * 1000);
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const last = rest ? `${(s + rest / 1000).toString()}s` : s ? `${s}s` : "";
    return `${h ? `${h}h` : ""}${m ? `${m}m` : ""}${last}`;
  };
  const element = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const zoomable = (svg) => {
    const plot = svg.querySelector(".plot");
    const [bars, ticks] = [plot.querySelector(".bars"), svg.querySelector(".ticks")];
    const marks = [...plot.querySelectorAll("[data-x]")];
    const [left, right, end] = ["left", "right", "until"].map((key) => Number(plot.dataset[key]));
    const [top, bottom] = [Number(ticks.dataset.top), Number(ticks.dataset.bottom)];
    const whole = ticks.innerHTML;
    const label = ticks.querySelector("text");
    let [from, until] = [0, end];
    const draw = () => {
      const scale = end / (until - from);
      const shift = left - (left + (from / end) * (right - left)) * scale;
      bars.setAttribute("transform", `translate(${shift} 0) scale(${scale} 1)`);
      for (const mark of marks) mark.setAttribute("transform", `translate(${shift + Number(mark.dataset.x) * scale} 0)`);
      if (scale === 1) {
        ticks.innerHTML = whole;
        return;
      }
      ticks.replaceChildren();
      const most = (right - left) / 90;
      const step = STEPS.find((step) => (until - from) / step <= most) ?? STEPS[STEPS.length - 1];
      for (let at = Math.ceil(from / step - 1e-9); at * step <= until + 1e-9; at += 1) {
        const x = left + ((at * step - from) / (until - from)) * (right - left);
        const stroke = "#E4E7EB";
        ticks.append(element("path", { d: `M${x} ${top}V${bottom}`, stroke }));
        const text = label.cloneNode();
        const isLast = x > right - 24;
        text.setAttribute("x", isLast ? right + 12 : x);
        text.setAttribute("text-anchor", isLast ? "end" : "middle");
        text.textContent = words(at * step);
        ticks.append(text);
      }
    };
    const set = (start, length) => {
      const span = Math.min(end, Math.max(length, end / 2000));
      from = Math.min(Math.max(0, start), end - span);
      until = from + span;
      draw();
    };
    const zoom = (factor, at = (from + until) / 2) => set(at - (at - from) * factor, (until - from) * factor);
    const move = (share) => set(from + (until - from) * share, until - from);
    // From a place on the screen to a time.
    const time = (x) => {
      const box = svg.getBoundingClientRect();
      const place = ((x - box.left) / box.width) * svg.viewBox.baseVal.width;
      return from + ((place - left) / (right - left)) * (until - from);
    };
    const pointers = new Map();
    plot.style.touchAction = "pan-y";
    plot.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, time(event.clientX));
    }, { passive: false });
    plot.addEventListener("dblclick", (event) => zoom(0.5, time(event.clientX)));
    plot.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, event.clientX);
      plot.setPointerCapture(event.pointerId);
    });
    plot.addEventListener("pointermove", (event) => {
      if (!pointers.has(event.pointerId)) return;
      const before = [...pointers.values()];
      pointers.set(event.pointerId, event.clientX);
      const now = [...pointers.values()];
      if (now.length === 2) {
        const [was, is] = [Math.abs(before[0] - before[1]), Math.abs(now[0] - now[1])];
        if (is > 4) zoom(was / is, time((now[0] + now[1]) / 2));
      } else {
        const shift = time(before[0]) - time(now[0]);
        set(from + shift, until - from);
      }
    });
    for (const name of ["pointerup", "pointercancel"]) {
      plot.addEventListener(name, (event) => pointers.delete(event.pointerId));
    }
    return { zoom, move, reset: () => set(0, end) };
  };
  for (const figure of document.querySelectorAll("figure.zooms")) {
    const charts = [...figure.querySelectorAll("svg.chart")].map(zoomable);
    const tools = document.createElement("div");
    tools.className = "tools";
    const act = (does) => () => charts.forEach(does);
    const buttons = [
      ["−", "Zoom out", act((chart) => chart.zoom(2))],
      ["+", "Zoom in", act((chart) => chart.zoom(0.5))],
      ["←", "Earlier", act((chart) => chart.move(-0.25))],
      ["→", "Later", act((chart) => chart.move(0.25))],
      ["Whole run", "Show the whole run", act((chart) => chart.reset())],
    ];
    for (const [text, label, does] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.setAttribute("aria-label", label);
      button.addEventListener("click", does);
      tools.append(button);
    }
    tools.append("Drag to move, double-click or Ctrl + wheel to zoom.");
    figure.prepend(tools);
  }
})();
