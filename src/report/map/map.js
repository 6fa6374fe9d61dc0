"use strict";
const points = JSON.parse(document.getElementById("points").textContent);
const canvas = document.getElementById("map");
const pen = canvas.getContext("2d");
const card = document.getElementById("card");
const byId = (id) => document.getElementById(id);

// Categories by size; the golden angle keeps neighbours in the legend apart in hue.
const sizes = new Map();
for (const p of points) sizes.set(p.category, (sizes.get(p.category) || 0) + 1);
const categories = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a) || (a < b ? -1 : 1));
const colors = new Map(categories.map((name, i) => [name, `hsl(${(i * 137.5) % 360} ${62 + (i % 3) * 12}% ${44 + (i % 4) * 7}%)`]));
const hidden = new Set();

const xs = points.map((p) => p.x), ys = points.map((p) => p.y);
const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
const most = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const box = { left: least(xs), right: most(xs), bottom: least(ys), top: most(ys) };
const view = { x: 0, y: 0, scale: 1 };
let width = 0, height = 0, shown = [], current = -1;

function whole() {
  const spanX = Math.max(box.right - box.left, 1e-6), spanY = Math.max(box.top - box.bottom, 1e-6);
  view.scale = 0.94 * Math.min(width / spanX, height / spanY);
  view.x = (box.left + box.right) / 2;
  view.y = (box.bottom + box.top) / 2;
}
const place = (p) => [(p.x - view.x) * view.scale + width / 2, (view.y - p.y) * view.scale + height / 2];

function filter() {
  const text = byId("search").value.trim().toLowerCase();
  const wrong = byId("wrong")?.checked, strange = byId("strange").checked;
  const names = (p) => `${p.category} ${p.label || ""} ${p.path}`.toLowerCase();
  shown = points.map((p, i) => i).filter((i) => {
    const p = points[i];
    return !hidden.has(p.category) && (!wrong || p.wrong) && (!strange || !p.in_catalog) && (!text || names(p).includes(text));
  });
  byId("count").textContent = `${shown.length} of ${points.length} photos`;
  draw();
}

function draw() {
  const ratio = window.devicePixelRatio || 1;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const radius = Math.max(2.2, Math.min(7, 60 / Math.sqrt(points.length + 1) + Math.log2(1 + view.scale / 40)));
  for (const i of shown) {
    const [x, y] = place(points[i]);
    if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
    pen.globalAlpha = points[i].in_catalog ? 0.8 : 0.45;
    pen.fillStyle = colors.get(points[i].category);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fill();
    if (points[i].wrong) { pen.globalAlpha = 1; pen.lineWidth = 1.3; pen.strokeStyle = getComputedStyle(document.body).color; pen.stroke(); }
  }
  pen.globalAlpha = 1;
  if (current >= 0) {
    const [x, y] = place(points[current]);
    pen.lineWidth = 2; pen.strokeStyle = getComputedStyle(document.body).color;
    pen.beginPath(); pen.arc(x, y, radius + 4, 0, 2 * Math.PI); pen.stroke();
  }
}

function show(index, x, y) {
  if (index === current && card.hidden === (index < 0)) { if (index >= 0) move(x, y); return; }
  current = index;
  card.hidden = index < 0;
  if (index >= 0) {
    const p = points[index];
    byId("picture").src = p.picture;
    const caption = byId("caption");
    caption.textContent = "";
    const line = (text, name) => { const e = document.createElement(name); e.textContent = text; caption.append(e, document.createElement("br")); };
    line(`${p.category}, ${Math.round(p.confidence * 100)}%`, "strong");
    if (p.label) line(`label: ${p.label}`, "span");
    if (!p.in_catalog) line("not like the catalogue", "em");
    line(p.path, "code");
    move(x, y);
  }
  draw();
}
function move(x, y) {
  card.style.left = `${Math.min(x + 16, window.innerWidth - 250)}px`;
  card.style.top = `${Math.max(8, Math.min(y + 16, window.innerHeight - card.offsetHeight - 8))}px`;
}
function nearest(event) {
  const frame = canvas.getBoundingClientRect();
  const [mx, my] = [event.clientX - frame.left, event.clientY - frame.top];
  let best = -1, reach = 14 * 14;
  for (const i of shown) {
    const [x, y] = place(points[i]);
    const d = (x - mx) ** 2 + (y - my) ** 2;
    if (d < reach) { reach = d; best = i; }
  }
  return best;
}

let drag = null;
canvas.addEventListener("pointerdown", (e) => { drag = [e.clientX, e.clientY]; canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointerup", () => { drag = null; });
canvas.addEventListener("pointermove", (e) => {
  if (!drag) { show(nearest(e), e.clientX, e.clientY); return; }
  view.x -= (e.clientX - drag[0]) / view.scale;
  view.y += (e.clientY - drag[1]) / view.scale;
  drag = [e.clientX, e.clientY];
  show(-1, 0, 0);
  draw();
});
canvas.addEventListener("pointerleave", () => show(-1, 0, 0));
function zoom(factor, px, py) {
  const x = view.x + (px - width / 2) / view.scale, y = view.y - (py - height / 2) / view.scale;
  view.scale *= factor;
  view.x = x - (px - width / 2) / view.scale;
  view.y = y + (py - height / 2) / view.scale;
  draw();
}
canvas.addEventListener("wheel", (e) => {
  e.preventDefault();
  const frame = canvas.getBoundingClientRect();
  zoom(Math.exp(-e.deltaY * 0.0015), e.clientX - frame.left, e.clientY - frame.top);
}, { passive: false });
canvas.addEventListener("keydown", (e) => {
  const step = 60 / view.scale;
  const keys = {
    ArrowLeft: () => { view.x -= step; draw(); }, ArrowRight: () => { view.x += step; draw(); },
    ArrowUp: () => { view.y += step; draw(); }, ArrowDown: () => { view.y -= step; draw(); },
    "+": () => zoom(1.3, width / 2, height / 2), "-": () => zoom(1 / 1.3, width / 2, height / 2),
  };
  if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
});

for (const name of categories) {
  const item = document.createElement("li"), button = document.createElement("button");
  const dot = document.createElement("i"), count = document.createElement("span");
  dot.style.background = colors.get(name);
  count.textContent = sizes.get(name);
  button.type = "button";
  button.setAttribute("aria-pressed", "true");
  button.append(dot, name, count);
  button.addEventListener("click", () => {
    if (!hidden.delete(name)) hidden.add(name);
    button.setAttribute("aria-pressed", String(!hidden.has(name)));
    filter();
  });
  item.append(button);
  byId("legend").append(item);
}
for (const id of ["search", "wrong", "strange"]) byId(id)?.addEventListener("input", filter);
byId("whole").addEventListener("click", () => { whole(); draw(); });
function fit() {
  const first = width === 0;
  width = canvas.clientWidth; height = canvas.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  if (first) whole();
  draw();
}
new ResizeObserver(fit).observe(canvas);
fit();
filter();
