// The diagnosis clock of an incident's page goes on while the page is open; what the server wrote is right at load.
// role="timer" is not announced by itself: nobody is told each second.

"use strict";

(() => {
  const started = new WeakMap();

  const two = (number) => String(number).padStart(2, "0");

  // As {% duration %} writes it.
  const shown = (seconds) => {
    if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
    const hours = Math.floor(seconds / 3600);
    if (seconds < 2 * 86400) return `${hours} h ${two(Math.floor((seconds % 3600) / 60))} min`;
    return `${Math.floor(seconds / 86400)} d ${hours % 24} h`;
  };

  const tick = () => {
    for (const clock of document.querySelectorAll("[data-clock-seconds]")) {
      if (!started.has(clock)) started.set(clock, performance.now());
      const passed = Math.floor((performance.now() - started.get(clock)) / 1000);
      const seconds = Number(clock.dataset.clockSeconds) + passed;
      clock.querySelector("[data-clock-shown]").textContent = shown(seconds);
      if (seconds > Number(clock.dataset.clockTarget)) clock.classList.replace("pill-warn", "pill-fail");
    }
  };

  tick();
  setInterval(tick, 1000);
})();
