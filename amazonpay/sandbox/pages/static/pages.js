/* Small comforts; every page works without them. */
(() => {
  "use strict";
  // The processing page goes on by itself.
  for (const form of document.querySelectorAll("form[data-submit-after]")) {
    form.querySelector("button").hidden = true;
    setTimeout(() => form.requestSubmit(), Number(form.dataset.submitAfter));
  }
  // A second click would send a second form.
  document.addEventListener("submit", (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  });
  // A page taken from the back-forward memory may send its forms again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
