// The board's script: puts what the server says into its places, draws the curves, moves along the grid.
// It makes no words and no numbers of its own; texts go in as text, never as markup.
"use strict";
(() => {
  const board = document.getElementById("board");
  const say = board.dataset;
  const link = document.getElementById("link");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const KEPT = 300, CALM_MS = 5000, AGAIN_MS = 10000;

  // Places of the page
  const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
  const setTone = (node, tone) => {
    if (!tone) { node.removeAttribute("data-tone"); } else if (node.dataset.tone !== tone) { node.dataset.tone = tone; }
  };
  const fillCell = (node, cell) => {
    const [text, tone] = typeof cell === "string" ? [cell, ""] : cell;
    setText(node, text);
    setTone(node, tone);
  };
  const fillRow = (row, cells) => {
    cells.forEach((cell, column) => {
      let node = row.children[column];
      if (!node) {
        node = row.appendChild(document.createElement(column ? "td" : "th"));
        if (!column) node.scope = "row";
      }
      fillCell(node, cell);
    });
    while (row.children.length > cells.length) row.lastElementChild.remove();
  };
  const fillTable = (body, rows) => {
    rows.forEach((cells, number) => fillRow(body.rows[number] || body.insertRow(), cells));
    while (body.rows.length > rows.length) body.deleteRow(-1);
  };
  const fill = (view) => {
    for (const node of document.querySelectorAll("[data-text]")) {
      const name = node.dataset.text;
      setText(node, view.texts[name]);
      if (name in view.tones) setTone(node, view.tones[name]);
    }
    for (const body of document.querySelectorAll("[data-table]")) fillTable(body, view.tables[body.dataset.table]);
    say.number = view.number;
  };

  // The grid of partners: one stop of the tab key, arrows within
  const grid = document.getElementById("grid");
  const partner = document.getElementById("partner");
  let names = [], states = "", current = 0;
  const stateWord = (state) => document.querySelector(`[data-state-word="${state}"]`).textContent;
  const describe = (index) => `${names[index]}: ${stateWord(states[index] || "z")}`;
  const show = () => setText(partner, names.length ? describe(current) : "");
  const select = (index, focus) => {
    const fields = grid.children;
    if (!fields.length) return;
    fields[current] && (fields[current].tabIndex = -1);
    current = Math.max(0, Math.min(index, fields.length - 1));
    fields[current].tabIndex = 0;
    if (focus) fields[current].focus();
    show();
  };
  const fillStates = (letters) => {
    for (let index = 0; index < grid.children.length; index += 1) {
      if (letters[index] === states[index] && grid.children[index].dataset.state) continue;
      grid.children[index].dataset.state = letters[index] || "z";
      grid.children[index].setAttribute("aria-label", `${names[index]}: ${stateWord(letters[index] || "z")}`);
    }
    states = letters;
    if (document.activeElement && grid.contains(document.activeElement)) show();
  };
  const fillNames = (list) => {
    names = list;
    states = "";
    grid.replaceChildren(...list.map(() => {
      const field = document.createElement("button");
      field.type = "button";
      field.tabIndex = -1;
      return field;
    }));
    if (list.length) grid.children[current = Math.min(current, list.length - 1)].tabIndex = 0;
  };
  const perRow = () => {
    const top = grid.children[0].offsetTop;
    let count = 1;
    while (count < grid.children.length && grid.children[count].offsetTop === top) count += 1;
    return count;
  };
  grid.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow(), ArrowUp: -perRow() };
    if (event.key in steps) select(current + steps[event.key], true);
    else if (event.key === "Home") select(0, true);
    else if (event.key === "End") select(names.length - 1, true);
    else return;
    event.preventDefault();
  });
  const onField = (event) => {
    const index = [...grid.children].indexOf(event.target);
    if (index >= 0) select(index, false);
  };
  for (const kind of ["click", "focusin", "mouseover"]) grid.addEventListener(kind, onField);
  document.getElementById("partners-keys").hidden = false;

  // Curves: [time, the types…, p50, p99, batches, batch size]
  const types = say.types.split(" ");
  const points = [];
  const columns = (from, count) => [points.map((point) => point[0]),
    ...Array.from({ length: count }, (_, column) => points.map((point) => point[from + column]))];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const DASHES = { redeem: [8, 4], back: [2, 3], other: [8, 4], benefit: [12, 3, 3, 3] };
  const line = (name, scale, dash) => ({ stroke: colour(name), width: 2, dash, scale, spanGaps: false, points: { show: false } });
  const plots = {
    rates: { from: 1, series: () => types.map((name) => line(name, "y", DASHES[name])) },
    latency: { from: 1 + types.length, series: () => [line("earn", "y"), line("redeem", "y", [8, 4])] },
    batches: { from: 3 + types.length, series: () => [line("benefit", "y"), line("back", "y", [2, 3])] },
  };
  const draw = (name) => {
    const plot = plots[name], place = document.querySelector(`[data-chart="${name}"]`);
    const series = plot.series(), ink = colour("quiet"), rule = colour("line");
    const axis = { stroke: ink, grid: { stroke: rule, width: 1 }, ticks: { stroke: rule, width: 1 }, font: "12px system-ui" };
    if (plot.drawn) plot.drawn.destroy();
    plot.drawn = new uPlot({
      width: place.clientWidth, height: 160, legend: { show: false }, cursor: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), say.zone),
      scales: { y: { range: (_, low, high) => [0, Math.max(high || 0, 1) * 1.05] } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map((at) => uPlot.fmtDate("{HH}:{mm}:{ss}")(uPlot.tzDate(new Date(at * 1000), say.zone))), space: 90 },
        { ...axis, size: 56, values: (_, ticks) => ticks.map((value) => value.toLocaleString(document.documentElement.lang)) }],
      series: [{}, ...series],
    }, columns(plot.from, series.length), place);
  };
  const redraw = () => Object.keys(plots).forEach(draw);
  let drawnAt = 0;
  const refresh = () => {
    if (!width || document.hidden || (calm.matches && Date.now() - drawnAt < CALM_MS)) return;
    drawnAt = Date.now();
    for (const plot of Object.values(plots)) plot.drawn.setData(columns(plot.from, plot.series().length));
  };
  let width = 0;
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => { if (board.clientWidth !== width) { width = board.clientWidth; redraw(); } }).observe(board);

  // The stream
  let stream = null, timer = 0;
  const open = () => {
    stream = new EventSource(say.events);
    stream.addEventListener("partners", (event) => fillNames(JSON.parse(event.data)));
    stream.addEventListener("look", (event) => {
      const { view, points: news } = JSON.parse(event.data);
      for (const point of news) if (!points.length || point[0] > points[points.length - 1][0]) points.push(point);
      points.splice(0, points.length - KEPT);
      setText(link, "");
      fill(view);
      fillStates(view.grid);
      refresh();
    });
    stream.addEventListener("full", () => setText(link, say.full));
    stream.addEventListener("error", () => {
      if (link.textContent !== say.full) setText(link, say.lost);
      if (stream.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
    });
  };
  const pause = document.getElementById("pause");
  pause.hidden = false;
  pause.addEventListener("click", () => {
    clearTimeout(timer);
    const isPaused = stream !== null;
    if (isPaused) { stream.close(); stream = null; } else { open(); }
    setText(pause, isPaused ? say.resume : say.pause);
    setText(link, isPaused ? say.paused : "");
  });
  addEventListener("pagehide", () => stream && stream.close());
  addEventListener("pageshow", (event) => { if (event.persisted && stream) open(); });
  open();
})();
