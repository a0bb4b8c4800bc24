/* The table of runs: sorted by its headings, narrowed by words, and its boxes say which runs the
   charts show. */

const FOREMOST = 4;

class RunTable {
  /* runs: as the data has them, each with its index; onchange is told that others are shown. */
  constructor(data, onchange) {
    this.data = data;
    this.onchange = onchange;
    this.isEvery = { metrics: false, same: data.runs.length === 1 };
    this.sorted = { key: null, down: false };
    this.words = "";
    this.rows = data.runs.map((run) => this.rowOf(run));
    this.head = el("thead");
    this.body = el("tbody");
    this.count = el("span", { class: "aside" });
    this.table = el("table", { class: "runs" }, this.head, this.body);
    this.root = el("div", {}, this.tools(), el("div", { class: "scroll", tabindex: 0, role: "region",
      "aria-label": "Table of runs" }, this.table));
    this.fill();
  }

  get shown() {
    return this.rows.filter((row) => row.matches && row.box.checked).map((row) => row.run);
  }

  rowOf(run) {
    const box = el("input", { type: "checkbox", "aria-label": `Show ${run.name} in the charts` });
    box.checked = run.index < MOST_SHOWN;
    box.hidden = this.data.runs.length === 1;
    box.addEventListener("change", () => this.changed());
    const tags = Object.entries(run.tags).map(([key, value]) => `${key}=${value}`);
    const settings = Object.entries(run.hyperparameters).map(([key, value]) => `${key}=${value}`);
    const text = [run.name, run.status, ...tags, ...settings, ...run.notes].join(" ").toLowerCase();
    return { run, box, text, matches: true };
  }

  tools() {
    const several = this.data.runs.length > 1;
    const filter = el("input", { type: "search", placeholder: "Filter: name, status, lr=0.1 …",
      "aria-label": "Filter the runs" });
    filter.addEventListener("input", () => {
      this.words = filter.value;
      this.narrow();
    });
    const every = el("button", { type: "button", onclick: () => this.checkAll() }, "Show all or none");
    const hidden = this.data.metrics.length - FOREMOST;
    const same = this.sameSettings().length;
    return el("div", { class: "tools" }, several ? filter : null, several ? every : null,
      hidden > 0 ? this.toggle("metrics", `All ${this.data.metrics.length} metrics`) : null,
      several && same ? this.toggle("same", `Settings that are the same (${same})`) : null, this.count);
  }

  toggle(what, words) {
    const box = el("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      this.isEvery[what] = box.checked;
      this.fill();
    });
    return el("label", {}, box, words);
  }

  sameSettings() {
    const names = new Set(this.data.runs.flatMap((run) => Object.keys(run.hyperparameters)));
    return [...names].filter((name) => !this.data.differing.includes(name));
  }

  checkAll() {
    const rows = this.rows.filter((row) => row.matches);
    const isAny = rows.some((row) => row.box.checked);
    for (const row of rows) row.box.checked = !isAny;
    this.changed();
  }

  changed() {
    this.tell();
    this.onchange();
  }

  narrow() {
    const words = this.words.toLowerCase().split(" ").filter(Boolean);
    for (const row of this.rows) row.matches = words.every((word) => row.text.includes(word));
    this.fillBody();
    this.onchange();
  }

  /* Each: key, heading, group, value of a run (to sort by), cell's content. */
  columns() {
    const { goals } = this.data;
    const found = [
      { key: "status", title: "status", value: (run) => run.status, cell: statusOf },
      { key: "started", title: "started", value: (run) => run.started,
        cell: (run) => (run.started === null ? "" : clock(run.started, "date time")) },
      { key: "duration", title: "duration", value: (run) => run.duration_seconds,
        cell: (run) => run.duration, isNumber: true },
    ];
    const metrics = this.isEvery.metrics ? this.data.metrics : this.data.metrics.slice(0, FOREMOST);
    for (const name of metrics) {
      const kinds = Object.hasOwn(goals, name) ? ["last", "best"] : ["last"];
      for (const kind of kinds) found.push(this.metricColumn(name, kind, kinds.length));
    }
    const settings = [...this.data.differing, ...(this.isEvery.same ? this.sameSettings() : [])];
    for (const name of settings) {
      const value = (run) => (Object.hasOwn(run.hyperparameters, name) ? run.hyperparameters[name] : undefined);
      found.push({ key: `setting ${name}`, title: name, value, isSetting: true,
        isNumber: this.data.runs.every((run) => typeof value(run) !== "string" || Object.hasOwn(WORDS, value(run))),
        cell: (run) => settingCell(value(run)) });
    }
    return found;
  }

  metricColumn(name, kind, count) {
    const value = (run) => (Object.hasOwn(run.metrics, name) ? number(run.metrics[name][kind]) : undefined);
    const goal = this.data.goals[name];
    let best = null;
    if (kind === "best" && this.data.runs.length > 1) {
      const values = this.data.runs.map(value).filter(Number.isFinite);
      if (values.length) best = goal === "min" ? Math.min(...values) : Math.max(...values);
    }
    const cell = (run) => {
      const here = value(run);
      if (here === undefined || (Number.isNaN(here) && run.metrics[name][kind] === null)) return "";
      const text = figure(here);
      return here === best ? el("strong", { title: "best of all runs" }, `★ ${text}`) : text;
    };
    return { key: `${kind} ${name}`, title: kind, group: name, span: count, value, cell,
      isNumber: true, goal: kind === "best" ? goal : null };
  }

  fill() {
    this.shownColumns = this.columns();
    this.fillHead();
    this.fillBody();
  }

  fillHead() {
    const groups = el("tr", { class: "groups" }, el("td", { class: "first" }), el("td", { colspan: 3 }));
    const names = el("tr", {}, this.heading({ key: "name", title: "run" }, "first"));
    const before = new Set();
    for (const column of this.shownColumns) {
      if (column.group !== undefined && !before.has(column.group)) {
        before.add(column.group);
        groups.append(el("th", { colspan: column.span, scope: "colgroup", title: column.group },
          el("bdi", {}, column.group)));
      }
      names.append(this.heading(column, ""));
    }
    const settings = this.shownColumns.filter((column) => column.isSetting).length;
    if (settings) groups.append(el("th", { colspan: settings, scope: "colgroup", class: "settings" }, "hyperparameters"));
    this.head.replaceChildren(groups, names);
  }

  heading(column, kind) {
    const isSorted = this.sorted.key === column.key;
    const words = column.goal ? `best (${column.goal})` : column.title;
    const button = el("button", { type: "button", title: `Sort by ${column.group || ""} ${words}`,
      onclick: () => this.sortBy(column.key) },
      el("bdi", {}, words), el("i", { class: "arrow" }, isSorted ? (this.sorted.down ? "▾" : "▴") : ""));
    return el("th", { scope: "col", class: [kind, column.isNumber ? "number" : ""].join(" ").trim(),
      "aria-sort": isSorted ? (this.sorted.down ? "descending" : "ascending") : "none" }, button);
  }

  sortBy(key) {
    this.sorted = { key, down: this.sorted.key === key && !this.sorted.down };
    this.fillHead();
    this.fillBody();
    const pressed = this.head.querySelector("th:not([aria-sort=none]) button");
    if (pressed) pressed.focus();
  }

  fillBody() {
    const rows = this.inOrder().filter((row) => row.matches);
    this.body.replaceChildren(...rows.map((row) => {
      const { run, box } = row;
      const name = el("th", { scope: "row", class: "first" }, el("label", {}, box,
        el("i", { class: `swatch ${run.colour}` }), el("bdi", { title: run.name }, run.name)));
      const cells = this.shownColumns.map((column) => el("td",
        { class: column.isNumber ? "number" : null }, wrapped(column.cell(run))));
      const line = el("tr", {}, name, ...cells);
      line.addEventListener("pointerenter", () => pointAt(run));
      line.addEventListener("pointerleave", () => pointAt(null));
      return line;
    }));
    this.tell();
  }

  /* How many are left, and shown. */
  tell() {
    const { length } = this.rows;
    const left = this.rows.filter((row) => row.matches).length;
    const shown = this.shown.length;
    this.count.textContent = [left < length && `${left} of ${length} runs`,
      shown < left && `${shown} of them in the charts`].filter(Boolean).join(", ");
  }

  /* What has no value comes last, whichever way it is sorted. */
  inOrder() {
    const { key, down } = this.sorted;
    if (key === null) return this.rows;
    const column = this.shownColumns.find((each) => each.key === key);
    const value = column ? column.value : (run) => run.name;
    const has = (one) => one !== undefined && one !== null && !Number.isNaN(one);
    return [...this.rows].sort((one, other) => {
      const [a, b] = [value(one.run), value(other.run)];
      if (!has(a) || !has(b)) return Number(has(b)) - Number(has(a));
      const order = typeof a === typeof b && typeof a === "number" ? a - b
        : String(a).localeCompare(String(b), "en", { numeric: true });
      return down ? -order : order;
    });
  }
}

function wrapped(content) {
  return typeof content === "string" ? el("bdi", { title: content.length > 24 ? content : null }, content) : content;
}

/* In full where there is room for it, else by its foremost digits. */
function settingCell(value) {
  const text = settingText(value);
  const isLong = typeof value === "number" && text.length > 9;
  return isLong ? el("span", { title: text }, figure(value)) : text;
}

function settingText(value) {
  if (value === undefined) return "";
  if (typeof value === "number") return plainNumber(value);
  return value === null ? "null" : String(value);
}

/* In full, as it was written, but for the form of its exponent. */
function plainNumber(value) {
  return signed(String(value));
}

function statusOf(run) {
  return el("span", { class: `status ${run.status}` }, run.status);
}
