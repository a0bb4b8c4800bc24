/* Curves: a metric's points as they are drawn, along any axis. A curve is whole, or folded:
   then its line goes through the first and the last value of each group of neighbours, and a
   band shows the least and the greatest. */

class Curve {
  constructor(data, place, origin) {
    this.isFolded = !data.y;
    this.place = place;
    this.origin = origin;
    this.columns = {};
    for (const name of ["y", "first", "last", "min", "max"]) {
      if (data[name]) this.columns[name] = Float64Array.from(data[name], number);
    }
    this.lines = new Map();
    this.smoothing = [-1, null, null];
  }

  has(axis) {
    return (axis === "wall" ? "seconds" : axis) in this.place;
  }

  /* { x, y, sorted } along an axis that it has. */
  line(axis) {
    if (!this.lines.has(axis)) this.lines.set(axis, this.made(axis));
    return this.lines.get(axis);
  }

  made(axis) {
    const column = axis === "wall" ? "seconds" : axis;
    const shift = axis === "wall" ? this.origin : 0;
    const begins = Float64Array.from(this.place[column], (value) => number(value) + shift);
    if (!this.isFolded) return withOrder({ x: begins, y: this.columns.y });
    const ends = Float64Array.from(this.place.ends[column], (value) => number(value) + shift);
    const x = new Float64Array(2 * begins.length);
    const y = new Float64Array(2 * begins.length);
    for (let i = 0; i < begins.length; i++) {
      x[2 * i] = begins[i];
      x[2 * i + 1] = ends[i];
      y[2 * i] = this.columns.first[i];
      y[2 * i + 1] = this.columns.last[i];
    }
    return withOrder({ x, y });
  }

  /* The values as TensorBoard smooths them: a moving average that forgets by the weight, made
     right for its beginning. What is not finite is passed over. */
  smoothed(axis, weight) {
    const { y } = this.line(axis);
    if (!weight) return y;
    if (this.smoothing[0] === weight && this.smoothing[1] === y) return this.smoothing[2];
    const found = new Float64Array(y.length);
    let average = 0;
    let share = 1;
    for (let i = 0; i < y.length; i++) {
      if (Number.isFinite(y[i])) {
        average = average * weight + (1 - weight) * y[i];
        share *= weight;
        found[i] = average / (1 - share);
      } else {
        found[i] = y[i];
      }
    }
    this.smoothing = [weight, y, found];
    return found;
  }

  /* What the point of a line spans, where it stands for several: [least, greatest]. */
  span(point) {
    if (!this.isFolded) return null;
    const { min, max } = this.columns;
    const group = point >> 1;
    return min[group] < max[group] ? [min[group], max[group]] : null;
  }
}

function withOrder(line) {
  let sorted = true;
  for (let i = 1; i < line.x.length && sorted; i++) sorted = line.x[i] >= line.x[i - 1];
  return { ...line, sorted };
}

/* The first point at x or behind it, of a sorted line. */
function pointFrom(xs, x) {
  let low = 0;
  let high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* The points of a line that a range shows, and one beyond each of its ends: [from, to). */
function pointsWithin(line, [low, high]) {
  if (!line.sorted) return [0, line.x.length];
  const from = Math.max(0, pointFrom(line.x, low) - 1);
  let to = pointFrom(line.x, high);
  while (to < line.x.length && line.x[to] <= high) to++;
  return [from, Math.min(line.x.length, to + 1)];
}

/* The point of a line that is nearest to x; -1 where it has none. */
function nearest(line, x) {
  let best = -1;
  let distance = Infinity;
  let [from, to] = [0, line.x.length];
  if (line.sorted) {
    const at = pointFrom(line.x, x);
    [from, to] = [Math.max(0, at - 1), Math.min(to, at + 1)];
  }
  for (let i = from; i < to; i++) {
    const away = Math.abs(line.x[i] - x);
    if (away < distance) [best, distance] = [i, away];
  }
  return best;
}
