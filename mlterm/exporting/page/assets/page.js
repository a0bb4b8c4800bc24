/* The page: its data read, its parts made, and what is chosen told to all charts. */

const MOST_SHOWN = 40;

function main() {
  const data = JSON.parse(document.getElementById("data").textContent);
  const isSingle = data.runs.length === 1;
  const look = { axis: "step", smoothing: 0, log: false, isSingle };
  data.runs.forEach((run, index) => {
    run.index = index;
    run.colour = colourOf(index);
    run.curves = { metric: curvesIn(run.metric_curves, run), system: curvesIn(run.system_curves, run) };
  });
  const charts = [];
  const table = new RunTable(data, () => change());
  const chips = isSingle ? null : chipsOf(data.runs, table);

  let isDue = false;
  function change() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      if (chips) chips.refresh();
      for (const chart of charts) chart.refresh();
    });
  }

  const curvesOf = (kind) => (spec) => table.shown.flatMap((run) => spec.curves.flatMap((name, i) => {
    const curve = run.curves[kind].get(name);
    if (!curve) return [];
    const title = isSingle ? name : spec.curves.length > 1 ? `${run.name} · ${name}` : run.name;
    const [colour, dash] = isSingle ? [colourOf(i), ""] : [run.colour, dashOf(i)];
    return [{ curve, run: run.index, title, colour, dash }];
  }));
  const gallery = (kind, specs, chosen) => {
    const made = specs.map((spec) => new Chart(spec, chosen, curvesOf(kind)));
    charts.push(...made);
    return el("div", { class: "charts" }, ...made.map((chart) => chart.root));
  };
  const systemLook = { isSingle, smoothing: 0, log: false, get axis() { return look.axis === "wall" ? "wall" : "seconds"; } };

  document.getElementById("about").replaceChildren(...about(data));
  const sections = data.runs.map((run) => new RunSection(run, data, isSingle));
  const metricCharts = gallery("metric", data.charts, look);
  document.getElementById("main").append(...[
    section(isSingle ? "Run" : "Runs", table.root),
    data.charts.length ? section("Metrics", controls(look, data, charts, change), chips && chips.root, metricCharts) : null,
    data.system_charts.length ? section("Machine", gallery("system", data.system_charts, systemLook)) : null,
    section(isSingle ? "Details" : "Each run", ...sections.map((each) => each.root)),
  ].filter(Boolean));
  document.getElementById("footer").textContent = footer(data);
  watch(charts);
}

function section(title, ...parts) {
  return el("section", {}, el("h2", {}, title), ...parts);
}

function curvesIn(book, run) {
  const found = new Map();
  for (const [name, curve] of Object.entries(book.curves)) {
    found.set(name, new Curve(curve, book.places[curve.at], run.origin));
  }
  return found;
}

function about(data) {
  const counts = new Map();
  for (const run of data.runs) counts.set(run.status, (counts.get(run.status) || 0) + 1);
  const words = [...counts].map(([status, count]) => el("span", { class: `status ${status}` },
    data.runs.length === 1 ? status : `${count} ${status}`));
  const runs = data.runs.length === 1 ? "" : `${data.runs.length} runs`;
  return [...words, [runs, `as of ${clock(data.made, "date time")}`].filter(Boolean).join(" · ")];
}

function footer(data) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
  const limit = data.limit.toLocaleString("en-US");
  const lines = data.broken_lines === 1 ? "1 line" : `${data.broken_lines.toLocaleString("en-US")} lines`;
  const broken = data.broken_lines ? `${lines} of the runs' files could not be read. ` : "";
  return `${broken}Made by mlterm ${data.version} on ${clock(data.made)}. Times are those of ${zone}. `
    + `A curve of at most ${limit} points is here in full; of a longer one, neighbours are one: `
    + "their first and last value make the line, the least and the greatest the band, to six digits. "
    + "Figures in the tables are of all points.";
}

/* What all charts of metrics share. */
function controls(look, data, charts, change) {
  const axes = Object.keys(AXES).filter((axis) => data.runs.some((run) =>
    [...run.curves.metric.values()].some((curve) => curve.has(axis))));
  const axis = el("select", {}, ...axes.map((name) => el("option", { value: name }, AXES[name].title)));
  look.axis = axes.includes(look.axis) ? look.axis : axes[0] || "step";
  axis.value = look.axis;
  axis.addEventListener("change", () => {
    look.axis = axis.value;
    change();
  });
  const smoothing = el("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: 0 });
  const told = el("output", {}, "0");
  smoothing.addEventListener("input", () => {
    look.smoothing = Number(smoothing.value);
    told.textContent = smoothing.value;
    change();
  });
  const log = el("input", { type: "checkbox" });
  log.addEventListener("change", () => {
    look.log = log.checked;
    change();
  });
  const filter = el("input", { type: "search", placeholder: "Find a chart", "aria-label": "Find a chart" });
  filter.addEventListener("input", () => {
    const word = filter.value.toLowerCase();
    for (const chart of charts) {
      if (chart.look === look) {
        chart.root.hidden = !chart.spec.curves.concat(chart.spec.title).some((name) => name.toLowerCase().includes(word));
      }
    }
  });
  return el("div", { class: "tools" }, el("label", {}, "Along", axis),
    el("label", {}, "Smoothing", smoothing, told), el("label", {}, log, "Logarithmic"),
    data.charts.length > 6 ? filter : null);
}

/* The runs by their colours; each hides or shows one, and over it the others are faint. */
function chipsOf(runs, table) {
  const boxOf = (run) => table.rows[run.index].box;
  const made = runs.map((run) => {
    const chip = el("button", { type: "button", class: "chip", onclick: () => {
      boxOf(run).checked = !boxOf(run).checked;
      table.changed();
    } }, el("i", { class: `swatch ${run.colour}` }), el("bdi", {}, run.name));
    chip.addEventListener("pointerenter", () => pointAt(run));
    chip.addEventListener("pointerleave", () => pointAt(null));
    return chip;
  });
  const refresh = () => made.forEach((chip, i) => {
    chip.hidden = !table.rows[i].matches;
    chip.setAttribute("aria-pressed", boxOf(runs[i]).checked);
  });
  refresh();
  return { root: el("div", { class: "chips", role: "group", "aria-label": "Runs in the charts" }, ...made), refresh };
}

/* A chart is drawn when it comes near the window, anew when its size changes, and for paper. */
function watch(charts) {
  const byRoot = new Map(charts.map((chart) => [chart.root, chart]));
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) byRoot.get(entry.target).see(entry.isIntersecting);
  }, { rootMargin: "300px" });
  const sizes = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const chart = byRoot.get(entry.target.parentElement);
      const { clientWidth, clientHeight } = entry.target;
      if (chart.width !== clientWidth || chart.height !== clientHeight) chart.refresh();
    }
  });
  for (const chart of charts) {
    near.observe(chart.root);
    sizes.observe(chart.plot);
  }
  addEventListener("beforeprint", () => charts.forEach((chart) => chart.draw()));
}

main();
