// The page of one image: puts the view, the tiles and the controls together.

import { element, getJson, post, sentence, throttled } from "./api.js";
import { ChannelPanel } from "./channels.js";
import { GAMMA, PROJECTIONS, Settings } from "./settings.js";
import { Tiles } from "./tiles.js";
import { View } from "./view.js";

const $ = (selector) => document.querySelector(selector);
const imageId = Number(document.body.dataset.image);
const stage = $("#stage");
const canvas = $("#picture");
const context = canvas.getContext("2d", { alpha: true });

class Viewer {
  constructor(data) {
    this.data = data;
    this.settings = new Settings(data);
    this.tiles = new Tiles(data, () => this.repaint());
    this.repaint = this.onceAFrame(() => this.paint());
    this.updateLink = throttled(() => this.writeLink(), 400);
    this.updatePicture = throttled(() => this.showPicture(), 120);
    this.view = new View(stage, data.size.width, data.size.height, () => this.moved());
    const link = new URLSearchParams(location.search);
    for (const [name, value] of new URLSearchParams(location.hash.slice(1))) link.set(name, value);
    this.settings.readLink(link);
    this.panel = new ChannelPanel($("#channels"), imageId, this.settings, () => this.changed());
    this.buildControls();
    // First where to look: tiles are asked for as soon as there is a picture.
    this.lookAtLink(link);
    this.showPicture();
  }

  onceAFrame(action) {
    let asked = false;
    return () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        action();
      });
    };
  }

  lookAtLink(link) {
    const [x, y, percent] = ["x", "y", "zm"].map((name) => parseFloat(link.get(name)));
    if (percent > 0 && x >= 0 && y >= 0) this.view.look(x, y, percent / 100);
    else this.view.fit();
  }

  moved() {
    if (!this.tiles) return;
    this.tiles.want(this.view);
    this.repaint();
    this.updateLink();
  }

  changed() {
    this.refreshControls();
    this.updatePicture();
    this.updateLink();
  }

  showPicture() {
    const query = this.settings.query();
    const { z, t } = this.settings;
    const along = this.settings.projects() ? this.settings.projection.axis : null;
    const plane = `${along === "z" ? "p" : z} ${along === "t" ? "p" : t}`;
    this.tiles.show({ z, t, query, name: `${plane} ${JSON.stringify(query)}` });
    this.tiles.want(this.view);
    this.repaint();
  }

  paint() {
    const { view, tiles } = this;
    const width = Math.round(view.stageWidth * view.density);
    const height = Math.round(view.stageHeight * view.density);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = view.scale * view.density < 2;
    tiles.paint(context, view);
    const isComplete = tiles.isComplete();
    stage.setAttribute("aria-busy", String(!isComplete));
    stage.dataset.level = tiles.level;
    $("#busy").hidden = isComplete || Boolean(tiles.problem);
    $("#problem").hidden = !tiles.problem;
    $("#problem").textContent = sentence(tiles.problem ?? "");
    $("#zoom").textContent = `${zoomText(view.scale * 100)} %`;
    this.paintScaleBar();
    if (isComplete && this.isPlaying) this.playOn();
  }

  paintScaleBar() {
    const bar = $("#scale-bar");
    const size = this.data.pixel_size?.x;
    bar.hidden = !size;
    if (!size) return;
    const { length, pixels } = scaleBar(size / this.view.scale, 140);
    bar.querySelector(".bar").style.setProperty("width", `${pixels}px`);
    bar.querySelector(".length").textContent = length;
  }

  buildControls() {
    const { settings, data } = this;
    const name = data.meta.imageName || `Image ${imageId}`;
    document.title = `${name} · Blitzrender`;
    $("#name").textContent = name;
    $("#name").title = name;
    $("#facts").textContent = facts(data);
    canvas.setAttribute("aria-label", `Image ${name}`);
    this.axis("z", settings.sizeZ);
    this.axis("t", settings.sizeT);
    this.buildProjection();
    $("#greyscale").addEventListener("change", (event) => {
      settings.greyscale = event.target.checked;
      this.changed();
    });
    $("#gamma").addEventListener("change", (event) => {
      const gamma = Number(event.target.value) || 1;
      settings.gamma = Math.min(Math.max(gamma, GAMMA.min), GAMMA.max);
      this.changed();
    });
    $("#reset").addEventListener("click", () => this.startFrom(settings.stored));
    $("#defaults").addEventListener("click", () => this.showDefaults());
    $("#save").hidden = !data.perms?.canAnnotate;
    $("#save").addEventListener("click", () => this.save());
    $("#fit").addEventListener("click", () => this.view.fit());
    $("#full-size").addEventListener("click", () => this.view.look(this.view.x, this.view.y, 1));
    $("#zoom-in").addEventListener("click", () => this.view.zoom(1.5));
    $("#zoom-out").addEventListener("click", () => this.view.zoom(1 / 1.5));
    $("#share").addEventListener("click", () => this.copyLink());
    $("#panel-toggle").addEventListener("click", () => this.togglePanel());
    document.addEventListener("keydown", (event) => this.key(event));
    this.refreshControls();
    $("#panel").hidden = false;
  }

  startFrom(data) {
    this.settings.reset(data);
    this.panel.build();
    this.changed();
  }

  async showDefaults() {
    await this.trying(async () => {
      this.startFrom(await getJson(`/webgateway/imgData/${imageId}/`, { getDefaults: true }));
    });
  }

  async save() {
    await this.trying(async () => {
      const saved = await post(`/webgateway/saveImgRDef/${imageId}/`, this.settings.toStore());
      if (!saved) throw new Error("this image is there no more");
      this.settings.stored = await getJson(`/webgateway/imgData/${imageId}/`);
      this.tell("Settings saved");
    });
  }

  async trying(action) {
    try {
      await action();
    } catch (error) {
      this.tell(sentence(error.message));
    }
  }

  tell(text) {
    const told = $("#told");
    told.textContent = text;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => (told.textContent = ""), 3000);
  }

  axis(name, size) {
    const row = $(`#axis-${name}`);
    row.hidden = size < 2;
    if (size < 2) return;
    const input = row.querySelector("input");
    input.max = String(size - 1);
    input.addEventListener("input", () => {
      this.pause();
      this.goTo(name, Number(input.value));
    });
    const play = row.querySelector("button");
    if (play) play.addEventListener("click", () => (this.isPlaying ? this.pause() : this.play()));
  }

  goTo(axis, index) {
    const size = axis === "z" ? this.settings.sizeZ : this.settings.sizeT;
    const next = Math.min(Math.max(index, 0), size - 1);
    if (next === this.settings[axis]) return;
    this.settings[axis] = next;
    this.updateHistograms ??= throttled(() => this.panel.showHistograms(), 400);
    this.updateHistograms();
    this.changed();
  }

  play() {
    this.isPlaying = true;
    $("#play").setAttribute("aria-pressed", "true");
    this.playOn();
  }

  pause() {
    this.isPlaying = false;
    clearTimeout(this.playing);
    $("#play").setAttribute("aria-pressed", "false");
  }

  // The next timepoint is asked for when the one before has been painted.
  playOn() {
    clearTimeout(this.playing);
    this.playing = setTimeout(() => {
      if (this.isPlaying) this.goTo("t", (this.settings.t + 1) % this.settings.sizeT);
    }, 150);
  }

  buildProjection() {
    const { settings } = this;
    const row = $("#projection");
    row.hidden = settings.sizeZ < 2 && settings.sizeT < 2;
    if (row.hidden) return;
    const kind = row.querySelector(".kind");
    const over = row.querySelector(".over");
    over.hidden = settings.sizeZ < 2 || settings.sizeT < 2;
    over.addEventListener("change", () => {
      settings.projectOver(over.value);
      this.changed();
    });
    const options = Object.entries(PROJECTIONS);
    kind.append(...options.map(([value, text]) => element("option", { value }, text)));
    kind.addEventListener("change", () => {
      settings.projection.kind = kind.value;
      this.changed();
    });
    for (const end of ["start", "end"]) {
      const input = row.querySelector(`.${end}`);
      input.addEventListener("change", () => {
        const index = Math.round(Number(input.value)) - 1;
        const { projection } = settings;
        projection[end] = Math.min(Math.max(index || 0, 0), settings.sections() - 1);
        if (projection.start > projection.end) {
          projection[end === "start" ? "end" : "start"] = projection[end];
        }
        this.changed();
      });
    }
  }

  refreshControls() {
    const { settings } = this;
    const { projection } = settings;
    const isProjected = settings.projects();
    $("#gamma").value = String(settings.gamma);
    $("#greyscale").checked = settings.greyscale;
    for (const [name, size] of [["z", settings.sizeZ], ["t", settings.sizeT]]) {
      const row = $(`#axis-${name}`);
      const input = row.querySelector("input");
      input.value = String(settings[name]);
      input.disabled = isProjected && name === projection.axis;
      input.setAttribute("aria-valuetext", `${settings[name] + 1} of ${size}`);
      row.querySelector("output").textContent = `${settings[name] + 1} / ${size}`;
    }
    const row = $("#projection");
    row.querySelector(".kind").value = projection.kind;
    row.querySelector(".over").value = projection.axis;
    row.querySelector(".range").hidden = !isProjected;
    for (const end of ["start", "end"]) {
      const input = row.querySelector(`.${end}`);
      input.max = String(settings.sections());
      input.value = String(projection[end] + 1);
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const { settings } = this;
    const actions = {
      "[": () => this.goTo("z", settings.z - 1),
      "]": () => this.goTo("z", settings.z + 1),
      ",": () => this.goTo("t", settings.t - 1),
      ".": () => this.goTo("t", settings.t + 1),
      c: () => this.togglePanel(),
      g: () => {
        settings.greyscale = !settings.greyscale;
        this.changed();
      },
    };
    actions[event.key]?.();
  }

  togglePanel() {
    const isHidden = document.body.classList.toggle("without-panel");
    $("#panel-toggle").setAttribute("aria-expanded", String(!isHidden));
  }

  linkText() {
    const link = this.settings.link();
    if (!this.view.isFitted) {
      link.x = Math.round(this.view.x);
      link.y = Math.round(this.view.y);
      link.zm = zoomText(this.view.scale * 100);
    }
    // Readable, as in OMERO.web's links: only what would end the fragment is escaped.
    return Object.entries(link)
      .map(([name, value]) => `${name}=${String(value).replace(/[%&#+"\s]/g, encodeURIComponent)}`)
      .join("&");
  }

  writeLink() {
    history.replaceState(null, "", `#${this.linkText()}`);
  }

  async copyLink() {
    this.writeLink();
    try {
      await navigator.clipboard.writeText(location.href);
      this.tell("Link copied");
    } catch {
      this.tell("The link is in the address bar");
    }
  }
}

function zoomText(percent) {
  return percent >= 10 ? String(Math.round(percent)) : percent.toPrecision(2);
}

function facts({ size, channels, meta, pixel_size: pixel }) {
  const parts = [`${size.width} × ${size.height}`];
  if (size.z > 1) parts.push(`${size.z} z`);
  if (size.t > 1) parts.push(`${size.t} t`);
  parts.push(`${channels.length} ${channels.length === 1 ? "channel" : "channels"}`, meta.pixelsType);
  if (pixel?.x) parts.push(`${Number(pixel.x.toPrecision(4))} µm/px`);
  return parts.join(" · ");
}

// A round length of at most `most` pixels on the screen, each of which shows `micrometres`.
function scaleBar(micrometres, most) {
  const limit = micrometres * most;
  const power = 10 ** Math.floor(Math.log10(limit));
  const value = [5, 2, 1].find((factor) => factor * power <= limit) * power;
  const [size, unit] = value >= 1000 ? [value / 1000, "mm"] : value < 1 ? [value * 1000, "nm"] : [value, "µm"];
  return { length: `${Number(size.toPrecision(3))} ${unit}`, pixels: Math.round(value / micrometres) };
}

function complain(message) {
  stage.setAttribute("aria-busy", "false");
  $("#busy").hidden = true;
  $("#problem").hidden = false;
  $("#problem").textContent = sentence(message);
  document.body.classList.add("failed", "without-panel");
  $("#name").textContent = `Image ${imageId}`;
}

async function start() {
  try {
    const data = await getJson(`/webgateway/imgData/${imageId}/`);
    if (data.Exception || data.ConcurrencyException || !data.size || !data.channels?.length) {
      complain(data.Exception ?? "This image cannot be read, or not yet.");
      return;
    }
    new Viewer(data);
  } catch (error) {
    complain(error.message);
  }
}

start();
