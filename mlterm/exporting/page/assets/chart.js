/* Charts: one on a figure of its own, its curves overlaid; drawn as SVG when it comes into view.
   Drag to zoom, double click to see all; arrows, + and - do the same from the keyboard. */

const SVG = document.getElementById("drawing").namespaceURI;
const COLOURS = 20;
const DASHES = ["", "7 4", "2 4", "9 3 2 3"];
const TIP_ROWS = 14;
const HUGE = 4e307;  /* twice as much is a number still */

function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/* Text only ever comes to be as text: nothing of a run is read as markup. */
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

class Chart {
  /* spec: { title, unit, curves: names }; look: what all charts share, and is asked each time. */
  constructor(spec, look, curvesOf) {
    this.spec = spec;
    this.look = look;
    this.curvesOf = curvesOf;
    this.log = false;
    this.range = null;
    this.cursor = null;
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
    this.tip = el("div", { class: "tip", role: "status", hidden: true });
    this.plot = el("div", { class: "plot", tabindex: 0, role: "group",
      "aria-label": `Chart of ${spec.title}. Left and right move along it, + and - zoom, 0 shows all.` },
      this.svg, this.tip);
    this.note = el("p", { class: "aside" });
    this.root = el("figure", { class: "chart" },
      el("figcaption", {}, el("bdi", { title: spec.title }, spec.title),
        el("span", { class: "buttons" }, this.resetButton, this.logButton, this.wideButton)),
      this.plot, this.legend(), this.note);
    this.listen();
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
    this.resetButton.hidden = !range;
    this.refresh();
  }

  draw() {
    this.isStale = false;
    this.width = Math.max(120, this.plot.clientWidth || 360);
    this.height = this.plot.clientHeight || 220;
    const all = this.curvesOf(this.spec);
    this.axis = axisOf(this.look.axis, all);
    this.curves = all.filter(({ curve }) => curve.has(this.axis));
    const full = extent(this.curves.map(({ curve }) => curve.line(this.axis).x));
    if (this.range && this.drawnAxis !== this.axis) this.zoom(null);
    this.drawnAxis = this.axis;
    this.full = full;
    this.x = this.range || padded(full, 0);
    for (const each of this.curves) {
      each.line = each.curve.line(this.axis);
      each.y = each.curve.smoothed(this.axis, this.look.smoothing);
      each.within = pointsWithin(each.line, this.x);
    }
    this.isLog = this.log !== this.look.log;
    this.y = this.valueRange();
    this.layOut();
    const count = all.length - this.curves.length;
    this.say(count);
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);  /* paper scales it */
    this.svg.replaceChildren(this.grid(), this.area());
    this.showCursor();
  }

  say(missing) {
    const words = [];
    if (!this.curves.length) words.push(missing ? "" : "No run that is shown has it.");
    if (missing) words.push(`${missing} not shown: their ${AXES[this.axis].title} is not known.`);
    if (this.isLog && this.below) words.push("Values of 0 and less are not on a logarithmic scale.");
    this.note.textContent = words.join(" ").trim();
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
    if (this.isLog) return low === high ? [low / 2, high * 2] : [low / (high / low) ** 0.04, high * (high / low) ** 0.04];
    return padded([low, high], 0.05);
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
    const { ticks: ticksOf, title } = AXES[this.axis];
    const count = Math.max(2, Math.floor((right - left) / 62));
    let taken = -Infinity;
    const names = svg("text", { x: right, y: this.height - 6, "text-anchor": "end", class: "axis" }, title);
    const limit = right - 6.2 * title.length - 12;
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
    this.inner = svg("svg", { x: left, y: top, width: right - left, height: bottom - top, class: "area" });
    for (const each of this.curves) {
      const group = svg("g", { class: `curve ${each.colour}`, "data-run": each.run });
      this.drawCurve(group, each);
      this.inner.append(group);
    }
    if (!this.y && this.curves.length) {
      this.inner.append(svg("text", { x: (right - left) / 2, y: (bottom - top) / 2, "text-anchor": "middle" },
        "no finite values"));
    }
    this.cross = svg("g", { class: "cross" });
    this.inner.append(this.cross);
    return this.inner;
  }

  drawCurve(group, { curve, line, y, within, dash }) {
    if (this.y) {
      const band = this.bandOf(curve, line, within);
      if (band) group.append(svg("path", { class: "band", d: band }));
      if (this.look.smoothing) {
        group.append(svg("path", { class: "line raw", d: this.pathOf(line.x, line.y, within).d }));
      }
      const { d, lone } = this.pathOf(line.x, y, within);
      group.append(svg("path", { class: "line", d, "stroke-dasharray": dash }));
      for (const [x, at] of lone) group.append(svg("circle", { cx: x.toFixed(1), cy: at.toFixed(1), r: 2.4 }));
    }
    const marks = this.marksOf(line, within);
    if (marks) group.append(svg("path", { class: "mark", d: marks }));
  }

  /* A line of as many strokes as there are pixels: of each column the first value, the least, the
     greatest and the last. Broken where a value has no place; points that stand alone apart. */
  pathOf(xs, ys, [from, to]) {
    const path = [];
    const lone = [];
    let length = 0;
    let column = NaN;
    let low, high, last, lastX;
    const leave = () => {
      if (low !== high) for (const y of [low, high, last]) path.push(`L${lastX} ${y.toFixed(1)}`);
    };
    const lift = () => {
      if (length === 1 && lone.length < 500) lone.push([Number(lastX), last]);
      if (length > 1) leave();
      length = 0;
      column = NaN;
    };
    for (let i = from; i < to; i++) {
      const pixel = this.toX(xs[i]);
      const y = this.toY(ys[i]);
      if (!Number.isFinite(y) || !Number.isFinite(pixel)) {
        if (length) lift();
        continue;
      }
      if (Math.round(pixel) === column) {
        if (y < low) low = y;
        if (y > high) high = y;
      } else {
        if (length) leave();
        column = Math.round(pixel);
        path.push(`${length ? "L" : "M"}${pixel.toFixed(1)} ${y.toFixed(1)}`);
        low = high = y;
      }
      last = y;
      lastX = pixel.toFixed(1);
      length++;
    }
    if (length) lift();
    return { d: path.join(""), lone };
  }

  bandOf(curve, line, [from, to]) {
    if (!curve.isFolded) return "";
    const above = [];
    const below = [];
    const floor = this.box.bottom - this.box.top;
    for (let i = from & ~1; i < to; i++) {
      const span = curve.span(i);
      const x = this.toX(line.x[i]);
      if (!span || !Number.isFinite(x)) continue;
      const [low, high] = span.map((value) => Math.min(4 * floor, Math.max(-3 * floor, this.toY(value))));
      above.push(`${x.toFixed(1)} ${(Number.isNaN(high) ? floor : high).toFixed(1)}`);
      below.push(`${x.toFixed(1)} ${(Number.isNaN(low) ? floor : low).toFixed(1)}`);
    }
    return above.length > 1 ? `M${above.join("L")}L${below.reverse().join("L")}Z` : "";
  }

  /* Values that have no place: a cross at the bottom for NaN, a triangle at an edge for an
     infinity. */
  marksOf(line, [from, to]) {
    const found = new Map();
    const bottom = this.box.bottom - this.box.top;
    for (let i = from; i < to; i++) {
      const value = line.y[i];
      if (Number.isFinite(value)) continue;
      const x = this.toX(line.x[i]);
      if (!Number.isFinite(x)) continue;
      const kind = Number.isNaN(value) ? "nan" : value > 0 ? "up" : "down";
      const key = `${kind}${Math.round(x / 8)}`;
      if (found.has(key)) continue;
      const at = x.toFixed(1);
      found.set(key, {
        nan: `M${at} ${bottom - 7}m-3 -3l6 6m0 -6l-6 6`,
        up: `M${at} 2l4 7h-8z`,
        down: `M${at} ${bottom - 2}l4 -7h-8z`,
      }[kind]);
    }
    return [...found.values()].join("");
  }

  /* --- What a person does on it --- */

  listen() {
    const plot = this.plot;
    let drag = null;
    const place = (event) => event.clientX - plot.getBoundingClientRect().left;
    plot.addEventListener("pointerdown", (event) => {
      if (event.button || !this.box) return;
      drag = event.pointerType === "touch" ? null : place(event);
      if (event.pointerType !== "touch") plot.setPointerCapture(event.pointerId);
      this.moveTo(place(event));
    });
    plot.addEventListener("pointermove", (event) => {
      if (!this.box) return;
      this.moveTo(place(event), drag);
    });
    plot.addEventListener("pointerup", (event) => {
      const begin = drag;
      drag = null;
      if (begin === null || !this.box) return;
      const { left, right } = this.box;
      const [from, to] = [begin, place(event)].sort((a, b) => a - b)
        .map((pixel) => Math.min(right, Math.max(left, pixel)));
      if (to - from > 5) this.zoom([this.fromX(from), this.fromX(to)]);
      else this.showCursor();
    });
    plot.addEventListener("pointercancel", () => { drag = null; });
    plot.addEventListener("pointerleave", () => {
      if (drag === null && document.activeElement !== plot) this.leave();
    });
    plot.addEventListener("blur", () => this.leave());
    plot.addEventListener("dblclick", () => this.zoom(null));
    plot.addEventListener("keydown", (event) => this.press(event));
  }

  press(event) {
    if (!this.box || event.ctrlKey || event.metaKey || event.altKey) return;
    const [low, high] = this.x;
    const middle = this.cursor === null ? (low + high) / 2 : this.cursor;
    const stride = ((high - low) / 50) * (event.shiftKey ? 10 : 1);
    const narrower = (by) => this.zoom(within([middle - by * (middle - low), middle + by * (high - middle)], this.full));
    const action = {
      ArrowLeft: () => this.setCursor(Math.max(low, middle - stride)),
      ArrowRight: () => this.setCursor(Math.min(high, middle + stride)),
      Home: () => this.setCursor(low),
      End: () => this.setCursor(high),
      "+": () => narrower(0.5),
      "=": () => narrower(0.5),
      "-": () => narrower(2),
      "0": () => this.zoom(null),
      Escape: () => (this.range ? this.zoom(null) : this.leave()),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  moveTo(pixel, dragFrom = null) {
    const { left, right } = this.box;
    this.setCursor(this.fromX(Math.min(right, Math.max(left, pixel))));
    if (dragFrom !== null) {
      const [from, to] = [dragFrom - left, pixel - left].sort((a, b) => a - b);
      this.cross.append(svg("rect", { class: "selection", x: from, y: 0, width: to - from,
        height: this.box.bottom - this.box.top }));
    }
  }

  setCursor(x) {
    this.cursor = x;
    this.showCursor();
  }

  leave() {
    this.cursor = null;
    this.showCursor();
  }

  /* The crosshair at the nearest point, and what all curves are there. */
  showCursor() {
    if (!this.cross) return;
    this.cross.replaceChildren();
    const rows = this.cursor === null ? [] : this.rowsAt(this.cursor);
    this.tip.hidden = !rows.length;
    if (!rows.length) return;
    const x = rows.reduce((one, other) =>
      (Math.abs(other.x - this.cursor) < Math.abs(one.x - this.cursor) ? other : one)).x;
    const at = this.toX(x);
    this.cross.append(svg("path", { d: `M${at.toFixed(1)} 0V${this.box.bottom}` }));
    rows.sort((one, other) => (other.value - one.value) || 0);
    for (const row of rows) {
      const y = this.toY(row.value);
      if (Number.isFinite(y)) {
        this.cross.append(svg("circle", { class: row.colour, cx: this.toX(row.x).toFixed(1), cy: y.toFixed(1), r: 3 }));
      }
    }
    this.fillTip(rows, x);
    this.placeTip(this.box.left + at);
  }

  /* Beside the crosshair where the window has room for it, on a narrow one below the chart. */
  placeTip(at) {
    const { left } = this.plot.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const width = this.tip.offsetWidth;
    const isNarrow = room < 640;
    let x = at + 14;
    if (left + x + width > room - 8) x = at - 14 - width;
    this.tip.style.left = `${isNarrow ? 0 : Math.max(8 - left, x)}px`;
    this.tip.style.top = isNarrow ? `${this.height}px` : "4px";
  }

  rowsAt(x) {
    const rows = [];
    for (const each of this.curves) {
      const point = nearest(each.line, x);
      if (point < 0) continue;
      const there = each.line.x[point];
      if (there < this.x[0] || there > this.x[1]) continue;
      const span = each.curve.span(point);
      rows.push({ ...each, x: there, value: each.y[point], raw: each.line.y[point], span });
    }
    return rows;
  }

  fillTip(rows, x) {
    const { title, words } = AXES[this.axis];
    const show = (value) => inUnit(value, this.spec.unit);
    const lines = rows.slice(0, TIP_ROWS).map((row) => {
      const details = [];
      if (this.look.smoothing && Number.isFinite(row.raw)) details.push(`is ${show(row.raw)}`);
      if (row.span) details.push(`${show(row.span[0])} to ${show(row.span[1])}`);
      if (row.x !== x) details.push(`at ${words(row.x)}`);
      return el("tr", {},
        el("td", {}, el("i", { class: `swatch ${row.colour}` })),
        el("td", { class: "name" }, el("bdi", {}, row.title)),
        el("td", { class: "number" }, show(row.value)),
        el("td", { class: "details" }, details.join(", ")));
    });
    if (rows.length > TIP_ROWS) {
      lines.push(el("tr", {}, el("td", { colspan: 4 }, `and ${rows.length - TIP_ROWS} more`)));
    }
    this.tip.replaceChildren(el("b", {}, `${title} ${words(x)}`), el("table", {}, ...lines));
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

/* With room at both ends; something to look at where both are the same. */
function padded([low, high], share) {
  if (low === high && !low) return [0, 1];
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1;
    return [low - room, high + room];
  }
  return [low - share * (high - low), high + share * (high - low)];
}

function within([low, high], [least, most]) {
  const range = [Math.max(least, low), Math.min(most, high)];
  return range[0] <= least && range[1] >= most ? null : range;
}
