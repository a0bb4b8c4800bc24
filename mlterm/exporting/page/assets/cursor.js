/* The cursor of a chart: what the mouse, a finger or the keyboard does on it. The mouse drags to
   zoom and double-clicks to see all; a finger moves the crosshair. */

const TIP_ROWS = 14;
const LEAST_DRAG = 5;

class Cursor {
  constructor(chart) {
    this.chart = chart;
    this.x = null;
    this.tip = el("div", { class: "tip", role: "status", hidden: true });
    this.group = svg("g", { class: "cross" });
    this.dragFrom = null;
    this.height = null;
  }

  listen() {
    const { plot } = this.chart;
    const on = (name, action) => plot.addEventListener(name, (event) => this.chart.box && action(event));
    on("pointerdown", (event) => this.press(event));
    on("pointermove", (event) => this.moveTo(event));
    on("pointerup", (event) => this.release(event));
    on("pointercancel", () => { this.dragFrom = null; });
    on("pointerleave", () => {
      if (this.dragFrom === null && document.activeElement !== plot) this.setX(null);
    });
    on("blur", () => this.setX(null));
    on("dblclick", () => this.chart.zoom(null));
    on("keydown", (event) => this.type(event));
  }

  /* Of the plot, and within where its curves are. */
  pixelOf(event) {
    const { plot, box } = this.chart;
    const pixel = event.clientX - plot.getBoundingClientRect().left;
    return Math.min(box.right, Math.max(box.left, pixel));
  }

  press(event) {
    if (event.button) return;
    if (event.pointerType !== "touch") {
      this.dragFrom = this.pixelOf(event);
      this.chart.plot.setPointerCapture(event.pointerId);
    }
    this.moveTo(event);
  }

  release(event) {
    if (this.dragFrom === null) return;
    const range = [this.dragFrom, this.pixelOf(event)].sort((a, b) => a - b);
    this.dragFrom = null;
    if (range[1] - range[0] > LEAST_DRAG) this.chart.zoom(range.map((pixel) => this.chart.fromX(pixel)));
    else this.show();
  }

  moveTo(event) {
    const { box, plot } = this.chart;
    const pixel = this.pixelOf(event);
    this.setX(this.chart.fromX(pixel), event.clientY - plot.getBoundingClientRect().top - box.top);
    if (this.dragFrom === null) return;
    const [from, to] = [this.dragFrom, pixel].sort((a, b) => a - b);
    this.group.append(svg("rect", { class: "selection", x: from - box.left, y: 0, width: to - from,
      height: box.bottom - box.top }));
  }

  type(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { chart } = this;
    const [low, high] = chart.x;
    const here = this.x === null ? (low + high) / 2 : this.x;
    const stride = ((high - low) / 50) * (event.shiftKey ? 10 : 1);
    const zoomBy = (by) => chart.zoom(within([here - by * (here - low), here + by * (high - here)], chart.full));
    const action = {
      ArrowLeft: () => this.setX(Math.max(low, here - stride)),
      ArrowRight: () => this.setX(Math.min(high, here + stride)),
      Home: () => this.setX(low),
      End: () => this.setX(high),
      "+": () => zoomBy(0.5),
      "=": () => zoomBy(0.5),
      "-": () => zoomBy(2),
      "0": () => chart.zoom(null),
      Escape: () => (chart.range ? chart.zoom(null) : this.setX(null)),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  /* Where on the axis, and how far down, where that is told. */
  setX(x, height = null) {
    this.x = x;
    this.height = height;
    this.show();
  }

  /* The crosshair at the nearest point, and what all curves are there. */
  show() {
    const { chart } = this;
    this.group.replaceChildren();
    const rows = this.x === null ? [] : this.rowsAt(this.x);
    this.tip.hidden = !rows.length;
    if (!rows.length) return;
    const away = (row) => Math.abs(row.x - this.x);
    const { x } = rows.reduce((one, other) => (away(other) < away(one) ? other : one));
    const at = chart.toX(x).toFixed(1);
    this.group.append(svg("path", { d: `M${at} 0V${chart.box.bottom}` }));
    for (const row of rows) {
      const [cx, cy] = [chart.toX(row.x), chart.toY(row.value)];
      if (Number.isFinite(cy)) this.group.append(svg("circle", { class: row.colour, cx, cy, r: 3 }));
    }
    this.fillTip(this.foremost(rows), rows.length, x);
    this.placeTip(chart.box.left + Number(at));
  }

  rowsAt(x) {
    const { curves, x: [low, high] } = this.chart;
    return curves.flatMap((each) => {
      const { curve, line, y } = each;
      const point = nearest(line, x);
      if (point < 0 || line.x[point] < low || line.x[point] > high) return [];
      return [{ ...each, x: line.x[point], value: y[point], raw: line.y[point], span: curve.span(point) }];
    });
  }

  /* As many as there is room for: those that are nearest to the pointer, the nearest one marked;
     from the greatest value down. */
  foremost(rows) {
    const away = (row) => {
      const distance = Math.abs(this.chart.toY(row.value) - this.height);
      return Number.isFinite(distance) ? distance : Infinity;
    };
    const found = this.height === null ? rows : [...rows].sort((one, other) => away(one) - away(other) || 0);
    if (this.height !== null && rows.length > 1 && away(found[0]) < 40) found[0].isNearest = true;
    return found.slice(0, TIP_ROWS).sort((one, other) => (other.value - one.value) || 0);
  }

  fillTip(rows, count, x) {
    const { axis, look, spec } = this.chart;
    const { title, words } = AXES[axis];
    const show = (value) => inUnit(value, spec.unit);
    const lines = rows.map((row) => {
      const details = [
        look.smoothing && Number.isFinite(row.raw) && `is ${show(row.raw)}`,
        row.span && `${show(row.span[0])} to ${show(row.span[1])}`,
        row.x !== x && `at ${words(row.x)}`,
      ];
      return el("tr", { class: row.isNearest ? "nearest" : null },
        el("td", {}, el("i", { class: `swatch ${row.colour}` })),
        el("td", { class: "name" }, el("bdi", {}, row.title)),
        el("td", { class: "number" }, show(row.value)),
        el("td", { class: "details" }, details.filter(Boolean).join(", ")));
    });
    const more = count - lines.length;
    if (more) lines.push(el("tr", {}, el("td", { colspan: 4 }, `and ${more} more`)));
    this.tip.replaceChildren(el("b", {}, `${title} ${words(x)}`), el("table", {}, ...lines));
  }

  /* Beside the crosshair where the window has room for it, on a narrow one below the chart. */
  placeTip(at) {
    const { plot, height } = this.chart;
    const { left } = plot.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const width = this.tip.offsetWidth;
    const isNarrow = room < 640;
    const x = left + at + 14 + width > room - 8 ? at - 14 - width : at + 14;
    this.tip.style.left = `${isNarrow ? 0 : Math.max(8 - left, x)}px`;
    this.tip.style.top = isNarrow ? `${height}px` : "4px";
  }
}

/* A range cut to another; null where it is all of that. */
function within([low, high], [least, most]) {
  return low <= least && high >= most ? null : [Math.max(least, low), Math.min(most, high)];
}
