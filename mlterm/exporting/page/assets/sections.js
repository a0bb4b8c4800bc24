/* Sections: what is known of one run beside its curves; filled when one is opened. */

class RunSection {
  constructor(run, data, isOpen) {
    this.run = run;
    this.data = data;
    const facts = [run.started === null ? "" : clock(run.started), run.duration].filter(Boolean);
    this.summary = el("summary", {}, el("i", { class: `swatch ${run.colour}` }),
      el("bdi", { class: "title" }, run.name), statusOf(run), el("span", { class: "aside" }, facts.join(" · ")));
    this.root = el("details", { class: "run" }, this.summary);
    this.root.addEventListener("toggle", () => this.root.open && this.fill());
    this.root.open = isOpen;
  }

  fill() {
    if (this.isFilled) return;
    this.isFilled = true;
    const { run } = this;
    this.root.append(...[
      run.command && this.command(),
      this.leftOut("alerts"),
      ...run.alerts.map((alert) => el("p", { class: `alert ${alert.level}` },
        el("b", {}, alert.level), " ", el("bdi", {}, alert.text), " ",
        el("span", { class: "aside" }, alert.at === null ? "" : clock(alert.at)))),
      ...run.notes.map((note) => el("blockquote", {}, note)),
      this.facts(),
      this.part("Metrics", Object.keys(run.metrics).length, () => this.metrics(), true),
      this.part("Hyperparameters", Object.keys(run.hyperparameters).length, () => this.settings(), true),
      this.part("Devices and processes", run.cost.gpus.length + run.cost.roles.length, () => this.cost(), false),
      this.part("Artifacts", run.artifacts.length, () => this.artifacts(), run.artifacts.length < 8),
      this.part("Environment", Object.keys(run.environment).length, () => pairs(run.environment), false),
      this.output(),
    ].filter(Boolean));
  }

  command() {
    const code = el("code", {}, this.run.command);
    const button = el("button", { type: "button", onclick: () => copy(this.run.command, code, button) }, "Copy");
    return el("div", { class: "command" }, code, button);
  }

  facts() {
    const { run } = this;
    const tags = Object.entries(run.tags).map(([key, value]) => [`Tag ${key}`, value]);
    const peaks = run.cost.words ? [["Used", run.cost.words]] : [];
    const all = [...run.facts, ...tags, ...peaks, ...run.cost.facts];
    return all.length ? el("dl", {}, ...all.map(([name, text]) => el("div", {},
      el("dt", {}, name), el("dd", {}, el("bdi", {}, text))))) : null;
  }

  part(title, count, content, isOpen) {
    if (!count) return null;
    const details = el("details", { class: "part" }, el("summary", {}, el("h4", {}, title),
      el("span", { class: "aside" }, String(count))));
    const fill = () => details.open && details.children.length === 1 && details.append(content());
    details.addEventListener("toggle", fill);
    details.open = isOpen;
    if (isOpen) fill();
    return details;
  }

  metrics() {
    const kinds = ["last", "best", "min", "max", "mean", "first", "count"];
    const names = this.data.metrics.filter((name) => Object.hasOwn(this.run.metrics, name));
    const rows = names.map((name) => {
      const figures = this.run.metrics[name];
      return [name, ...kinds.map((kind) => (figures[kind] === null ? "" : figure(number(figures[kind]))))];
    });
    return grid(["metric", ...kinds], rows);
  }

  settings() {
    const { differing } = this.data;
    const entries = Object.entries(this.run.hyperparameters);
    const rank = ([name]) => (differing.includes(name) ? 0 : 1);
    const sorted = [...entries].sort((one, other) => rank(one) - rank(other));
    return el("dl", {}, ...sorted.map(([name, value]) => el("div",
      { class: rank([name, value]) ? null : "differing" },
      el("dt", {}, el("bdi", {}, name)), el("dd", {}, el("bdi", {}, settingText(value))))));
  }

  cost() {
    return el("div", {}, ...[this.run.cost.gpus, this.run.cost.roles].filter((rows) => rows.length).map((rows) => {
      const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
      const words = (name, value) => {
        if (value === undefined || value === null) return "";
        if (typeof value !== "number") return String(value);
        return name.endsWith("_bytes") ? amount(value) : figure(value);
      };
      return grid(names.map((name) => name.replace(/_bytes$/, "").replaceAll("_", " ")),
        rows.map((row) => names.map((name) => words(name, row[name]))));
    }));
  }

  artifacts() {
    const rows = this.run.artifacts.map((each) => [each.name || "", each.size,
      each.step === null ? "" : settingText(each.step), each.description || "",
      (each.sha256 || "").slice(0, 12), each.copy || each.path || ""]);
    return el("div", {}, this.leftOut("artifacts"),
      grid(["name", "size", "step", "description", "SHA-256", "where"], rows, 1));
  }

  /* Of what there are many, only the last ones are on the page. */
  leftOut(what) {
    const count = this.run[`${what}_left_out`];
    if (!count) return null;
    return el("p", { class: "aside" }, `${count.toLocaleString("en-US")} earlier ${what} are not on this page.`);
  }

  output() {
    const { output, tail } = this.run;
    if (!output && !tail) return null;
    const pre = el("pre", { class: "output", tabindex: 0, role: "region", "aria-label": `Output of ${this.run.name}` });
    if (output) pre.append(...output.spans.map(spanOf));
    else pre.append(tail);
    const cut = output && output.cut
      ? `The last ${amount(output.size - output.cut)} of ${amount(output.size)}; what comes before is not on this page.`
      : "";
    const section = this.part("Output", 1, () => el("div", {}, cut ? el("p", { class: "aside" }, cut) : null, pre), true);
    section.querySelector(".aside").textContent = output ? amount(output.size) : "its last lines";
    requestAnimationFrame(() => { pre.scrollTop = pre.scrollHeight; });
    return section;
  }
}

/* A table of texts; all but the first column are figures, or those behind `numbers` text. */
function grid(heads, rows, numbers = Infinity) {
  const kind = (i) => (i > 0 && i <= numbers ? "number" : null);
  return el("div", { class: "scroll" }, el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((head, i) => el("th", { scope: "col", class: kind(i) }, head)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((text, i) =>
      el(i ? "td" : "th", { class: kind(i), scope: i ? null : "row" }, el("bdi", {}, text))))))));
}

function pairs(named) {
  return el("dl", {}, ...Object.entries(named).map(([name, text]) => el("div", {},
    el("dt", {}, el("bdi", {}, name)), el("dd", {}, el("bdi", {}, text)))));
}

/* A part of the output, in its colours: a text, or [text, look]. */
function spanOf(span) {
  if (typeof span === "string") return span;
  const [text, look] = span;
  const kinds = Object.keys(look).filter((name) => look[name] === true).map((name) => `is-${name}`);
  const made = el("span", {}, text);
  const fore = look.reverse ? look.bg : look.fg;
  const back = look.reverse ? look.fg : look.bg;
  paint(made, kinds, "fg", fore);
  paint(made, kinds, "bg", back);
  made.className = kinds.join(" ");
  return made;
}

function paint(made, kinds, place, colour) {
  if (colour === undefined) return;
  if (/^#[0-9a-f]{6}$/.test(colour)) made.style[place === "fg" ? "color" : "backgroundColor"] = colour;
  else if (colour === "faint") kinds.push("is-faint");
  else kinds.push(`${place}${Number(colour)}`);
}

async function copy(text, shown, button) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } catch {
    getSelection().selectAllChildren(shown);
    button.textContent = "Selected";
  }
}
