// Where one looks: the image point in the middle of the stage and the scale, moved by mouse,
// touch and keys.

const MAX_SCALE = 32;

export class View {
  constructor(stage, width, height, moved) {
    this.stage = stage;
    this.width = width;
    this.height = height;
    this.moved = moved;
    this.x = width / 2;
    this.y = height / 2;
    this.scale = 1;
    this.isFitted = true;
    this.pointers = new Map();
    this.measure();
    new ResizeObserver(() => this.resized()).observe(stage);
    this.listen();
  }

  measure() {
    this.stageWidth = Math.max(1, this.stage.clientWidth);
    this.stageHeight = Math.max(1, this.stage.clientHeight);
    this.density = window.devicePixelRatio || 1;
  }

  resized() {
    this.measure();
    if (this.isFitted) this.fit();
    else this.moved();
  }

  fitScale() {
    return Math.min(this.stageWidth / this.width, this.stageHeight / this.height);
  }

  fit() {
    this.scale = Math.min(this.fitScale() * 0.98, MAX_SCALE / 4);
    this.x = this.width / 2;
    this.y = this.height / 2;
    this.isFitted = true;
    this.moved();
  }

  look(x, y, scale) {
    this.x = x;
    this.y = y;
    this.scale = scale;
    this.settle();
  }

  // Zooms so that the image point under (`left`, `top`) of the stage stays where it is.
  zoom(factor, left = this.stageWidth / 2, top = this.stageHeight / 2) {
    const [x, y] = this.toImage(left, top);
    this.scale *= factor;
    this.bound();
    this.x = x - (left - this.stageWidth / 2) / this.scale;
    this.y = y - (top - this.stageHeight / 2) / this.scale;
    this.settle();
  }

  pan(right, down) {
    this.x -= right / this.scale;
    this.y -= down / this.scale;
    this.settle();
  }

  bound() {
    const least = Math.min(this.fitScale() / 2, 1);
    this.scale = Math.min(Math.max(this.scale, least), MAX_SCALE);
  }

  settle() {
    this.bound();
    this.x = Math.min(Math.max(this.x, 0), this.width);
    this.y = Math.min(Math.max(this.y, 0), this.height);
    this.isFitted = false;
    this.moved();
  }

  toScreen(x, y) {
    return [
      (x - this.x) * this.scale + this.stageWidth / 2,
      (y - this.y) * this.scale + this.stageHeight / 2,
    ];
  }

  toImage(left, top) {
    return [
      this.x + (left - this.stageWidth / 2) / this.scale,
      this.y + (top - this.stageHeight / 2) / this.scale,
    ];
  }

  bounds() {
    return [...this.toImage(0, 0), ...this.toImage(this.stageWidth, this.stageHeight)];
  }

  listen() {
    const { stage } = this;
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.pointerDown(event));
    stage.addEventListener("pointermove", (event) => this.pointerMove(event));
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, (event) => this.pointers.delete(event.pointerId));
    }
    stage.addEventListener("dblclick", (event) => this.zoom(2, ...this.place(event)));
    stage.addEventListener("keydown", (event) => this.key(event));
  }

  place(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const turned = Math.min(Math.max(event.deltaY * lines, -300), 300);
    this.zoom(Math.exp(-turned / (event.ctrlKey ? 120 : 400)), ...this.place(event));
  }

  pointerDown(event) {
    if (event.button !== 0) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
  }

  pointerMove(event) {
    const was = this.pointers.get(event.pointerId);
    if (!was) return;
    const is = this.place(event);
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
    this.pointers.set(event.pointerId, is);
    if (!others.length) {
      this.pan(is[0] - was[0], is[1] - was[1]);
      return;
    }
    const [, fixed] = others[0];
    const before = Math.hypot(was[0] - fixed[0], was[1] - fixed[1]);
    const after = Math.hypot(is[0] - fixed[0], is[1] - fixed[1]);
    this.pan((is[0] - was[0]) / 2, (is[1] - was[1]) / 2);
    if (before > 1) this.zoom(after / before, (is[0] + fixed[0]) / 2, (is[1] + fixed[1]) / 2);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 240 : 60;
    const actions = {
      ArrowLeft: () => this.pan(step, 0),
      ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step),
      ArrowDown: () => this.pan(0, -step),
      "+": () => this.zoom(1.5),
      "=": () => this.zoom(1.5),
      "-": () => this.zoom(1 / 1.5),
      0: () => this.fit(),
      1: () => this.look(this.x, this.y, 1),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
