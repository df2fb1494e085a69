// What every page needs and HTML alone cannot do. Nothing here is needed to read a page or send a form.

"use strict";

(() => {
  const AT_FAULT = '[aria-invalid="true"]:not([type="hidden"])';

  // Messages that came without a new page float over it until the next key or click.
  const float = () => {
    const messages = document.getElementById("messages");
    messages.classList.toggle("is-floating", messages.children.length > 0);
    const settle = () => messages.classList.remove("is-floating");
    document.addEventListener("keydown", settle, { once: true });
    document.addEventListener("pointerdown", settle, { once: true });
  };

  const tell = (text) => {
    const notice = document.createElement("p");
    notice.className = "notice is-fail";
    notice.textContent = text;
    document.getElementById("messages").replaceChildren(notice);
    float();
  };

  // On a phone the navigation scrolls sideways: bring the current entry into view.
  const bar = document.querySelector(".sidebar");
  const current = document.querySelector(".nav [aria-current]");
  if (bar && current && bar.scrollWidth > bar.clientWidth) {
    current.scrollIntoView({ block: "nearest", inline: "center" });
  }

  // A form that came back refused: the cursor goes to the first field that needs another answer.
  document.querySelector(`main ${AT_FAULT}`)?.focus();

  // A move whose answer is a whole page takes a part of it: show it if it is there, whatever the status.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const part = requestConfig.elt.closest("[hx-select]")?.getAttribute("hx-select");
    if (!part || xhr.status === 204) return;
    const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
    if (page.querySelector(part)) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      return;
    }
    event.preventDefault();
    if (xhr.status < 400) {
      window.location.assign(xhr.responseURL);
      return;
    }
    const said = page.querySelectorAll("main h1, main section > p:not([class]), main h1 ~ p:not([class])");
    tell([...said].map((part) => part.textContent.trim().replace(/\.?$/, ".")).join(" ") || unexplained(xhr.status));
  });

  const unexplained = (status) =>
    status === 403
      ? "The console refused this: you may be signed out, or your role may not do it. Reload the page and try again."
      : `The console answered ${status} and changed nothing. Reload the page; if it happens again, see Operations.`;

  // After a person's move the cursor is where the next key makes sense, not back at the top of the page.
  document.addEventListener("htmx:afterSettle", (event) => {
    const { requestConfig, target } = event.detail;
    if (requestConfig?.triggeringEvent?.type !== "submit") return;
    float();
    const part = target?.id ? document.getElementById(target.id) : null;
    const wrong = part?.querySelector(AT_FAULT);
    if (wrong) {
      wrong.focus();
    } else if (part && (!document.activeElement || document.activeElement === document.body)) {
      part.tabIndex = -1;
      part.focus({ preventScroll: true });
    }
  });

  document.addEventListener("htmx:responseError", (event) => tell(unexplained(event.detail.xhr.status)));
  document.addEventListener("htmx:sendError", () => {
    tell("The console did not answer. Check the connection, then try again: nothing was changed.");
  });
})();
