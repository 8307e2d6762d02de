// The page hears of its task as it comes along. Without this script it loads itself again.
const task = document.querySelector("[data-events]");
const path = document.querySelector(".path");
const place = (name) => document.querySelector(`[data-told=${name}]`);
const { events, speed } = task.dataset;
const sent = Number(task.dataset.sent);
const words = (lasted) => {
  const seconds = (Math.max(0, lasted) / 1000) * speed;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
};

const since = (time) => words(Date.now() - time);

// The states so far, each with how long it lasted, as far as this page has seen it.
let state = place("state").textContent;
let from = state === "PENDING" ? sent : 0;
let done = false;
let lost = 0;
const SILENCE = 25000; // ms; a stream says something every ten seconds

const note = (text) => {
  const step = document.createElement("li");
  step.textContent = text;
  path.append(step);
  path.hidden = false;
};

const show = (told, live) => {
  lost = 0;
  for (const name of ["state", "meaning", "reason", "took"]) {
    if (place(name).textContent !== told[name]) place(name).textContent = told[name];
  }
  task.dataset.state = told.state;
  if (told.state !== state) {
    // Who only asks now and then does not know when it was.
    // The last one ended when the task did, so that all together are the number below.
    const until = told.lasted === null ? Date.now() : sent + told.lasted;
    note(from && live ? `${state} ${words(until - from)}` : state);
    [state, from] = [told.state, live ? Date.now() : 0];
  }
  done = told.done;
  if (done) note(state);
};

setInterval(() => {
  if (sent && !done) place("took").textContent = `${since(sent)} so far`;
  // A form that is started again answers within a second or two; that is no news.
  const silent = lost && Date.now() - lost > 2000;
  const words = silent ? "Nothing is heard from the form at the moment; this page asks again." : "";
  if (place("silence").textContent !== words) place("silence").textContent = words;
}, 100);
follow(events, {
  heard: show,
  failed: () => void (lost ||= Date.now()),
  over: () => done,
  silence: SILENCE,
});
