// The button says what is happening, and sends once. Without this script the form is taken once all the same.
const form = document.querySelector("form");
const button = form.querySelector("button");
const status = form.querySelector("[role=status]");
const label = button.textContent;
let ticking = 0;

const tick = (began) => {
  // For eyes only: nobody wants to hear a number every second.
  const seconds = document.createElement("span");
  seconds.ariaHidden = "true";
  seconds.textContent = ` ${Math.floor(((Date.now() - began) / 1000) * form.dataset.speed)} s`;
  button.replaceChildren("Sending …", seconds);
};

form.addEventListener("submit", (event) => {
  if (ticking) {
    event.preventDefault();
    return;
  }
  button.ariaDisabled = "true";
  status.textContent = "Your feedback is on its way. This page waits for the answer.";
  const began = Date.now();
  tick(began);
  ticking = setInterval(tick, 250, began);
});

// Back from the next page: a form as it was.
addEventListener("pageshow", () => {
  clearInterval(ticking);
  ticking = 0;
  button.ariaDisabled = null;
  button.textContent = label;
  status.textContent = "";
});
