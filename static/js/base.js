// What every page needs and HTML alone cannot do. Nothing here is needed to read a page or send a form.

"use strict";

(() => {
  const messages = document.getElementById("messages");

  const tell = (text) => {
    const notice = document.createElement("p");
    notice.className = "notice is-fail";
    notice.textContent = text;
    messages.replaceChildren(notice);
    messages.scrollIntoView({ block: "nearest" });
  };

  // On a phone the navigation scrolls sideways: bring the current entry into view.
  const bar = document.querySelector(".sidebar");
  const current = document.querySelector(".nav [aria-current]");
  if (bar && current && bar.scrollWidth > bar.clientWidth) {
    current.scrollIntoView({ block: "nearest", inline: "center" });
  }

  // A form that came back refused: the cursor goes to the first field that needs another answer.
  document.querySelector('main [aria-invalid="true"]:not([type="hidden"])')?.focus();

  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    tell(
      status === 403
        ? "The console refused this: you may be signed out, or your role may not do it. Reload the page and try again."
        : `The console answered ${status} and changed nothing. Reload the page; if it happens again, see Operations.`,
    );
  });
  document.addEventListener("htmx:sendError", () => {
    tell("The console did not answer. Check the connection, then try again: nothing was changed.");
  });
})();
