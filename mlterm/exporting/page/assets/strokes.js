/* Strokes: the paths that a curve is drawn with, in the pixels of a chart: toX, toY, box. */

/* A line of as many strokes as there are pixels: of each column the first value, the least, the
   greatest and the last. Broken where a value has no place; points that stand alone apart. */
function pathOf(xs, ys, [from, to], { toX, toY }) {
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
    const pixel = toX(xs[i]);
    const y = toY(ys[i]);
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

function bandOf(curve, line, [from, to], { toX, toY, box }) {
  if (!curve.isFolded) return "";
  const above = [];
  const below = [];
  const floor = box.bottom - box.top;
  for (let i = from & ~1; i < to; i++) {
    const span = curve.span(i);
    const x = toX(line.x[i]);
    if (!span || !Number.isFinite(x)) continue;
    const [low, high] = span.map((value) => Math.min(4 * floor, Math.max(-3 * floor, toY(value))));
    above.push(`${x.toFixed(1)} ${(Number.isNaN(high) ? floor : high).toFixed(1)}`);
    below.push(`${x.toFixed(1)} ${(Number.isNaN(low) ? floor : low).toFixed(1)}`);
  }
  return above.length > 1 ? `M${above.join("L")}L${below.reverse().join("L")}Z` : "";
}

/* Values that have no place: a cross at the bottom for NaN, a triangle at an edge for an
   infinity. */
function marksOf(line, [from, to], { toX, box }) {
  const found = new Map();
  const bottom = box.bottom - box.top;
  for (let i = from; i < to; i++) {
    const value = line.y[i];
    if (Number.isFinite(value)) continue;
    const x = toX(line.x[i]);
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
