// The window of a channel: its histogram with two handles, one for each end.

import { element } from "./api.js";
import { numberText } from "./settings.js";

const STEPS = 1000;

export class WindowSlider {
  // `channel` is changed in place; `changed` is called after that. `auto` is asked for a window.
  constructor(channel, whole, changed, auto) {
    this.channel = channel;
    this.whole = whole;
    this.changed = changed;
    this.data = null;
    this.canvas = element("canvas", { class: "histogram", "aria-hidden": "true" });
    this.handles = {
      start: this.handle("start", "start of the window"),
      end: this.handle("end", "end of the window"),
    };
    this.fields = { start: this.field("start", "Window start"), end: this.field("end", "Window end") };
    const handles = element("div", { class: "handles" }, this.handles.start, this.handles.end);
    const button = element("button", {
      type: "button",
      class: "auto",
      title: "From the 0.1st to the 99.9th percentile of what is shown",
      "aria-label": `${channel.label}: window from the values`,
    });
    button.textContent = "Auto";
    button.addEventListener("click", auto);
    const fields = element("div", { class: "fields" }, this.fields.start, button, this.fields.end);
    this.node = element("div", { class: "window" }, this.canvas, handles, fields);
    new ResizeObserver(() => this.paint()).observe(this.canvas);
    this.refresh();
  }

  handle(end, title) {
    const input = element("input", {
      type: "range",
      min: "0",
      max: String(STEPS),
      class: `handle ${end}`,
      "aria-label": `${this.channel.label}: ${title}`,
    });
    input.addEventListener("input", () => this.set(end, this.valueAt(Number(input.value))));
    return input;
  }

  field(end, title) {
    const input = element("input", {
      type: "number",
      step: this.whole ? "1" : "any",
      "aria-label": `${this.channel.label}: ${title}`,
    });
    input.addEventListener("change", () => {
      const value = Number(input.value);
      if (input.value !== "" && Number.isFinite(value)) this.set(end, value);
      else this.refresh();
    });
    return input;
  }

  valueAt(position) {
    const { min, max } = this.channel;
    const value = min + ((max - min) * position) / STEPS;
    return this.whole ? Math.round(value) : Number(value.toPrecision(6));
  }

  // The ends never cross: the one that is moved takes the other one along.
  set(end, value) {
    const { channel } = this;
    channel[end] = value;
    if (channel.start > channel.end) channel[end === "start" ? "end" : "start"] = value;
    channel.min = Math.min(channel.min, value);
    channel.max = Math.max(channel.max, value);
    this.refresh();
    this.changed();
  }

  setBoth(start, end) {
    this.channel.start = start;
    this.set("end", end);
  }

  refresh() {
    const { channel } = this;
    const span = channel.max - channel.min || 1;
    for (const end of ["start", "end"]) {
      this.handles[end].value = String(Math.round(((channel[end] - channel.min) / span) * STEPS));
      this.handles[end].setAttribute("aria-valuetext", numberText(channel[end]));
      this.fields[end].value = numberText(channel[end]);
    }
    this.paint();
  }

  // `counts` lie between `low` and `high` in equal bins.
  show(counts, low, high) {
    this.data = { counts, low, high };
    this.paint();
  }

  paint() {
    const density = window.devicePixelRatio || 1;
    const width = Math.round(this.canvas.clientWidth * density);
    const height = Math.round(this.canvas.clientHeight * density);
    if (!width || !height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    const context = this.canvas.getContext("2d");
    const { channel } = this;
    const style = getComputedStyle(this.canvas);
    const span = channel.max - channel.min || 1;
    const at = (value) => ((value - channel.min) / span) * width;
    if (this.data) {
      const { counts, low, high } = this.data;
      // Few bins hold most pixels, so that heights are logarithmic.
      const top = Math.log1p(Math.max(1, ...counts));
      const step = (high - low) / counts.length || span;
      context.fillStyle = style.color;
      counts.forEach((count, bin) => {
        const tall = (Math.log1p(count) / top) * (height - 2);
        const left = Math.round(at(low + bin * step));
        const right = Math.round(at(low + (bin + 1) * step));
        context.fillRect(left, height - tall, Math.max(1, right - left), tall);
      });
    }
    const dim = style.getPropertyValue("--dim").trim();
    context.fillStyle = dim || "rgb(0 0 0 / 50%)";
    context.fillRect(0, 0, at(channel.start), height);
    context.fillRect(at(channel.end), 0, width - at(channel.end), height);
  }
}
