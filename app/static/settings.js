// Rendering settings: read from imgData, told in a link, and written as the parameters
// `c`, `maps`, `m`, `p`, `axis` and `gamma` of the rendering URLs.

export const FAMILIES = ["linear", "polynomial", "exponential", "logarithmic"];
export const PROJECTIONS = {
  normal: "None",
  intmax: "Maximum",
  intmean: "Mean",
  intsum: "Sum",
};

// What the service takes.
export const GAMMA = { min: 0.01, max: 100 };

export class Settings {
  constructor(data) {
    this.sizeZ = data.size.z;
    this.sizeT = data.size.t;
    this.stored = data;
    this.whole = !/float|double/.test(data.meta.pixelsType);
    this.reset();
  }

  // Takes the settings of an `imgData` object: those stored when it was asked for, or others.
  reset(data = this.stored) {
    const { channels, rdefs } = data;
    this.greyscale = rdefs.model === "greyscale";
    this.projection = { kind: "normal" };
    this.projectOver(this.sizeZ > 1 ? "z" : "t");
    this.gamma = 1;
    this.z = rdefs.defaultZ ?? 0;
    this.t = rdefs.defaultT ?? 0;
    this.channels = channels.map((channel, index) => ({
      index,
      label: channel.label,
      active: channel.active,
      start: channel.window.start,
      end: channel.window.end,
      min: Math.min(channel.window.min, channel.window.start),
      max: Math.max(channel.window.max, channel.window.end),
      color: channel.color,
      lut: channel.lut ?? null,
      inverted: Boolean(channel.inverted),
      family: channel.family ?? "linear",
      coefficient: channel.coefficient ?? 1,
    }));
  }

  // The parameters of a rendering URL; channels that are off are left out.
  query() {
    const active = this.channels.filter((channel) => channel.active);
    const query = {
      c: active.map((channel) => channelText(channel)).join(","),
      maps: JSON.stringify(active.map(mapOf)),
      m: this.greyscale ? "g" : "c",
    };
    return { ...query, ...this.beyondChannels() };
  }

  // What is the same in a rendering URL and in a link; what is not set is left out.
  beyondChannels() {
    const query = {};
    if (this.projects()) query.p = this.projectionText();
    if (this.projects() && this.projection.axis === "t") query.axis = "t";
    if (this.gamma !== 1) query.gamma = numberText(this.gamma);
    return query;
  }

  projects() {
    return this.projection.kind !== "normal" && this.sections() > 1;
  }

  sections() {
    return this.projection.axis === "z" ? this.sizeZ : this.sizeT;
  }

  projectOver(axis) {
    this.projection.axis = axis;
    this.projection.start = 0;
    this.projection.end = this.sections() - 1;
  }

  projectionText() {
    const { kind, start, end } = this.projection;
    return `${kind}|${start}:${end}`;
  }

  // What a link tells: all channels, and z and t counted from 1 as in OMERO.web's links.
  link() {
    const link = {
      c: this.channels.map((channel) => (channel.active ? "" : "-") + channelText(channel)).join(","),
      m: this.greyscale ? "g" : "c",
    };
    const maps = this.channels.map(mapOf);
    if (this.channels.some((channel) => channel.inverted || channel.family !== "linear")) {
      link.maps = JSON.stringify(maps);
    }
    if (this.sizeZ > 1) link.z = this.z + 1;
    if (this.sizeT > 1) link.t = this.t + 1;
    return { ...link, ...this.beyondChannels() };
  }

  // What can be stored: a gamma becomes part of the families that it bends.
  toStore() {
    const bent = this.channels.map((channel) => {
      if (this.gamma === 1 || !["linear", "polynomial"].includes(channel.family)) return channel;
      const coefficient = channel.family === "linear" ? 1 : channel.coefficient;
      return { ...channel, family: "polynomial", coefficient: coefficient / this.gamma };
    });
    return {
      c: bent.map((channel) => (channel.active ? "" : "-") + channelText(channel)).join(","),
      maps: JSON.stringify(bent.map(mapOf)),
      m: this.greyscale ? "g" : "c",
      z: this.z + 1,
      t: this.t + 1,
    };
  }

  readLink(parameters) {
    const c = parameters.get("c");
    if (c !== null) this.readChannels(c, parseArray(parameters.get("maps")));
    if (parameters.get("m")) this.greyscale = parameters.get("m") === "g";
    this.z = indexOf(parameters.get("z"), this.sizeZ, this.z);
    this.t = indexOf(parameters.get("t"), this.sizeT, this.t);
    this.readProjection(parameters.get("p"), parameters.get("axis"));
    const gamma = Number(parameters.get("gamma"));
    if (gamma >= GAMMA.min && gamma <= GAMMA.max) this.gamma = gamma;
  }

  readChannels(text, maps) {
    for (const channel of this.channels) channel.active = false;
    text.split(",").forEach((entry, position) => {
      const found = /^([-+]?)(\d+)(?:\|([^:$]*):([^$]*))?(?:\|?\$(.*))?$/.exec(entry.trim());
      const channel = found && this.channels[Number(found[2]) - 1];
      if (!channel) return;
      const [, sign, , start, end, color] = found;
      channel.active = sign !== "-";
      if (isNumber(start) && isNumber(end)) {
        channel.start = Number(start);
        channel.end = Number(end);
        channel.min = Math.min(channel.min, channel.start);
        channel.max = Math.max(channel.max, channel.end);
      }
      if (/^[0-9a-f]{6}$/i.test(color ?? "")) {
        channel.color = color.toUpperCase();
        channel.lut = null;
      } else if (/\.lut$/i.test(color ?? "")) {
        channel.lut = color;
      }
      readMap(channel, maps[position]);
    });
  }

  readProjection(text, axis) {
    const found = /^(intmax|intmean|intsum)(?:\|(\d+):(\d+))?$/.exec(text ?? "");
    if (axis === "t" && this.sizeT > 1) this.projectOver("t");
    if (!found || this.sections() < 2) return;
    const last = this.sections() - 1;
    const start = Math.min(Number(found[2] ?? 0), last);
    const end = Math.min(Number(found[3] ?? last), last);
    this.projection.kind = found[1];
    this.projection.start = Math.min(start, end);
    this.projection.end = Math.max(start, end);
  }
}

export function numberText(value) {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
}

function channelText({ index, start, end, color, lut }) {
  return `${index + 1}|${numberText(start)}:${numberText(end)}$${lut ?? color}`;
}

function mapOf({ inverted, family, coefficient }) {
  const quantization = family === "linear" ? { family } : { family, coefficient };
  return { inverted: { enabled: inverted }, quantization };
}

function readMap(channel, map) {
  if (!map || typeof map !== "object") return;
  const inversion = map.inverted ?? map.reverse;
  if (inversion) channel.inverted = inversion.enabled === true || inversion.enabled === "true";
  const { family, coefficient } = map.quantization ?? {};
  if (FAMILIES.includes(family)) {
    channel.family = family;
    if (coefficient > 0) channel.coefficient = Number(coefficient);
  }
}

function parseArray(text) {
  try {
    const value = JSON.parse(text ?? "[]");
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isNumber(text) {
  return text !== undefined && text.trim() !== "" && Number.isFinite(Number(text));
}

function indexOf(text, size, otherwise) {
  const number = Number(text);
  return text && Number.isInteger(number) && number >= 1 && number <= size ? number - 1 : otherwise;
}
