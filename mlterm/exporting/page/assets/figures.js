/* Figures: numbers, amounts and moments as a person reads them, and places on an axis worth a
   tick. */

const WORDS = { NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const DAY = 86400;

/* A number as the data has it: a word where JSON has none, null where there is none. */
function number(value) {
  if (typeof value === "number") return value;
  return typeof value === "string" && Object.hasOwn(WORDS, value) ? WORDS[value] : NaN;
}

function figure(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (!value) return "0";
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-4) return exponential(value, 4);
  if (size >= 1e5) return Math.round(value).toLocaleString("en-US");
  return signed(Number(value.toPrecision(5)).toLocaleString("en-US", { maximumSignificantDigits: 5 }));
}

function exponential(value, digits) {
  const [mantissa, power] = value.toExponential(digits).split("e");
  return signed(`${Number(mantissa)}e${Number(power)}`);
}

function signed(text) {
  return text.replace("-", "−");
}

function amount(value) {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let power = 0;
  while (Math.abs(value) >= 999.5 * 1024 ** power && power < units.length - 1) power++;
  return `${Number((value / 1024 ** power).toPrecision(3))} ${units[power]}`;
}

/* A value in the unit of its chart. */
function inUnit(value, unit) {
  if (!unit || !Number.isFinite(value)) return figure(value);
  if (unit === "bytes") return amount(value);
  if (unit === "bytes a second") return `${amount(value)}/s`;
  const sign = { percent: "%", watts: " W", celsius: " °C" }[unit];
  return figure(Number(value.toPrecision(4))) + sign;
}

function duration(seconds) {
  if (!Number.isFinite(seconds)) return figure(seconds);
  if (seconds < 0) return "−" + duration(-seconds);
  if (seconds < 59.95) return `${Number(seconds.toFixed(seconds < 10 ? 2 : 1))} s`;
  const whole = Math.round(seconds);
  const two = (part) => String(part).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

function clock(seconds, parts = "date time seconds") {
  const moment = new Date(seconds * 1000);
  if (Number.isNaN(moment.getTime())) return figure(seconds);
  const two = (part) => String(part).padStart(2, "0");
  const date = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  let time = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  if (parts.includes("seconds")) time += `:${two(moment.getSeconds())}`;
  return [parts.includes("date") && date, parts.includes("time") && time].filter(Boolean).join(" ");
}

/* Each axis that a chart may have: its name for a person, and in short, a value's words, and its
   ticks. */
const AXES = {
  step: { title: "step", short: "step", words: figure, ticks: (low, high, count) => ticks(low, high, count, true) },
  epoch: { title: "epoch", short: "epoch", words: figure, ticks: (low, high, count) => ticks(low, high, count) },
  seconds: { title: "time since the start", short: "time", words: duration, ticks: timeTicks },
  wall: { title: "date and time", short: "time", words: (value) => clock(value), ticks: clockTicks },
};

/* Round values from low to high: [[value, text]], count of them or somewhat fewer. */
function ticks(low, high, count, whole = false, unit = "") {
  let step = niceStep((high - low) / Math.max(1, count), unit);
  if (whole && high - low >= 2) step = Math.max(1, step);
  return multiples(low, high, step).map((value) => [value, tickText(value, step, unit)]);
}

function niceStep(least, unit) {
  if (!(least > 0)) return 1;
  const base = unit.startsWith("bytes") ? 2 : 10;
  const power = base ** Math.floor(Math.log(least) / Math.log(base));
  const factor = base === 2 ? [1, 2] : [1, 2, 5, 10];
  return power * factor.find((each) => each * power >= least * (1 - 1e-9));
}

function multiples(low, high, step) {
  const found = [];
  const last = Math.floor(high / step + 1e-9);
  for (let each = Math.ceil(low / step - 1e-9); each <= last && found.length < 100; each++) {
    found.push(each * step);
  }
  return found;
}

function tickText(value, step, unit) {
  if (unit) return inUnit(value, unit);
  if (!value) return "0";
  const size = Math.abs(value);
  const digits = Math.max(0, Math.floor(Math.log10(size)) - Math.floor(Math.log10(step) + 1e-9));
  if (size >= 1e7 || size < 1e-4) return exponential(value, digits);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const format = { minimumFractionDigits: places, maximumFractionDigits: places };
  return signed(value.toLocaleString("en-US", format));
}

/* Of a logarithmic axis: decades, and where few lie in the range 2 and 5 times them as well. */
function logTicks(low, high, count, unit = "") {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const stride = Math.max(1, Math.ceil((last - first) / count));
  const factors = last - first <= 3 ? [1, 2, 5] : [1];
  const found = [];
  for (let power = first; power <= last; power += stride) {
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(2));
      if (value >= low * 0.999 && value <= high * 1.001) found.push([value, inUnit(value, unit)]);
    }
  }
  return found.length > 1 ? found : ticks(low, high, count, false, unit);
}

const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30], ...[1, 2, 5, 10, 15, 30].map((n) => 60 * n),
  ...[1, 2, 3, 6, 12].map((n) => 3600 * n), ...[1, 2, 5, 10, 20, 50, 100].map((n) => DAY * n),
];

function timeStep(low, high, count) {
  const least = (high - low) / Math.max(1, count);
  return TIME_STEPS.find((step) => step >= least) || niceStep(least / DAY, "") * DAY;
}

function timeTicks(low, high, count) {
  if (high - low < 3) return ticks(low, high, count).map(([value, text]) => [value, `${text} s`]);
  const step = timeStep(low, high, count);
  return multiples(low, high, step).map((value) => [value, briefly(value)]);
}

/* A duration without the parts of it that are nought: 1 h, 1 h 30 min, 90 s. */
function briefly(seconds) {
  if (!seconds) return "0";
  return duration(seconds).replace(/ 00 (s|min|h)$/, "");
}

function clockTicks(low, high, count) {
  const step = timeStep(low, high, count);
  const shift = new Date(low * 1000).getTimezoneOffset() * 60;
  const locals = multiples(low - shift, high - shift, step);
  if (!locals.length) return [[low, clock(low)]];
  return locals.map((local) => {
    const value = local + shift;
    if (step >= DAY || (high - low > DAY && local % DAY === 0)) return [value, clock(value, "date")];
    return [value, clock(value, step < 60 ? "time seconds" : "time")];
  });
}
