// Tiles of one image: which are needed for a view, fetching them, and painting those that are there.
//
// A picture is named by its plane and rendering parameters. While a new one is being fetched, the
// tiles of the one before stay in place, and coarser or finer levels stand in for missing tiles.

import { request } from "./api.js";

const PARALLEL = 6;
const MAX_TILES = 144;
const MAX_TRIES = 5;

export class Tiles {
  constructor(data, changed) {
    const { width, height } = data.size;
    this.path = `/webgateway/render_image_region/${data.id}`;
    this.width = width;
    this.height = height;
    this.levels = Object.values(data.resolutions ?? {}).map(({ sizeX, sizeY }) => ({
      width: sizeX,
      height: sizeY,
    }));
    if (!this.levels.length) this.levels.push({ width, height });
    // Without smaller levels a large plane would come in very many tiles.
    this.side = this.levels.length === 1 && width * height > 2048 * 2048 ? 1024 : 512;
    this.changed = changed;
    this.loaded = new Map();
    this.loading = new Map();
    this.failed = new Map();
    this.wanted = [];
    this.picture = null;
    this.before = null;
    this.problem = null;
  }

  // `picture` = {z, t, query, name}; the name tells pictures apart.
  show(picture) {
    if (this.picture && this.picture.name === picture.name) return;
    if (this.picture && this.isComplete()) this.before = this.picture.name;
    this.picture = picture;
    this.failed.clear();
    this.problem = null;
  }

  // The coarsest level that still has a pixel for each one on the screen, or nearly.
  levelFor(scale) {
    let best = 0;
    this.levels.forEach((level, number) => {
      if (level.width / this.width >= scale * 0.8) best = number;
    });
    return best;
  }

  // Fetches what the view shows and is not there yet; drops what is no longer needed.
  want(view) {
    if (!this.picture) return;
    this.level = this.levelFor(view.scale * view.density);
    this.wanted = this.tilesIn(view, this.level);
    this.visible = this.wanted.length;
    const coarsest = this.levels.length - 1;
    if (this.level !== coarsest) this.wanted.push(...this.tilesIn(view, coarsest));
    const names = new Set(this.wanted.map((tile) => tile.name));
    for (const [name, fetching] of this.loading) {
      if (!names.has(name)) {
        fetching.abort();
        this.loading.delete(name);
      }
    }
    this.fetchNext();
  }

  isComplete() {
    const isSettled = ({ name }) => this.loaded.has(name) || this.failed.get(name)?.final;
    return this.picture !== null && this.wanted.slice(0, this.visible).every(isSettled);
  }

  tilesIn(view, number) {
    const level = this.levels[number];
    const stepX = (this.side * this.width) / level.width;
    const stepY = (this.side * this.height) / level.height;
    const [left, top, right, bottom] = view.bounds();
    const firstX = Math.max(0, Math.floor(left / stepX));
    const firstY = Math.max(0, Math.floor(top / stepY));
    const lastX = Math.min(Math.ceil(level.width / this.side), Math.ceil(right / stepX));
    const lastY = Math.min(Math.ceil(level.height / this.side), Math.ceil(bottom / stepY));
    const tiles = [];
    for (let y = firstY; y < lastY; y += 1) {
      for (let x = firstX; x < lastX; x += 1) {
        const distance = Math.hypot((x + 0.5) * stepX - view.x, (y + 0.5) * stepY - view.y);
        tiles.push({ level: number, x, y, distance, name: this.nameOf(this.picture.name, number, x, y) });
      }
    }
    return tiles.sort((one, other) => one.distance - other.distance);
  }

  nameOf(picture, level, x, y) {
    return `${picture} ${level} ${x} ${y}`;
  }

  fetchNext() {
    for (const tile of this.wanted) {
      if (this.loading.size >= PARALLEL) return;
      const waits = this.failed.get(tile.name);
      if (this.loaded.has(tile.name) || this.loading.has(tile.name) || waits) continue;
      this.fetchTile(tile);
    }
  }

  async fetchTile(tile, tries = 1) {
    const fetching = new AbortController();
    this.loading.set(tile.name, fetching);
    const { z, t, query } = this.picture;
    const place = [tile.level, tile.x, tile.y, this.side, this.side].join(",");
    try {
      const answer = await request(`${this.path}/${z}/${t}/`, { tile: place, ...query }, fetching.signal);
      const bitmap = await createImageBitmap(await answer.blob());
      if (fetching.signal.aborted) return bitmap.close();
      this.keep(tile, bitmap);
      this.problem = null;
    } catch (error) {
      if (fetching.signal.aborted) return;
      this.fail(tile, error, tries);
    } finally {
      if (this.loading.get(tile.name) === fetching) this.loading.delete(tile.name);
    }
    this.changed();
    this.fetchNext();
  }

  keep(tile, bitmap) {
    this.loaded.set(tile.name, { ...tile, picture: this.picture.name, bitmap });
    if (this.isComplete()) this.before = this.picture.name;
    for (const [name, old] of this.loaded) {
      if (this.loaded.size <= MAX_TILES) break;
      if (this.wanted.some((needed) => needed.name === name)) continue;
      this.loaded.delete(name);
      old.bitmap.close();
    }
  }

  fail(tile, error, tries) {
    this.problem = error.message;
    const final = !error.retryAfterMs || tries >= MAX_TRIES;
    this.failed.set(tile.name, { final });
    if (final) return;
    setTimeout(() => {
      if (this.failed.get(tile.name)?.final !== false) return;
      this.failed.delete(tile.name);
      if (this.wanted.some((needed) => needed.name === tile.name)) this.fetchTile(tile, tries + 1);
    }, error.retryAfterMs);
  }

  paint(context, view) {
    const passes = [[], [], [], []];
    for (const tile of this.loaded.values()) {
      const isCurrent = tile.picture === this.picture?.name;
      if (!isCurrent && tile.picture !== this.before) continue;
      if (tile.level < this.level - 1) continue;
      passes[(tile.level === this.level ? 2 : 0) + (isCurrent ? 1 : 0)].push(tile);
    }
    for (const pass of passes) {
      pass.sort((one, other) => other.level - one.level);
      for (const tile of pass) this.paintTile(context, view, tile);
    }
    for (const tile of this.wanted) {
      const used = this.loaded.get(tile.name);
      if (!used) continue;
      // Last in the map is last to go.
      this.loaded.delete(tile.name);
      this.loaded.set(tile.name, used);
    }
  }

  paintTile(context, view, { level, x, y, bitmap }) {
    const stretchX = this.width / this.levels[level].width;
    const stretchY = this.height / this.levels[level].height;
    const [left, top] = view.toScreen(x * this.side * stretchX, y * this.side * stretchY);
    const [right, bottom] = view.toScreen(
      (x * this.side + bitmap.width) * stretchX,
      (y * this.side + bitmap.height) * stretchY,
    );
    // Whole device pixels, or hairlines show between tiles.
    const [x0, y0, x1, y1] = [left, top, right, bottom].map((at) => Math.round(at * view.density));
    if (x1 <= 0 || y1 <= 0 || x0 >= context.canvas.width || y0 >= context.canvas.height) return;
    context.drawImage(bitmap, x0, y0, x1 - x0, y1 - y0);
  }
}
