/* Charts: one on a figure of its own, its curves overlaid; drawn as SVG when it comes into view.
   A person's doings on it are the cursor's. */

const COLOURS = 20;
const DASHES = ["", "7 4", "2 4", "9 3 2 3"];
const HUGE = 4e307;  /* twice as much is a number still */

class Chart {
  /* spec: { title, unit, curves: names }; look: what all charts share, and is asked each time. */
  constructor(spec, look, curvesOf) {
    this.spec = spec;
    this.look = look;
    this.curvesOf = curvesOf;
    this.log = false;
    this.range = null;
    this.cursor = new Cursor(this);
    this.isStale = true;
    this.isSeen = false;
    this.logButton = this.button("log", "Logarithmic scale", () => {
      this.log = !this.log;
      this.logButton.setAttribute("aria-pressed", this.log);
      this.refresh();
    });
    this.wideButton = this.button("wide", "The whole width", () => {
      this.wideButton.setAttribute("aria-pressed", this.root.classList.toggle("wide"));
    });
    this.resetButton = el("button", { type: "button", hidden: true, onclick: () => this.zoom(null) },
      "show all");
    for (const each of [this.logButton, this.wideButton]) each.setAttribute("aria-pressed", false);
    this.svg = svg("svg", { "aria-hidden": "true" });
    this.plot = el("div", { class: "plot", tabindex: 0, role: "group",
      "aria-label": `Chart of ${spec.title}. Left and right move along it, + and - zoom, 0 shows all.` },
      this.svg, this.cursor.tip);
    this.note = el("p", { class: "aside" });
    this.root = el("figure", { class: "chart" },
      el("figcaption", {}, el("bdi", { title: spec.title }, spec.title),
        el("span", { class: "buttons" }, this.resetButton, this.logButton, this.wideButton)),
      this.plot, this.legend(), this.note);
    this.cursor.listen();
  }

  button(text, title, onclick) {
    return el("button", { type: "button", title, onclick }, text);
  }

  /* What tells the curves of a run apart; the colours of the runs are told at the page's top. */
  legend() {
    const names = this.spec.curves;
    if (names.length < 2) return null;
    return el("ul", { class: "legend" }, ...names.map((name, i) => {
      const key = this.look.isSingle ? colourOf(i) : "";
      const line = svg("svg", { class: `sample ${key}`, viewBox: "0 0 22 8" },
        svg("path", { d: "M1 4H21", "stroke-dasharray": this.look.isSingle ? "" : dashOf(i) }));
      return el("li", {}, line, el("bdi", {}, name));
    }));
  }

  /* Draw again, now or when it is seen. */
  refresh() {
    this.isStale = true;
    if (this.isSeen) this.draw();
  }

  see(isSeen) {
    this.isSeen = isSeen;
    if (isSeen && this.isStale) this.draw();
  }

  zoom(range) {
    this.range = range;
    this.refresh();
  }

  draw() {
    this.isStale = false;
    this.width = Math.max(120, this.plot.clientWidth || 360);
    this.height = this.plot.clientHeight || 220;
    const all = this.curvesOf(this.spec);
    this.axis = axisOf(this.look.axis, all);
    this.curves = all.filter(({ curve }) => curve.has(this.axis));
    if (this.rangeAxis !== this.axis) this.range = null;
    this.rangeAxis = this.axis;
    this.resetButton.hidden = !this.range;
    this.full = padded(extent(this.curves.map(({ curve }) => curve.line(this.axis).x)), 0);
    this.x = this.range || this.full;
    for (const each of this.curves) {
      each.line = each.curve.line(this.axis);
      each.y = each.curve.smoothed(this.axis, this.look.smoothing);
      each.within = pointsWithin(each.line, this.x);
    }
    this.isLog = this.log !== this.look.log;
    this.y = this.valueRange();
    this.layOut();
    this.say(all.length - this.curves.length);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);  /* paper scales it */
    this.svg.replaceChildren(this.grid(), this.area());
    this.cursor.show();
  }

  say(missing) {
    const words = [];
    if (!this.curves.length && !missing) words.push("No run that is shown has it.");
    if (missing) words.push(`${missing} not shown: their ${AXES[this.axis].title} is not known.`);
    if (this.isLog && this.below) words.push("Values of 0 and less are not on a logarithmic scale.");
    this.note.textContent = words.join(" ");
    this.note.hidden = !this.note.textContent;
  }

  /* Of what is seen; null where nothing finite is. */
  valueRange() {
    let low = Infinity;
    let high = -Infinity;
    this.below = false;
    const take = (value) => {
      if (!Number.isFinite(value)) return;
      if (this.isLog && value <= 0) {
        this.below = true;
        return;
      }
      if (value < low) low = value;
      if (value > high) high = value;
    };
    for (const { curve, line, within } of this.curves) {
      for (let i = within[0]; i < within[1]; i++) {
        if (line.x[i] < this.x[0] || line.x[i] > this.x[1]) continue;
        take(line.y[i]);
        const span = curve.span(i);
        if (span) span.forEach(take);
      }
    }
    if (low > high) return null;
    [low, high] = [Math.max(low, -HUGE), Math.min(high, HUGE)];
    if (this.spec.unit && !this.isLog) take(0);
    if (!this.isLog) return padded([low, high], 0.05);
    const room = low === high ? 0.3 : 0.04 * (Math.log10(high) - Math.log10(low));
    return [low / 10 ** room, high * 10 ** room];
  }

  layOut() {
    const unit = this.spec.unit || "";
    const rows = Math.max(2, Math.floor(this.height / 34));
    const [low, high] = this.y || [0, 1];
    this.yTicks = !this.y ? [] : this.isLog ? logTicks(low, high, rows, unit) : ticks(low, high, rows, false, unit);
    const longest = Math.max(3, ...this.yTicks.map(([, text]) => text.length));
    this.box = { left: 10 + 6.4 * longest, top: 8, right: this.width - 10, bottom: this.height - 22 };
    const { left, top, right, bottom } = this.box;
    const [begin, end] = this.x;
    this.toX = (value) => ((value - begin) / (end - begin)) * (right - left);
    this.fromX = (pixel) => begin + ((pixel - left) / (right - left)) * (end - begin);
    const scale = this.isLog ? Math.log10 : (value) => value;
    const [floor, ceiling] = [scale(low), scale(high)];
    this.toY = (value) => (1 - (scale(value) - floor) / (ceiling - floor)) * (bottom - top);
  }

  grid() {
    const { left, top, right, bottom } = this.box;
    const group = svg("g", { class: "grid" });
    for (const [value, text] of this.yTicks) {
      const y = top + this.toY(value);
      if (y < top - 1 || y > bottom + 1) continue;
      group.append(svg("path", { d: `M${left} ${y.toFixed(1)}H${right}` }),
        svg("text", { x: left - 6, y: (y + 3.5).toFixed(1), "text-anchor": "end" }, text));
    }
    const { ticks: ticksOf, short } = AXES[this.axis];
    const count = Math.max(2, Math.floor((right - left) / 62));
    let taken = -Infinity;
    const names = svg("text", { x: right, y: this.height - 6, "text-anchor": "end", class: "axis" }, short);
    const limit = right - 6.2 * short.length - 12;
    for (const [value, text] of this.curves.length ? ticksOf(...this.x, count) : []) {
      const x = left + this.toX(value);
      const half = 3.2 * text.length;
      if (x < left - 1 || x > right + 1 || x - half < taken || x + half > limit) continue;
      taken = x + half + 8;
      group.append(svg("path", { d: `M${x.toFixed(1)} ${bottom}v4` }),
        svg("text", { x: x.toFixed(1), y: this.height - 6, "text-anchor": "middle" }, text));
    }
    group.append(svg("path", { class: "base", d: `M${left} ${bottom}H${right}` }), names);
    return group;
  }

  /* The curves, in a drawing of their own that cuts what reaches beyond it. */
  area() {
    const { left, top, right, bottom } = this.box;
    const inner = svg("svg", { x: left, y: top, width: right - left, height: bottom - top, class: "area" });
    for (const each of this.curves) {
      const group = svg("g", { class: `curve ${each.colour}`, "data-run": each.run });
      group.classList.toggle("faint", isFaint(each.run));
      this.drawCurve(group, each);
      inner.append(group);
    }
    if (!this.y && this.curves.length) {
      inner.append(svg("text", { x: (right - left) / 2, y: (bottom - top) / 2, "text-anchor": "middle" },
        "no finite values"));
    }
    inner.append(this.cursor.group);
    return inner;
  }

  drawCurve(group, { curve, line, y, within, dash }) {
    if (this.y) {
      const band = bandOf(curve, line, within, this);
      if (band) group.append(svg("path", { class: "band", d: band }));
      if (this.look.smoothing) {
        group.append(svg("path", { class: "line raw", d: pathOf(line.x, line.y, within, this).d }));
      }
      const { d, lone } = pathOf(line.x, y, within, this);
      group.append(svg("path", { class: "line", d, "stroke-dasharray": dash }));
      for (const [x, at] of lone) group.append(svg("circle", { cx: x.toFixed(1), cy: at.toFixed(1), r: 2.4 }));
    }
    const marks = marksOf(line, within, this);
    if (marks) group.append(svg("path", { class: "mark", d: marks }));
  }
}

/* The run that is pointed at: over it all others are faint. */
let pointedAt = null;

function isFaint(run) {
  return pointedAt !== null && pointedAt !== run;
}

function pointAt(run) {
  pointedAt = run === null ? null : run.index;
  for (const curve of document.querySelectorAll(".curve")) {
    curve.classList.toggle("faint", isFaint(Number(curve.dataset.run)));
  }
}

function colourOf(index) {
  return `k${index % COLOURS}`;
}

function dashOf(index) {
  return DASHES[index % DASHES.length];
}

/* The axis that is wanted, where any of the curves has it; else the step, else time. */
function axisOf(wanted, curves) {
  const order = [wanted, wanted === "wall" ? "wall" : "seconds", "step"];
  if (wanted === "step" || wanted === "epoch") order.splice(1, 1, "step", "seconds");
  return order.find((axis) => curves.some(({ curve }) => curve.has(axis))) || wanted;
}

function extent(columns) {
  let low = Infinity;
  let high = -Infinity;
  for (const column of columns) {
    for (const value of column) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : [0, 1];
}

/* With room at both ends; something to look at where both are the same,
   as far as a number tells. */
function padded([low, high], share) {
  if (low === high && !low) return [0, 1];
  if (high - low <= Math.max(Math.abs(low), Math.abs(high)) * 1e-12) {
    const room = Math.abs(low) * 0.1 || 1;
    return [low - room, high + room];
  }
  return [low - share * (high - low), high + share * (high - low)];
}
