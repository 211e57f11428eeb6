// The panel with one entry for each channel: on or off, colour or lookup table, window,
// inversion and the shape of the stretch.

import { element, getJson } from "./api.js";
import { WindowSlider } from "./histogram.js";
import { FAMILIES } from "./settings.js";

const OPEN_AT_FIRST = 4;
const FINEST_BINS = 4096;
const LEFT_OUT = 0.001;

export class ChannelPanel {
  // `changed` is called after a setting has been changed by hand.
  constructor(place, imageId, settings, changed) {
    this.imageId = imageId;
    this.settings = settings;
    this.changed = changed;
    this.histograms = new Map();
    this.tables = [];
    this.place = place;
    this.build();
    this.loadTables();
  }

  build() {
    const few = this.settings.channels.length <= OPEN_AT_FIRST;
    this.entries = this.settings.channels.map(
      (channel) => new ChannelEntry(this, channel, few && channel.active),
    );
    this.place.replaceChildren(...this.entries.map((entry) => entry.node));
    for (const entry of this.entries) entry.offerTables(this.tables);
  }

  toggle(index) {
    const entry = this.entries[index];
    if (entry) entry.setActive(!entry.channel.active);
  }

  // The plane has changed, and with it the histograms.
  showHistograms() {
    for (const entry of this.entries) entry.showHistogram();
  }

  async loadTables() {
    try {
      const { luts } = await getJson("/webgateway/luts/");
      this.tables = [...new Set(luts.map((table) => table.name))];
      for (const entry of this.entries) entry.offerTables(this.tables);
    } catch {
      // Colours serve as well.
    }
  }

  // One bin for each value where there are few, or whole numbers would leave bins empty.
  bins(index) {
    const { min, max } = this.settings.stored.channels[index].window;
    const values = this.settings.whole ? Math.round(max - min) : Infinity;
    return Math.max(1, Math.min(256, values));
  }

  // The window without the thousandth of all values at each end, of the plane or projection shown.
  async percentiles(index) {
    const { z, t, whole, projection } = this.settings;
    const { min, max } = this.settings.stored.channels[index].window;
    const values = Math.round(max - min);
    const bins = whole && values < FINEST_BINS ? Math.max(1, values) : FINEST_BINS;
    const query = { theZ: z, theT: t, bins };
    if (this.settings.projects()) {
      query.p = this.settings.projectionText();
      query.axis = projection.axis;
    }
    const path = `/webgateway/histogram_json/${this.imageId}/channel/${index}/`;
    const found = await getJson(path, query);
    return percentileWindow(found.data, found.min ?? min, found.max ?? max, whole);
  }

  histogram(index, z, t) {
    const name = `${index} ${z} ${t}`;
    if (!this.histograms.has(name)) {
      const path = `/webgateway/histogram_json/${this.imageId}/channel/${index}/`;
      const asked = getJson(path, { theZ: z, theT: t, bins: this.bins(index) });
      asked.catch(() => this.histograms.delete(name));
      this.histograms.set(name, asked);
    }
    return this.histograms.get(name);
  }
}

function percentileWindow(counts, low, high, whole) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const step = (high - low) / counts.length;
  const round = (value) => (whole ? Math.round(value) : Number(value.toPrecision(6)));
  let below = 0;
  let start = low;
  let end = high;
  for (const [bin, count] of counts.entries()) {
    if (below <= total * LEFT_OUT) start = low + bin * step;
    below += count;
    if (below >= total * (1 - LEFT_OUT)) {
      end = low + (bin + 1) * step;
      break;
    }
  }
  return [round(start), Math.max(round(end), round(start) + (whole ? 1 : step || 1))];
}

class ChannelEntry {
  constructor(panel, channel, isOpen) {
    this.panel = panel;
    this.channel = channel;
    const { whole } = panel.settings;
    this.slider = new WindowSlider(channel, whole, panel.changed, () => this.adjust());
    this.details = element("div", { class: "details" }, this.slider.node, this.look(), this.shape());
    this.node = element("li", { class: "channel" }, this.head(isOpen), this.details);
    this.setOpen(isOpen);
    this.refresh();
  }

  head(isOpen) {
    const { channel } = this;
    this.check = element("input", { type: "checkbox", "aria-label": `Show channel ${channel.label}` });
    this.check.addEventListener("change", () => this.setActive(this.check.checked));
    this.swatch = element("span", { class: "swatch", "aria-hidden": "true" });
    const name = element("span", { class: "label" }, channel.label);
    this.opener = element("button", {
      type: "button",
      class: "opener",
      "aria-expanded": String(isOpen),
      "aria-label": `Settings of channel ${channel.label}`,
    });
    this.opener.addEventListener("click", () => this.setOpen(this.details.hidden));
    const shown = element("label", { class: "shown" }, this.check, this.swatch, name);
    return element("div", { class: "head" }, shown, this.opener);
  }

  look() {
    const { channel } = this;
    this.color = element("input", { type: "color", "aria-label": `Colour of ${channel.label}` });
    this.color.addEventListener("input", () => {
      channel.color = this.color.value.slice(1).toUpperCase();
      channel.lut = null;
      this.refresh();
      this.panel.changed();
    });
    this.table = element("select", { "aria-label": `Lookup table of ${channel.label}` });
    this.table.addEventListener("change", () => {
      channel.lut = this.table.value || null;
      this.refresh();
      this.panel.changed();
    });
    this.inverted = element("input", { type: "checkbox" });
    this.inverted.addEventListener("change", () => {
      channel.inverted = this.inverted.checked;
      this.panel.changed();
    });
    const inverted = element("label", { class: "check" }, this.inverted, "Invert");
    return element("div", { class: "row" }, this.color, this.table, inverted);
  }

  shape() {
    const { channel } = this;
    this.family = element(
      "select",
      { "aria-label": `Family of ${channel.label}` },
      ...FAMILIES.map((family) => element("option", { value: family }, family)),
    );
    this.coefficient = element("input", {
      type: "range",
      min: "0.1",
      max: "4",
      step: "0.1",
      "aria-label": `Coefficient of ${channel.label}`,
    });
    this.told = element("output", {});
    this.family.addEventListener("change", () => {
      channel.family = this.family.value;
      this.refresh();
      this.panel.changed();
    });
    this.coefficient.addEventListener("input", () => {
      channel.coefficient = Number(this.coefficient.value);
      this.refresh();
      this.panel.changed();
    });
    return element("div", { class: "row" }, this.family, this.coefficient, this.told);
  }

  offerTables(names) {
    const { lut } = this.channel;
    const all = lut && !names.includes(lut) ? [lut, ...names] : names;
    const options = all.map((name) => element("option", { value: name }, name.replace(/\.lut$/i, "")));
    this.table.replaceChildren(element("option", { value: "" }, "Colour"), ...options);
    this.refresh();
  }

  setActive(isActive) {
    this.channel.active = isActive;
    this.refresh();
    this.panel.changed();
    this.showHistogram();
  }

  setOpen(isOpen) {
    this.details.hidden = !isOpen;
    this.opener.setAttribute("aria-expanded", String(isOpen));
    this.showHistogram();
  }

  refresh() {
    const { channel } = this;
    this.check.checked = channel.active;
    this.node.classList.toggle("off", !channel.active);
    this.node.style.setProperty("--channel", `#${channel.color}`);
    this.swatch.classList.toggle("table", channel.lut !== null);
    this.color.value = `#${channel.color.toLowerCase()}`;
    this.table.value = channel.lut ?? "";
    this.inverted.checked = channel.inverted;
    this.family.value = channel.family;
    // Only these two have a coefficient.
    const isShaped = ["polynomial", "exponential"].includes(channel.family);
    this.coefficient.hidden = this.told.hidden = !isShaped;
    this.coefficient.value = String(channel.coefficient);
    this.told.textContent = channel.coefficient.toFixed(1);
    this.slider.refresh();
  }

  async adjust() {
    try {
      const [start, end] = await this.panel.percentiles(this.channel.index);
      this.slider.setBoth(start, end);
    } catch {
      // The window stays as it is.
    }
  }

  async showHistogram() {
    const { settings } = this.panel;
    if (this.details.hidden) return;
    const { z, t } = settings;
    try {
      const found = await this.panel.histogram(this.channel.index, z, t);
      if (z !== settings.z || t !== settings.t) return;
      const stored = settings.stored.channels[this.channel.index].window;
      this.slider.show(found.data, found.min ?? stored.min, found.max ?? stored.max);
    } catch {
      // The window can be set without it.
    }
  }
}
