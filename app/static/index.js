// The list of images: one section for each dataset, one card for each image. What a card tells
// is asked for when it comes into sight.

import { Lane, ServiceError, address, element, getJson, sentence } from "./api.js";

const list = document.querySelector("#datasets");
const status = document.querySelector("#status");
const filter = document.querySelector("#filter");
const iviewer = "iviewer" in document.body.dataset;
const figure = "figure" in document.body.dataset;
const lane = new Lane(4);
const MAX_TRIES = 4;

const sight = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      sight.unobserve(entry.target);
      lane.run(() => fill(entry.target));
    }
  },
  { rootMargin: "300px" },
);

// A server that is just starting has no images yet, or does not answer yet: both change soon.
async function start() {
  try {
    const sections = await readSections();
    list.replaceChildren(...sections);
    const cards = [...list.querySelectorAll(".card")];
    for (const item of cards) sight.observe(item);
    status.classList.remove("problem");
    status.textContent = cards.length
      ? `${cards.length} ${cards.length === 1 ? "image" : "images"}`
      : "There is no image yet. Files that are put into the folder show up here.";
    if (!cards.length) setTimeout(start, 3000);
  } catch (error) {
    status.textContent = sentence(error.message);
    status.classList.add("problem");
    if (error.retryAfterMs) setTimeout(start, error.retryAfterMs);
  }
}

async function readSections() {
  const sections = [];
  for (const project of await getJson("/webgateway/proj/list/")) {
    for (const dataset of await getJson(`/webgateway/proj/${project.id}/children/`)) {
      const images = await getJson(`/webgateway/dataset/${dataset.id}/children/`);
      if (images.length) sections.push(section(project, dataset, images));
    }
  }
  return sections;
}

function section(project, dataset, images) {
  const name = dataset.name === "." ? project.name : dataset.name;
  const cards = images.map((image) => card(image, dataset.name));
  const heading = element("h2", {}, name, element("span", { class: "count" }, `${images.length}`));
  return element("section", { "aria-label": name }, heading, element("ul", { class: "cards" }, ...cards));
}

// Images are named by their path; what the heading says already is left out.
function card(image, folder) {
  const path = image.name || `Image ${image.id}`;
  const name = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
  const picture = element("span", { class: "thumbnail" });
  const facts = element("span", { class: "facts" }, "\u00a0");
  const own = address(`/image/${image.id}/`);
  const link = element(
    "a",
    { href: iviewer ? address("/iviewer/", { images: image.id }) : own, title: path },
    picture,
    element("span", { class: "name" }, name),
    facts,
  );
  const item = element("li", { class: "card" }, link);
  const others = [];
  if (iviewer) others.push(other(own, "Open in the built-in viewer", "\u25eb", path));
  if (figure) {
    const panel = address("/figure/new/", { image: image.id });
    others.push(other(panel, "Begin a figure in OMERO.figure with it", "\u25a6", path));
  }
  if (others.length) item.append(element("div", { class: "others" }, ...others));
  item.dataset.id = image.id;
  item.dataset.name = path.toLowerCase();
  // The embedded image server tells in the description why a file cannot be read.
  if (image.description.startsWith("Unreadable: ")) item.dataset.problem = image.description;
  return item;
}

// What else opens an image than a click on its card, in the card's corner.
function other(href, title, sign, path) {
  return element("a", { class: "other", href, title, "aria-label": `${title}: ${path}` }, sign);
}

async function fill(item, tries = 1) {
  const picture = item.querySelector(".thumbnail");
  const facts = item.querySelector(".facts");
  if (item.dataset.problem) {
    showUnreadable(item, item.dataset.problem);
    return;
  }
  try {
    const data = await getJson(`/webgateway/imgData/${item.dataset.id}/`);
    if (data.Exception || !data.size || !data.channels || !data.channels.length) {
      throw new Error(data.Exception || "This image cannot be read.");
    }
    facts.textContent = describe(data);
    await showThumbnail(picture, item.dataset.id, data.size);
  } catch (error) {
    if (error.retryAfterMs && tries < MAX_TRIES) {
      setTimeout(() => lane.run(() => fill(item, tries + 1)), error.retryAfterMs);
      return;
    }
    showUnreadable(item, `Unreadable: ${error.message}`);
  }
}

function showUnreadable(item, problem) {
  item.classList.add("unreadable");
  const mark = element("span", { class: "mark", "aria-hidden": "true" }, "⚠");
  item.querySelector(".thumbnail").replaceChildren(mark);
  item.querySelector(".facts").textContent = sentence(problem);
}

// Resolves when the picture has come, so that the lane bounds thumbnails as well.
function showThumbnail(place, id, size) {
  return new Promise((resolve, reject) => {
    const picture = element("img", { alt: "", width: "256" });
    picture.onload = () => resolve(place.replaceChildren(picture));
    picture.onerror = () => reject(new ServiceError("Its thumbnail could not be made.", 0, 3000));
    // Thumbnails of tiny images are not blown up by the server.
    const side = Math.min(256, Math.max(96, size.width, size.height));
    picture.src = address(`/webgateway/render_thumbnail/${id}/${side}/`);
  });
}

function describe({ size, channels, meta }) {
  const parts = [`${size.width} × ${size.height}`];
  parts.push(`${channels.length} ${channels.length === 1 ? "channel" : "channels"}`);
  if (size.z > 1) parts.push(`${size.z} z`);
  if (size.t > 1) parts.push(`${size.t} t`);
  parts.push(meta.pixelsType);
  return parts.join(" · ");
}

filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const section of list.children) {
    let visible = 0;
    for (const item of section.querySelectorAll(".card")) {
      item.hidden = !item.dataset.name.includes(wanted);
      if (!item.hidden) visible += 1;
    }
    section.hidden = !visible;
  }
});

start();
