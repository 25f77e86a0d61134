// SPDX-License-Identifier: Apache-2.0
// Events per second and lag over the run, by uPlot, which is loaded when there
// is something to plot. All of the run is kept, in never more than MOST
// samples: when they are full, every second one goes.
import { byId, count, setHidden, setText } from './format.js';

const MOST = 1200;
const HEIGHT = 190;
const REDRAW_MS = 900; /* a point more often nobody sees */

/** [seconds since the start], [rates], [lags]; null: not known. */
export class Samples {
  constructor(most = MOST) {
    this.most = most;
    this.clear();
  }

  clear() {
    this.begin = null;
    this.data = [[], [], []];
  }

  get length() { return this.data[0].length; }

  push(ms, rate, lag) {
    this.begin ??= ms;
    if (this.length >= this.most) {
      this.data = this.data.map((list) => list.filter((_, i) => i % 2 === 0));
    }
    [(ms - this.begin) / 1000, rate, lag].forEach((value, i) =>
      this.data[i].push(value));
  }
}

const short = new Intl.NumberFormat('en-US', { notation: 'compact',
  maximumFractionDigits: 1 });

function elapsed(s) {
  return s < 60 ? `${Math.round(s * 10) / 10} s`
    : s < 3600 ? `${Math.floor(s / 60)}:${String(Math.round(s % 60))
      .padStart(2, '0')}`
      : `${(s / 3600).toFixed(1)} h`;
}

function loadStyle() {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = new URL('./uplot.css', import.meta.url).href;
    link.onload = resolve;
    link.onerror = () => { link.remove(); reject(); };
    document.head.append(link);
  });
}

export class Plot {
  constructor() {
    this.box = byId('plot');
    this.samples = new Samples();
    this.isNews = true; /* that there is nothing */
    this.chart = null;
    this.drawn = -REDRAW_MS;
    this.uPlot = null; /* not loaded, or not yet */
    this.isLoading = false;
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change',
      () => this.remake());
  }

  /** All of a run that the server has kept, in place of what is here. */
  load({ at_ms: at, events_per_second: rates, lag_positions: lags },
    now = performance.now()) {
    this.samples.clear();
    if (at.length) {
      this.samples.begin = now - at.at(-1);
      this.samples.data = [at.map((ms) => ms / 1000), rates, lags];
    }
    this.isNews = true;
  }

  begin() {
    this.samples.clear();
    this.isNews = true;
  }

  push(progress, at = performance.now()) {
    this.samples.push(at, progress.events_per_second, progress.lag_positions);
    this.isNews = true;
  }

  draw() {
    const now = performance.now();
    if (!this.isNews || now - this.drawn < REDRAW_MS) return;
    this.drawn = now;
    this.isNews = false;
    setHidden(byId('plot-empty'), this.samples.length > 0);
    setHidden(byId('plot-caption'), this.samples.length === 0);
    setHidden(this.box, this.samples.length === 0);
    if (this.samples.length === 0) return;
    if (this.chart) this.chart.setData(this.samples.data);
    else if (this.uPlot) this.make();
    else this.loadChart();
    this.showValues(null);
  }

  /* Of the sample at the cursor; without one the newest that is known: the
   * last of a run has no rate. */
  showValues(i) {
    const [, ...lines] = this.samples.data;
    const [rate, lag] = lines.map((line) =>
      (i === null ? line.findLast((value) => value !== null) : line[i]) ?? NaN);
    setText(byId('plot-rate'), count(rate));
    setText(byId('plot-lag'), count(lag));
  }

  /* When that fails it is tried again with the next sample. */
  async loadChart() {
    if (this.isLoading) return;
    this.isLoading = true;
    try {
      const [module] = await Promise.all([import('./uplot.js'), loadStyle()]);
      this.uPlot = module.default;
      this.remake();
    } catch {
      /* the numbers are there without it */
    } finally {
      this.isLoading = false;
    }
  }

  make() {
    const style = getComputedStyle(document.body);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: color('--soft'), font: '11px system-ui',
      grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line'), width: 1, size: 4 } };
    const compact = (_, values) => values.map((v) =>
      v === null ? '' : short.format(v));
    const range = (_, low, high) => [0, Math.max(high ?? 0, 1) * 1.08];
    this.chart = new this.uPlot({
      width: Math.max(200, this.box.clientWidth), height: HEIGHT,
      legend: { show: false },
      padding: [10, 6, 0, 0],
      cursor: { y: false, points: { size: 5 }, drag: { x: false, y: false } },
      scales: { x: { time: false,
        range: (_, low, high) => [0, Math.max(high ?? 0, 10)] },
      rate: { range }, lag: { range } },
      axes: [{ ...axis, size: 26, space: 70,
        values: (_, values) => values.map(elapsed) },
      { ...axis, scale: 'rate', values: compact, size: 46 },
      { ...axis, scale: 'lag', side: 1, values: compact, size: 46,
        grid: { show: false } }],
      series: [{},
        { scale: 'rate', stroke: color('--accent'), width: 1.5,
          fill: color('--accent-wash'), points: { show: false } },
        { scale: 'lag', stroke: color('--warn'), width: 1.5, dash: [5, 3],
          points: { show: false } }],
      hooks: { setCursor: [(chart) => this.showValues(
        chart.cursor.idx ?? null)] },
    }, this.samples.data, this.box);
  }

  remake() {
    this.chart?.destroy();
    this.chart = null;
    this.isNews = true;
    this.drawn = -REDRAW_MS;
    requestAnimationFrame(() => this.draw());
  }

  resize() {
    const width = this.box.clientWidth;
    if (this.chart && width > 0 && width !== this.chart.width) {
      this.chart.setSize({ width, height: HEIGHT });
    }
  }
}
