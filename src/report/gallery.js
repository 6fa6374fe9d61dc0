// The page works without this script; it adds filters, keys, hold-to-compare and the viewer.
"use strict";
const $ = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const search = $("#search"), viewer = $("#viewer"), stage = $("#stage"), slider = $("#slider");
const before = $("#before"), after = $("#after");
const photos = all(".photo"), variants = all(".variant");
const picked = { show: "all", swatches: new Set() };

// --- Filters ---
function matches(variant) {
  if (picked.show === "rejected" && !("rejected" in variant.dataset)) return false;
  if (picked.show === "beyond" && !("beyond" in variant.dataset)) return false;
  if (picked.show === "far" && !("far" in variant.dataset)) return false;
  return picked.swatches.size === 0 || picked.swatches.has(variant.dataset.swatch);
}

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let any = false;
  for (const photo of photos) {
    const text = photo.dataset.text.toLowerCase();
    let shown = 0;
    for (const variant of all(".variant", photo)) {
      const whole = text + " " + variant.dataset.colour.toLowerCase();
      variant.hidden = !(matches(variant) && words.every((word) => whole.includes(word)));
      shown += !variant.hidden;
    }
    const bare = picked.swatches.size === 0 && words.every((word) => text.includes(word));
    const failed = "failed" in photo.dataset;
    const alone = failed && bare && (picked.show === "failed" || picked.show === "all");
    photo.hidden = picked.show === "failed" ? !alone : !(shown || alone);
    any ||= !photo.hidden;
  }
  $("#none").hidden = any;
}

search.addEventListener("input", filter);
for (const button of all("[data-show]")) {
  button.addEventListener("click", () => {
    picked.show = picked.show === button.dataset.show ? "all" : button.dataset.show;
    for (const other of all("[data-show]")) other.setAttribute("aria-pressed", other.dataset.show === picked.show);
    filter();
  });
}
for (const button of all("button.swatch")) {
  button.addEventListener("click", () => {
    const on = !picked.swatches.delete(button.dataset.swatch);
    if (on) picked.swatches.add(button.dataset.swatch);
    button.setAttribute("aria-pressed", on);
    filter();
  });
}
$("#reset").addEventListener("click", () => {
  search.value = "";
  picked.swatches.clear();
  for (const button of all("button.swatch")) button.setAttribute("aria-pressed", "false");
  $("[data-show=all]").click();
  if (picked.show !== "all") $("[data-show=all]").click();
  filter();
});

// --- Hold a variant to see its source ---
const sourceOf = (variant) => $(".source img", variant.closest(".photo"));
let held = null;

function hold(button) {
  const picture = $("img", button), source = sourceOf(button.closest(".variant"));
  if (!picture || !source) return;
  held = { button, picture, url: picture.src };
  picture.src = source.src;
  button.classList.add("holding");
}

function release() {
  if (!held) return;
  held.picture.src = held.url;
  held.button.classList.remove("holding");
  held = null;
}

for (const button of all("button.picture")) {
  let timer = 0, wasHeld = false;
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    wasHeld = false;
    timer = setTimeout(() => { wasHeld = true; hold(button); }, 220);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    button.addEventListener(end, () => { clearTimeout(timer); release(); });
  }
  button.addEventListener("contextmenu", (event) => { if (wasHeld) event.preventDefault(); });
  button.addEventListener("click", () => { if (!wasHeld) open(button.closest(".variant")); });
}

// --- Viewer ---
let current = null, shownCut = 0;
const visible = () => variants.filter((variant) => !variant.hidden && !variant.closest(".photo").hidden);

function cut(percent) {
  shownCut = Math.min(100, Math.max(0, percent));
  slider.value = shownCut;
  place();
}

// The cut is a share of the picture, not of the stage with its margins.
function place() {
  const box = stage.getBoundingClientRect();
  const ratio = (after.naturalWidth || 4) / (after.naturalHeight || 5);
  const width = Math.min(box.width, box.height * ratio);
  const left = (box.width - width) / 2;
  stage.style.setProperty("--cut", `${left + (width * shownCut) / 100}px`);
  $("#line").hidden = shownCut === 0 || shownCut === 100;
}

const loaded = (url) => new Promise((resolve, reject) => {
  const image = new Image();
  image.onload = () => resolve(image);
  image.onerror = reject;
  image.src = url;
});

// Thumbnails at once; the written files when both are there, so that the two are equally sharp.
function show(variant) {
  current = variant;
  const photo = variant.closest(".photo");
  before.src = sourceOf(variant)?.src ?? "";
  after.src = $("img", variant)?.src ?? "";
  after.alt = variant.dataset.name;
  $("#what").textContent = variant.dataset.name;
  $("#details").replaceChildren($(".compare", variant).cloneNode(true), ...all("figcaption > p", variant).map((p) => p.cloneNode(true)));
  place();
  if (!variant.dataset.full || !photo.dataset.from) return;
  Promise.all([photo.dataset.from, variant.dataset.full].map(loaded)).then(([source, made]) => {
    const alike = Math.abs(source.naturalWidth / source.naturalHeight - made.naturalWidth / made.naturalHeight) < 0.01;
    if (current !== variant || !alike) return;
    before.src = source.src;
    after.src = made.src;
    place();
  }, () => {});
}

function open(variant) {
  cut(0);
  viewer.showModal();
  show(variant);
  slider.focus({ preventScroll: true });
}

function step(by) {
  const list = visible(), next = list[list.indexOf(current) + by];
  if (next) show(next);
}

// The same colour in another photo, or its nearest neighbour.
function leap(by) {
  const list = visible(), swatch = current.dataset.swatch;
  const order = by > 0 ? list.slice(list.indexOf(current) + 1) : list.slice(0, list.indexOf(current)).reverse();
  const next = order.find((variant) => variant.dataset.swatch === swatch);
  if (next) show(next);
}

viewer.addEventListener("close", () => { $("button.picture", current)?.focus(); });
$("#previous").addEventListener("click", () => step(-1));
$("#next").addEventListener("click", () => step(1));
$("#close").addEventListener("click", () => viewer.close());
slider.addEventListener("input", () => cut(Number(slider.value)));
after.addEventListener("load", place);
addEventListener("resize", place);

function dragTo(event) {
  const box = stage.getBoundingClientRect();
  const width = Math.min(box.width, (box.height * (after.naturalWidth || 4)) / (after.naturalHeight || 5));
  cut((100 * (event.clientX - box.left - (box.width - width) / 2)) / width);
}
stage.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  stage.setPointerCapture(event.pointerId);
  dragTo(event);
});
stage.addEventListener("pointermove", (event) => { if (stage.hasPointerCapture(event.pointerId)) dragTo(event); });

// --- Keys ---
let spaceCut = null;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (viewer.open) {
    const act = { ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => leap(1), ArrowUp: () => leap(-1) }[event.key];
    if (act) act();
    else if (event.key === " " && event.target.tagName !== "BUTTON") { if (spaceCut === null) { spaceCut = shownCut; cut(100); } }
    else return;
    event.preventDefault();
    return;
  }
  if (event.key === "/" && document.activeElement !== search) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape") {
    if (document.activeElement === search && search.value === "") search.blur();
    search.value = "";
    filter();
  } else if (event.key.startsWith("Arrow") && document.activeElement !== search) {
    move(event);
  }
});
addEventListener("keyup", (event) => {
  if (event.key === " " && spaceCut !== null) { cut(spaceCut); spaceCut = null; }
});

function move(event) {
  const list = visible();
  const here = document.activeElement.closest?.(".variant");
  const at = list.indexOf(here);
  let next;
  if (at < 0) {
    if (document.activeElement !== document.body) return;
    next = list.find((variant) => variant.getBoundingClientRect().top > 60);
  } else if (event.key === "ArrowRight") next = list[at + 1];
  else if (event.key === "ArrowLeft") next = list[at - 1];
  else next = neighbour(list, here, event.key === "ArrowDown" ? 1 : -1);
  if (!next) return;
  event.preventDefault();
  $("button.picture", next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

// The card nearest in the row above or below, of whichever photo.
function neighbour(list, here, way) {
  const from = here.getBoundingClientRect();
  let best = null, least = Infinity;
  for (const variant of list) {
    const box = variant.getBoundingClientRect();
    const down = (box.top - from.top) * way;
    if (down < from.height / 2) continue;
    const cost = down * 4 + Math.abs(box.left - from.left);
    if (cost < least) [best, least] = [variant, cost];
  }
  return best;
}
