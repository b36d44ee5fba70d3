// Shows one object at a time. What was decided is kept by the server alone; a window remembers its filters and its name.
const main = document.getElementById("main");
const notice = document.getElementById("notice");
const form = document.getElementById("wish");
const here = location.pathname;
let busy = false;

const remembered = (key, fresh) => {
  const name = here + key;
  const found = sessionStorage.getItem(name) ?? fresh();
  sessionStorage.setItem(name, found);
  return found;
};
const self = remembered("window", () => crypto.randomUUID());
const wish = () => Object.fromEntries(new FormData(form));

function tell(text, bad = false) {
  notice.textContent = text;
  notice.classList.toggle("bad", bad);
}

async function ask(path, options = {}) {
  if (busy) return null;
  busy = true;
  document.body.classList.add("busy");
  try {
    const answer = await fetch(path, options);
    return { answer, text: await answer.text() };
  } catch {
    tell("the program does not answer: was it ended? Decisions are safe; start it again.", true);
    return null;
  } finally {
    busy = false;
    document.body.classList.remove("busy");
  }
}

function put(found) {
  if (!found) return;
  const { answer, text } = found;
  if (!(answer.headers.get("content-type") ?? "").startsWith("text/html")) return tell(text, true);
  main.innerHTML = text;
  tell(main.querySelector(".told").textContent, !answer.ok);
  label();
  for (const image of main.querySelectorAll("image")) image.addEventListener("error", () => missing(image));
  const object = main.querySelector(".object");
  sessionStorage.setItem(here + "place", object?.dataset.place ?? "");
  const coming = object?.dataset.coming;
  if (coming) for (const view of ["close", "context"]) new Image().src = `picture/${coming}/${view}.jpg`;
}

async function missing(image) {
  const answer = await fetch(image.getAttribute("href"));
  tell(`the picture cannot be shown: ${await answer.text()}`, true);
}

// what a person has switched stays over objects
const turns = { draw: ["fill", "outline"], shown: ["mask", "other", "both"], beside: ["on", "off"], scope: ["context", "whole"] };

function turn(what) {
  const values = turns[what];
  main.dataset[what] = values[(values.indexOf(main.dataset[what]) + 1) % values.length];
  sessionStorage.setItem(here + what, main.dataset[what]);
  label();
}

function label() {
  const shown = main.querySelector("[data-do=shown]");
  const said = {
    draw: main.dataset.draw === "fill" ? "outline" : "fill",
    scope: main.dataset.scope === "whole" ? "context" : "whole",
    shown: { mask: shown?.dataset.other, other: "both", both: shown?.dataset.mask }[main.dataset.shown],
  };
  for (const [what, text] of Object.entries(said)) {
    const button = main.querySelector(`[data-do=${what}]`);
    if (button) button.textContent = text;
  }
  if (main.dataset.scope === "whole")
    for (const image of main.querySelectorAll("image[data-href]")) {
      image.setAttribute("href", image.dataset.href);
      image.removeAttribute("data-href");
    }
}

const go = async (way, place = main.querySelector(".object")?.dataset.place ?? "") =>
  put(await ask(`object?${new URLSearchParams({ ...wish(), way, place, window: self })}`));

async function say(what) {
  const { place, seen } = main.querySelector(".object")?.dataset ?? {};
  if (what !== "undo" && place === undefined) return;
  const body = JSON.stringify({ wish: wish(), window: self, place: Number(place), seen: Number(seen) });
  put(await ask(`say/${what}`, { method: "POST", headers: { "content-type": "application/json" }, body }));
}

async function finish() {
  const found = await ask("finish", { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  if (found) tell((found.answer.ok ? "written: " : "not written: ") + found.text, !found.answer.ok);
}

function sure(question, then) {
  const dialog = document.getElementById("sure");
  dialog.querySelector("p").textContent = question;
  dialog.returnValue = "no";
  dialog.onclose = () => dialog.returnValue === "yes" && then();
  dialog.showModal();
}

function act(what) {
  const question = main.querySelector(`[data-do=${what}]`)?.dataset.question;
  if (what in turns) turn(what);
  else if (what === "keys") keys.open ? keys.close() : keys.showModal();
  else if (what === "next" || what === "back") go(what);
  else if (what === "surer") question && sure(question, () => say(what));
  else if (what === "finish") sure(question, finish);
  else say(what);
}

const keys = document.getElementById("keys");
const KEYS = {
  a: "accepted", r: "rejected", s: "skipped", u: "undo", A: "surer", f: "draw", b: "shown", n: "beside", w: "scope",
  ArrowRight: "next", ArrowLeft: "back", "?": "keys",
};

document.addEventListener("keydown", (event) => {
  const closing = keys.open && KEYS[event.key] === "keys";
  const typing = event.target.closest("input, select, dialog, summary") || document.querySelector("dialog[open]");
  if ((typing && !closing) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const what = KEYS[event.key];
  if (what) {
    event.preventDefault();
    act(what);
  }
});
main.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.do) act(button.dataset.do);
  else if (button?.dataset.go) go("here", button.dataset.go);
});
form.addEventListener("change", () => {
  sessionStorage.setItem(here + "wish", JSON.stringify(wish()));
  go("first");
});
form.addEventListener("submit", (event) => event.preventDefault());

for (const what of Object.keys(turns)) main.dataset[what] = sessionStorage.getItem(here + what) ?? main.dataset[what];
const before = JSON.parse(sessionStorage.getItem(here + "wish") ?? "null");
if (before) {
  for (const field of form.elements)
    if (field.type === "checkbox") field.checked = field.name in before;
    else if (field.name in before) field.value = before[field.name];
}
const place = sessionStorage.getItem(here + "place");
await go(place ? "here" : "first", place ?? "");
