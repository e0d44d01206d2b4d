// Small comforts on top of pages that work without any script.
(() => {
  "use strict";
  const TOAST_MS = 10_000, DOWN_MS = 3_000;

  // The server writes times in the viewer's zone from the next page on.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes("tz=")) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `tz=${encodeURIComponent(zone)}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  // Dialogs and toasts arrive as fragments.
  const settle = () => {
    const dialog = document.querySelector("#dialog dialog:not([open])");
    if (dialog && !dialog.dataset.shown) {
      dialog.dataset.shown = "yes";
      document.querySelectorAll("[popover]:popover-open").forEach((menu) => menu.hidePopover());
      dialog.showModal();
      dialog.addEventListener("close", () => dialog.remove());
    }
    document.querySelectorAll(".toast:not([data-timed])").forEach((toast) => {
      toast.dataset.timed = "yes";
      setTimeout(() => toast.remove(), TOAST_MS);
    });
  };
  document.addEventListener("htmx:after:swap", settle);
  document.addEventListener("DOMContentLoaded", settle);

  document.addEventListener("click", (event) => {
    const close = event.target.closest("dialog [data-close]");
    if (close) {
      event.preventDefault();
      close.closest("dialog").close();
      return;
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim());
      copy.textContent = "Copied";
    }
  });

  // "Live" turns to "Reconnecting" when the stream is down for three seconds.
  let down = null;
  const mark = (state) => {
    const live = document.getElementById("live");
    if (live) live.dataset.state = state;
  };
  document.addEventListener("htmx:sse:after:connection", () => {
    clearTimeout(down);
    down = null;
    mark("on");
  });
  const lost = (event) => {
    if (event.detail?.status === 401) location.reload();
    down ??= setTimeout(() => mark("off"), DOWN_MS);
  };
  document.addEventListener("htmx:sse:error", lost);
  document.addEventListener("htmx:sse:close", lost);
})();
